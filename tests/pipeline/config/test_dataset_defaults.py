"""The settings of training and tuning: defaults of the dataset, and values that do not fit the dataset."""

import msgspec
import pytest
import tensorflow as tf

from data import TASKS, discovery, metric_names


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


def test_every_key_of_a_search_can_be_set(load):
    keys = {
        "trials": 4, "oracle": "hyperband", "parallel": 2, "steps": 50, "seed": 5,
        "objective": metric_names.AUC_PRECISION_RECALL, "factor": 4, "stop_early": False, "evaluations": 3,
    }  # fmt: skip
    config = load(None, *(f"tune.{key}={str(value).lower()}" for key, value in keys.items()))
    assert msgspec.to_builtins(config.tuning) == keys


def test_the_objective_of_a_search_must_be_a_metric_of_the_task(refusal):
    message = refusal(None, "tune.objective=rmse")
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
def test_a_cluster_that_cannot_train_is_refused(refusal, cluster, message_part):
    message = refusal(None, *(f"train.cluster.{key}={value}" for key, value in cluster.items()))
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
def test_the_error_for_a_metric_that_cannot_choose_a_checkpoint_names_those_that_can(refusal, metric):
    assert refusal(None, f"train.best={metric}") == (
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
