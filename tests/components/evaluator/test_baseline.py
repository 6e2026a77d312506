"""Which baselines can be evaluated on a dataset, and the reason if one cannot."""

import json
from pathlib import Path

import msgspec
import pytest
import tensorflow as tf

from components.evaluator.baseline import why_unfit
from data import BinaryLabel, Dataset, MulticlassLabel, Numeric, Series
from trainer_module.serving.card import FILE as CARD_FILE
from trainer_module.serving.card import Card
from trainer_module.serving.signatures import EXAMPLES, PROBABILITY, SERVING_DEFAULT, TRANSFORM_LABELS

TRIPS = Dataset(name="trips", features=(Numeric("fare"),), label=BinaryLabel("tip"), sample="trips.csv")


def saved_model(folder: Path, *signatures: str) -> Path:
    class Tiny(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=EXAMPLES)])
        def serve(self, examples):
            return {PROBABILITY: tf.zeros(tf.shape(examples))}

    tiny = Tiny()
    tf.saved_model.save(tiny, str(folder), dict.fromkeys(signatures, tiny.serve))
    return folder


@pytest.fixture(scope="module")
def complete_model(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("whole"), SERVING_DEFAULT, TRANSFORM_LABELS)


def with_card(model: Path, **changes) -> str:
    card = Card("1", TRIPS.name, TRIPS.task, TRIPS.label.name, dict(TRIPS.columns))
    file = model / CARD_FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(msgspec.to_builtins(msgspec.structs.replace(card, **changes))))
    return str(model)


def test_a_baseline_with_the_same_columns_and_label_fits(complete_model):
    assert why_unfit(with_card(complete_model), TRIPS) is None


def test_a_baseline_that_needs_fewer_columns_than_the_dataset_has_fits(complete_model):
    assert why_unfit(with_card(complete_model, columns={"tip": "float32"}), TRIPS) is None


def test_a_baseline_of_another_dataset_with_the_same_columns_fits(complete_model):
    assert why_unfit(with_card(complete_model, dataset="cabs"), TRIPS) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task": "regression"}, "its task was regression, the dataset's is binary_classification"),
        ({"label": "big_tipper"}, "its label was 'big_tipper', the dataset's is 'tip'"),
        (
            {"columns": {"fare": "float32", "miles": "float32"}},
            "it reads the column 'miles', which the dataset no longer has",
        ),
        ({"columns": {"fare": "int64"}}, "it reads the column 'fare' as int64, but it is float32 now"),
    ],
)
def test_a_baseline_that_was_trained_on_something_else_is_unfit(complete_model, changes, reason):
    assert why_unfit(with_card(complete_model, **changes), TRIPS) == reason


@pytest.mark.parametrize(
    ("signatures", "reason"),
    [
        ([SERVING_DEFAULT], "it has no signature transform_labels"),
        ([TRANSFORM_LABELS], "it has no signature serving_default"),
        (["other"], "it has no signature serving_default and transform_labels"),
    ],
)
def test_a_baseline_without_the_signatures_is_unfit(tmp_path, signatures, reason):
    assert why_unfit(with_card(saved_model(tmp_path, *signatures)), TRIPS) == reason


def test_a_baseline_without_a_card_is_unfit(tmp_path):
    model = saved_model(tmp_path, SERVING_DEFAULT, TRANSFORM_LABELS)
    assert why_unfit(str(model), TRIPS) == ("it does not describe its training data (assets.extra/dataset.json is missing)")


PLANTS = Dataset("plants", (Numeric("size"),), MulticlassLabel("kind", ("oak", "elm")), sample="p.csv", weight="seen")
TIDES = Series(time="at", value="level", inputs=8, outputs=3, season=4)
LEVELS = Dataset("levels", TIDES.features, TIDES.label, sample="l.csv", series=TIDES)


@pytest.mark.parametrize(
    ("dataset", "baseline_columns", "reason"),
    [
        (
            PLANTS,
            {"kind": "string (oak, ash)", "seen": "float32"},
            "it reads the column 'kind' as string (oak, ash), but it is string (oak, elm) now",
        ),
        (PLANTS, {"kind": "string (oak, elm)"}, "it was trained without the example weight 'seen'"),
        (PLANTS, {"kind": "string (oak, elm)", "seen": "float32"}, None),
        (LEVELS, {"level": "float32[6]"}, "it reads the column 'level' as float32[6], but it is float32[8] now"),
        (LEVELS, {"level_future": "float32"}, "it reads the column 'level_future' as float32, but it is float32[3] now"),
        (LEVELS, {"level": "float32[8]", "level_future": "float32[3]"}, None),
    ],
)
def test_a_baseline_with_other_windows_classes_or_weights_is_unfit(complete_model, dataset, baseline_columns, reason):
    changes = {"dataset": dataset.name, "task": dataset.task, "label": dataset.label.name, "columns": baseline_columns}
    assert why_unfit(with_card(complete_model, **changes), dataset) == reason
