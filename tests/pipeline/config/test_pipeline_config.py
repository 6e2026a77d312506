"""The sources of settings, their order of precedence, and the errors for wrong settings."""

import dataclasses

import msgspec
import pytest
import tensorflow as tf

from data import TASKS, discovery, metric_names
from data.datasets.taxi import DATASET as TAXI
from pipeline.config import pipeline_config, reading, tables
from pipeline.errors import USAGE, UsageError


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Returns a function: (TOML text or None, assignments, options) -> PipelineConfig. The current folder is tmp_path."""
    monkeypatch.chdir(tmp_path)

    def call(text=None, *assignments, **options):
        file = None
        if text is not None:
            file = tmp_path / "run.toml"
            file.write_text(text, "utf-8")
        return pipeline_config.load(file, assignments, {k.replace("__", "."): v for k, v in options.items()})

    return call


def refusal(load, *args, **options) -> str:
    with pytest.raises(UsageError) as error:
        load(*args, **options)
    assert error.value.exit_code == USAGE
    return str(error.value)


def test_the_default_configuration(load, tmp_path):
    config = load()
    assert (config.dataset_name, config.model_name) == ("taxi", "custom_wide_deep")
    assert config.dataset is TAXI
    assert config.training.steps == TAXI.training.steps
    assert config.data_path == str(discovery.sample_path(TAXI))
    assert config.output_dir == str(tmp_path / "outputs" / "taxi")
    assert config.training.best == metric_names.AUC
    assert (config.training.export, config.training.keep_checkpoints, config.training.seed) == ("best", 5, 1)
    assert (config.training.summary_steps, config.training.histograms) == (100, False)
    assert config.settings.hyperparameters == {}
    assert config.use_cache


# Settings of a training.


@pytest.mark.parametrize("name", discovery.names(discovery.DATASETS))
def test_the_length_and_cadence_of_a_training_default_to_those_of_the_dataset(load, name):
    config, suggested = load(dataset=name), discovery.dataset(name).training
    for key in ("steps", "batch_size", "checkpoint_steps", "eval_seconds", "patience"):
        assert getattr(config.training, key) == getattr(suggested, key), key
    assert config.training.best == discovery.dataset(name).best


def test_every_key_of_a_training_can_be_set(load):
    keys = {
        "steps": 7, "batch_size": 8, "checkpoint_steps": 3, "eval_seconds": 0, "patience": 0,
        "best": metric_names.BINARY_ACCURACY, "export": "latest", "keep_checkpoints": 2, "summary_steps": 0, "histograms": True,
        "seed": 4, "overhead": 0.5,
        "memory_mb": 7, "grace_seconds": 9, "stall_seconds": 10, "retries": 11, "keep_trainings": 12,
    }  # fmt: skip
    cluster = {"workers": 2, "ps": 1, "strategy": "parameter_server", "devices": 0, "start_seconds": 13}
    assignments = [*keys.items(), *((f"cluster.{key}", value) for key, value in cluster.items())]
    config = load(None, *(f"train.{key}={str(value).lower()}" for key, value in assignments))
    assert msgspec.to_builtins(config.training) == keys | {"cluster": cluster, "fresh_run_id": ""}


def test_every_run_with_resume_false_has_another_fresh_run_id(load):
    first, second = (
        load(None, "train.resume=false").training.fresh_run_id,
        load(None, "train.resume=false").training.fresh_run_id,
    )
    assert first
    assert first != second


def test_checkpoints_may_be_in_another_folder(load, tmp_path):
    assert load().checkpoints == str(tmp_path / "outputs" / "taxi" / "checkpoints")
    assert load(None, f"train.checkpoints={tmp_path}/durable").checkpoints == f"{tmp_path}/durable"
    assert load(None, "train.checkpoints=gs://bucket/durable").checkpoints == "gs://bucket/durable"


def test_every_key_of_a_search_can_be_set(load):
    keys = {
        "trials": 4, "oracle": "hyperband", "parallel": 2, "steps": 50, "seed": 5,
        "objective": metric_names.AUC_PRECISION_RECALL, "factor": 4, "stop_early": False, "evaluations": 3,
    }  # fmt: skip
    config = load(None, *(f"tune.{key}={str(value).lower()}" for key, value in keys.items()))
    assert msgspec.to_builtins(config.tuning) == keys


def test_the_objective_of_a_search_must_be_a_metric_of_the_task(load):
    message = refusal(load, None, "tune.objective=rmse")
    assert "'tune.objective': the best trial of a binary_classification cannot be chosen by 'rmse'" in message


@pytest.mark.parametrize(
    ("cluster", "message_part"),
    [
        ({"workers": 2}, "needs workers and ps"),
        ({"ps": 1}, "needs workers and ps"),
        ({"strategy": "multi_worker_mirrored"}, "needs workers and no ps"),
        ({"strategy": "multi_worker_mirrored", "workers": 1, "ps": 1}, "needs workers and no ps"),
        ({"strategy": "mirrored", "workers": 1}, "needs neither workers nor ps"),
    ],
)
def test_a_cluster_that_cannot_train_is_refused(load, cluster, message_part):
    message = refusal(load, None, *(f"train.cluster.{key}={value}" for key, value in cluster.items()))
    assert message_part in message
    assert f"workers = {cluster.get('workers', 0)}, ps = {cluster.get('ps', 0)}" in message


@pytest.mark.parametrize(("steps", "between"), [(500, 250), (1000, 250), (1001, 500), (50_000, 12_500)])
def test_a_longer_training_saves_no_more_checkpoints_than_the_dataset_suggests(load, steps, between):
    assert load(f"train.steps={steps}", dataset="co2").training.checkpoint_steps == between


def test_with_a_stop_rule_or_a_setting_the_steps_between_checkpoints_stay(load):
    assert load("train.steps=50000", dataset="reviews").training.checkpoint_steps == 100
    assert load("train.steps=50000", "train.checkpoint_steps=70", dataset="co2").training.checkpoint_steps == 70


def test_a_setting_of_zero_overrides_the_dataset(load):
    assert load(dataset="taxi", train__patience=0, train__eval_seconds=0).training.eval_seconds == 0


@pytest.mark.parametrize(
    "metric", [metric_names.RMSE, metric_names.ACCURACY_SKILL, metric_names.CALIBRATION, metric_names.MEAN_LABEL, "loss", ""]
)
def test_the_error_for_a_metric_that_cannot_choose_a_checkpoint_names_those_that_can(load, metric):
    assert refusal(load, None, f"train.best={metric}") == (
        f"Configuration key 'train.best': the best checkpoint of a binary_classification cannot be chosen by '{metric}'. "
        "It can be chosen by: auc, auc_precision_recall, binary_accuracy."
    )


@pytest.mark.parametrize("task", TASKS)
def test_an_estimator_reports_the_metrics_that_can_choose_a_checkpoint(task):
    from trainer_module.heads import metrics

    with tf.Graph().as_default():
        labels = tf.zeros([4, 1], tf.int64 if task.endswith("classification") else tf.float32)
        reported = metrics.eval_metric_ops(task, labels, tf.fill([4, 3 if task.startswith("multi") else 1], 0.3))
    directed = {name for name, direction in TASKS[task].metrics.items() if direction != "none"}
    assert set(TASKS[task].selection_metrics) == directed & reported.keys()
    assert TASKS[task].primary in TASKS[task].selection_metrics


# Sources of settings.


def test_a_run_writes_only_below_the_output_folder(load, tmp_path):
    config = load(output_dir="out")
    paths = [config.artifacts, config.checkpoints, config.serving, config.metadata_file]
    assert paths == [str(tmp_path / "out" / n) for n in ("artifacts", "checkpoints", "serving", "metadata.sqlite")]


def test_a_file_overrides_the_defaults(load):
    config = load('model = "keras_wide_deep"\n[train]\nsteps = 7\n[hyperparameters]\nrate = 0.5\n')
    assert config.model_name == "keras_wide_deep"
    assert config.training.steps == 7
    assert config.settings.hyperparameters == {"rate": 0.5}
    assert config.training.batch_size == TAXI.training.batch_size


def test_a_set_overrides_one_value_of_the_file(load):
    config = load("[train]\nsteps = 7\nbatch_size = 32\n", "train.steps=8")
    assert config.training.steps == 8
    assert config.training.batch_size == 32


def test_the_last_of_two_sets_wins(load):
    assert load(None, "train.steps=8", "train.steps=9").training.steps == 9


def test_an_option_overrides_a_set(load):
    assert load("[train]\nsteps = 7\n", "train.steps=8", train__steps=9).training.steps == 9


def test_an_option_of_none_changes_nothing(load):
    assert load(None, "model=keras_wide_deep", model=None).model_name == "keras_wide_deep"


def test_a_set_may_contain_spaces_and_a_second_equals_sign(load):
    config = load(None, " train.steps = 8 ", "hyperparameters.activation=a=b")
    assert config.training.steps == 8
    assert config.settings.hyperparameters == {"activation": "a=b"}


def test_a_set_without_an_equals_sign_is_refused(load):
    assert refusal(load, None, "train.steps") == "--set takes key=value. Received: 'train.steps'."


@pytest.mark.parametrize(
    ("text", "assignments", "key", "nearest"),
    [
        ('datset = "taxi"\n', [], "datset", "dataset"),
        ("[train]\nstep = 3\n", [], "train.step", "train.steps"),
        (None, ["modle=x"], "modle", "model"),
        (None, ["train.batchsize=3"], "train.batchsize", "train.batch_size"),
    ],
)
def test_the_error_for_an_unknown_key_names_the_nearest_and_all_known_ones(load, text, assignments, key, nearest):
    message = refusal(load, text, *assignments)
    assert message.startswith(f"Unknown configuration key '{key}'. Did you mean '{nearest}'? Known: ")
    assert ", ".join(k for k, _ in reading.manual()) in message


def test_the_error_for_an_unknown_table_names_the_known_keys(load):
    message = refusal(load, "[zoo]\nsteps = 3\n")
    assert message.startswith("Unknown configuration key 'zoo'. Known: dataset, model, ")


def test_a_key_below_a_value_is_unknown(load):
    assert "'train.steps.x'" in refusal(load, "[train]\nsteps = 3\n", "train.steps.x=5")


@pytest.mark.parametrize(
    ("text", "assignments", "key", "received"),
    [
        ('[train]\nsteps = "many"\n', [], "train.steps", "'many'"),
        ("[train]\nsteps = 1.5\n", [], "train.steps", "1.5"),
        ("[train]\nsteps = 0\n", [], "train.steps", "0"),
        ("[train]\nbatch_size = -1\n", [], "train.batch_size", "-1"),
        ("[train]\nseed = 2147483648\n", [], "train.seed", "2147483648"),
        ("dataset = 5\n", [], "dataset", "5"),
        ("train = 5\n", [], "train", "5"),
        (None, ["train.checkpoint_steps=often"], "train.checkpoint_steps", "'often'"),
        (None, ["train.eval_seconds=-1"], "train.eval_seconds", "'-1'"),
        (None, ["train.patience=-1"], "train.patience", "'-1'"),
        (None, ["train.keep_checkpoints=0"], "train.keep_checkpoints", "'0'"),
        (None, ["train.summary_steps=-1"], "train.summary_steps", "'-1'"),
        (None, ["train.histograms=maybe"], "train.histograms", "'maybe'"),
        (None, ["train.export=worst"], "train.export", "'worst'"),
        (None, ["train.seed=-1"], "train.seed", "'-1'"),
        (None, ["run.engine=Abacus"], "run.engine", "'Abacus'"),
        ("[hyperparameters]\nunits = [1, 2]\n", [], "hyperparameters.units", "[1, 2]"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(load, text, assignments, key, received):
    message = refusal(load, text, *assignments)
    assert message.startswith(f"Configuration key '{key}': ")
    assert f"Received: {received}." in message


def test_the_error_for_a_value_out_of_range_names_the_bound(load):
    assert ">= 1" in refusal(load, None, "train.steps=0")


def test_the_error_for_an_unknown_choice_names_the_known_ones(load):
    assert refusal(load, None, "train.export=worst") == (
        "Configuration key 'train.export': expected one of best, latest, final. Received: 'worst'."
    )


def test_the_error_for_a_mistake_in_a_file_names_the_file(load, tmp_path):
    assert str(tmp_path / "run.toml") in refusal(load, "[train]\nstep = 3\n")
    assert "run.toml" not in refusal(load, "[train]\nsteps = 3\n", "train.step=4")


def test_the_error_for_invalid_toml_names_file_and_line(load, tmp_path):
    message = refusal(load, "model = 'x'\n[train\n")
    assert message.startswith(f"The configuration file {tmp_path / 'run.toml'} is not valid TOML: ")
    assert "line 2" in message


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    file = tmp_path / "run.toml"
    file.write_bytes('model = "café"\n'.encode("latin-1"))
    with pytest.raises(UsageError, match=r"run\.toml is not valid TOML"):
        pipeline_config.load(file, [], {})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml cannot be read: No such file or directory\."):
        pipeline_config.load(tmp_path / "none.toml", [], {})


def test_the_error_for_an_unknown_dataset_names_the_known_ones(load):
    message = refusal(load, dataset="taxo")
    assert message.startswith("Unknown dataset 'taxo'. Did you mean 'taxi'? Known: ")


def test_the_error_for_an_unknown_model_names_the_known_ones(load):
    message = refusal(load, None, "model=keras_wide_deeep")
    assert message.startswith("Unknown model 'keras_wide_deeep'. Did you mean 'keras_wide_deep'? Known: ")
    assert "custom_wide_deep" in message


def test_relative_paths_become_absolute(load, tmp_path):
    config = load('output_dir = "out"\n[data]\npath = "trips/a.csv"\n')
    assert config.output_dir == str(tmp_path / "out")
    assert config.data_path == str(tmp_path / "trips" / "a.csv")


def test_absolute_paths_and_urls_stay(load):
    config = load(output_dir="/srv/out", data__path="gs://bucket/trips.csv")
    assert config.output_dir == "/srv/out"
    assert config.data_path == "gs://bucket/trips.csv"


@pytest.mark.parametrize(
    "place", ["", "settings", "training", "settings.train", "settings.data", "settings.run", "settings.train.cluster"]
)
def test_a_configuration_is_frozen(load, place):
    target = load()
    for name in filter(None, place.split(".")):
        target = getattr(target, name)
    fields = dataclasses.fields(target) if dataclasses.is_dataclass(target) else msgspec.structs.fields(target)
    field = fields[0].name
    with pytest.raises(AttributeError):
        setattr(target, field, None)


def test_the_manual_has_a_line_for_every_key():
    manual = dict(reading.manual())
    assert {"dataset", "train.steps", "data.path", "run.engine", "hyperparameters"} <= manual.keys()
    assert all(manual.values())


def test_every_engine_names_its_beam_runner(load):
    for engine, options in tables.ENGINES.items():
        assert load(run__engine=engine).beam_args == options
        assert any(o.startswith("--runner=") for o in options), engine


def test_the_cache_can_be_turned_off():
    assert not pipeline_config.load(None, [], {}, use_cache=False).use_cache


def test_loading_writes_nothing(load, tmp_path):
    load(output_dir="out")
    assert list(tmp_path.iterdir()) == []
