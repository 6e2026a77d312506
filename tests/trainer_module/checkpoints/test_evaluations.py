"""The two evaluations that a training remembers: which is better, what survives, what a stop rule sees."""

import math

import pytest
import tensorflow as tf

from data import metric_names
from trainer_module.checkpoints import evaluations
from trainer_module.checkpoints.evaluations import Evaluation, EvaluationSummary

NAN = math.nan


@pytest.fixture
def record(tmp_path):
    """Returns a function: records an evaluation with this step and loss. It returns the summary of all evaluations."""
    evaluated = evaluations.Evaluations(str(tmp_path), "loss", "lower")

    def record(step, loss):
        for suffix in ("index", "data-00000-of-00001", "meta"):
            (tmp_path / f"model.ckpt-{step}.{suffix}").write_text(f"{suffix} {step}")
        evaluated.record(str(tmp_path / f"model.ckpt-{step}"), {"loss": loss, "global_step": step}, None)
        return evaluated.read()

    return record


@pytest.mark.parametrize(
    ("direction", "value", "best_so_far", "better"),
    [
        ("higher", 0.9, 0.8, True),
        ("higher", 0.8, 0.9, False),
        ("higher", 0.8, 0.8, False),
        ("lower", 0.8, 0.9, True),
        ("lower", 0.9, 0.9, False),
        ("higher", NAN, 0.8, False),
        ("higher", math.inf, 0.8, False),
        ("lower", -math.inf, 0.8, False),
        ("lower", 0.5, None, True),
        ("lower", NAN, None, False),
    ],
)
def test_a_better_metric_is_strictly_better_and_finite(direction, value, best_so_far, better):
    evaluated = evaluations.Evaluations("/nowhere", metric_names.AUC, direction)
    assert (
        evaluated.is_better(
            {metric_names.AUC: value, "loss": 1.0}, None if best_so_far is None else {metric_names.AUC: best_so_far}
        )
        is better
    )
    assert not evaluated.is_better({metric_names.AUC: value, "loss": NAN}, None)


def test_the_record_survives_values_that_are_not_finite(record):
    assert math.isnan(record(1, NAN).last.metrics["loss"])
    assert record(2, math.inf).best is None
    assert (record(3, 0.5).best.step, record(4, NAN).best.step) == (3, 3)


def test_an_interrupted_copy_of_the_best_checkpoint_leaves_the_previous_best(record, tmp_path, monkeypatch):
    record(1, 0.5)
    real = tf.io.gfile.copy

    def cut_off(source, target, **kwargs):
        if str(source).endswith(".index"):
            raise KeyboardInterrupt
        real(source, target, **kwargs)

    monkeypatch.setattr(tf.io.gfile, "copy", cut_off)
    with pytest.raises(KeyboardInterrupt):
        record(2, 0.4)
    monkeypatch.undo()
    best = evaluations.Evaluations(str(tmp_path), "loss", "lower").read().best
    assert (best.step, best.checkpoint) == (1, "best/model.ckpt-1")
    assert {p.suffix for p in (tmp_path / "best").glob("model.ckpt-1.*")} == {".index", ".data-00000-of-00001"}
    assert record(3, 0.3).best.checkpoint == "best/model.ckpt-3"
    assert sorted(p.name for p in (tmp_path / "best").iterdir()) == [
        "checkpoint", "model.ckpt-3.data-00000-of-00001", "model.ckpt-3.index"
    ]  # fmt: skip


def evaluation(step):
    return Evaluation(step, f"model.ckpt-{step}", {"loss": 1.0})


@pytest.mark.parametrize(
    ("best", "last", "patience", "out"),
    [
        (3, 7, 4, True),
        (3, 6, 4, False),
        (7, 7, 1, False),
        (None, 4, 4, True),  # no evaluation had a finite metric
        (None, None, 1, False),
        (3, 1000, 0, False),  # 0 is unlimited
    ],
)
def test_patience_counts_the_steps_from_the_best_evaluation_to_the_newest(best, last, patience, out):
    summary = EvaluationSummary(best and evaluation(best), last and evaluation(last))
    assert summary.out_of_patience(patience) is out


@pytest.mark.parametrize(
    ("step", "best", "last"),
    [(4, 1, 4), (5, 1, 4), (3, 1, 1), (1, 1, 1), (0, None, None)],
)
def test_evaluations_after_the_step_to_which_a_training_fell_back_are_forgotten(record, tmp_path, step, best, last):
    record(1, 0.5)
    record(4, 0.6)
    kept = evaluations.Evaluations(str(tmp_path), "loss", "lower")
    kept.forget_after(step)
    assert [e and e.step for e in (kept.read().best, kept.read().last)] == [best, last]


def test_clearing_removes_the_file_and_the_best_checkpoint(record, tmp_path):
    record(1, 0.5)
    evaluations.Evaluations(str(tmp_path), "loss", "lower").clear()
    assert not (tmp_path / evaluations.FILE).exists()
    assert not (tmp_path / evaluations.BEST).exists()


def test_an_export_can_be_added_later(record, tmp_path):
    known = record(1, 0.5)
    kept = evaluations.Evaluations(str(tmp_path), "loss", "lower")
    kept.exported(known.best, str(tmp_path / "export" / "best" / "17"))
    assert (kept.read().best.saved_model, kept.read().last.saved_model) == ("export/best/17", None)


def test_a_metric_that_is_not_reported_is_answered_with_those_that_are():
    known = evaluations.Evaluations("/nowhere", metric_names.AUC, "higher")
    with pytest.raises(evaluations.MissingMetricError, match=r"'auc', but .* It reports: global_step, loss\."):
        known.is_better({"loss": 1.0, "global_step": 5.0}, None)
