"""The job of a training: its folder, its owner, its hyper-parameters. Nothing is trained here."""

from pathlib import Path

import msgspec
import pytest
from tfx.components.trainer.fn_args_utils import FnArgs

from data import metric_names
from tests.support.settings import train_settings
from trainer_module import tfx_jobs
from trainer_module.checkpoints import folder, prune
from trainer_module.custom_config import TunerConfig
from trainer_module.estimators.hyperparameters import HyperParameterError
from trainer_module.tuning.settings import TuneSettings


@pytest.fixture
def make_args(tmp_path):
    """Returns a function: makes the FnArgs that TFX passes, for a number of steps and with these settings."""

    def args(steps, artifacts=tmp_path / "artifacts", chosen=None, **settings):
        return FnArgs(
            train_files=["train/*"],
            eval_files=["eval/*"],
            transform_graph_path="graph",
            model_run_dir=f"{artifacts}/Trainer/model_run/7",
            custom_config={
                "dataset": "taxi",
                "model": "custom_wide_deep",
                "hyperparameters": chosen or {},
                "code": "",
                "checkpoints": str(tmp_path / "checkpoints"),
                "settings": msgspec.to_builtins(train_settings(steps, best=metric_names.AUC, **settings)),
            },
        )

    return args


def test_a_trainers_job_has_all_hyper_parameters_and_a_folder_named_after_its_fingerprint(make_args, tmp_path):
    job = tfx_jobs.trainer_job(make_args(20, chosen={"dropout": "0.5"}))
    assert (job.dataset, job.model, job.train_files, job.eval_files) == ("taxi", "custom_wide_deep", ["train/*"], ["eval/*"])
    assert job.hyperparameters["dropout"] == 0.5 and len(job.hyperparameters) > 1
    assert job.folder == str(tmp_path / "checkpoints" / job.fingerprint())
    assert job.settings.steps == 20


def test_a_hyper_parameter_that_the_model_does_not_have_is_refused(make_args):
    with pytest.raises(HyperParameterError, match="depth"):
        tfx_jobs.trainer_job(make_args(20, chosen={"depth": 3}))


def test_a_trials_job_has_only_the_hyper_parameters_of_the_user_and_no_folder(make_args):
    config = TunerConfig(
        dataset="taxi", model="custom_wide_deep", hyperparameters={"dropout": 0.5}, code="",
        settings=train_settings(20, best=metric_names.AUC), tuning=TuneSettings(trials=2), searches="searches",
    )  # fmt: skip
    job = tfx_jobs.trial_job(make_args(20), config)
    assert (job.hyperparameters, job.folder) == ({"dropout": 0.5}, "")


def save(training, step, fresh_run=None):
    """Writes the files of a checkpoint into a training folder, and the id of the fresh run that began it."""
    Path(training).mkdir(parents=True)
    for name in (f"model.ckpt-{step}.index", f"model.ckpt-{step}.data-00000-of-00001"):
        Path(training, name).touch()
    Path(training, "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"')
    if fresh_run:
        Path(training, "fresh").write_text(fresh_run)


@pytest.mark.parametrize(
    ("cluster", "step", "same_folder"),
    [
        ({"workers": 1, "ps": 1}, 3001, True),  # killed in the last evaluation
        ({"workers": 1, "ps": 1}, 3002, False),
        ({"workers": 2, "ps": 1}, 3002, True),
        ({}, 3001, False),
        ({"workers": 2, "strategy": "multi_worker_mirrored"}, 3001, False),
    ],
)
def test_a_checkpoint_at_most_one_step_per_worker_beyond_the_last_is_of_the_same_training(
    make_args, cluster, step, same_folder
):
    before = tfx_jobs.trainer_job(make_args(3000, cluster=cluster))
    save(before.folder, step)
    after = tfx_jobs.trainer_job(make_args(3000, cluster=cluster))
    assert (after.folder == before.folder) is same_folder


def test_a_retry_of_a_fresh_run_finds_its_own_folder_even_if_another_has_more_steps(make_args):
    args = make_args(20, fresh_run_id="run-2")
    first = tfx_jobs.trainer_job(args)
    save(first.folder, 5, fresh_run="run-2")
    other = f"{first.folder}-2"
    save(other, 9, fresh_run="run-1")
    assert tfx_jobs.trainer_job(args).folder == first.folder
    assert tfx_jobs.trainer_job(make_args(20)).folder == other


def test_the_owner_of_a_training_is_a_relative_path_that_stays_true_after_a_move(make_args, tmp_path):
    job = tfx_jobs.trainer_job(make_args(20))
    owner = tfx_jobs.owner(make_args(20), str(tmp_path / "checkpoints"))
    with folder.held(job.folder, owner):
        assert prune.owner_of(job.folder) == "../artifacts"
    elsewhere = tfx_jobs.owner(make_args(20, artifacts=tmp_path / "another" / "artifacts"), str(tmp_path / "checkpoints"))
    assert elsewhere == "../another/artifacts"
    assert tfx_jobs.owner(make_args(20, artifacts="gs://bucket/artifacts"), str(tmp_path)).endswith("bucket/artifacts")
