"""The card of an export: its content, and the identity that tells exports apart."""

import shutil

from data import BinaryLabel, Dataset, MulticlassLabel, Numeric, Series, Vocabulary
from trainer_module.serving import card

TIDE = Series(time="at", value="level", inputs=3, outputs=2)
LEVELS = Dataset("levels", TIDE.features, TIDE.label, sample="", series=TIDE, weight="copies")
PLANTS = Dataset("plants", (Numeric("size"), Vocabulary("place")), MulticlassLabel("kind", ("oak", "elm")), sample="")
TRIPS = Dataset("trips", (Numeric("fare"),), BinaryLabel("tip", dtype="int64"), sample="")


def test_a_column_is_described_by_its_type():
    assert card.column_types(TRIPS) == {"fare": "float32", "tip": "int64"}


def test_the_classes_of_a_label_belong_to_its_column():
    assert card.column_types(PLANTS) == {"size": "float32", "place": "string", "kind": "string (oak, elm)"}


def test_a_window_and_a_forecast_are_described_with_their_length():
    assert card.column_types(LEVELS) == {"level": "float32[3]", "level_future": "float32[2]", "copies": "float32"}


def test_a_card_is_read_as_written(tmp_path):
    card.write(str(tmp_path), PLANTS)
    content = card.read(str(tmp_path))
    assert (content.dataset, content.task, content.label) == ("plants", "multiclass_classification", "kind")
    assert content.columns == card.column_types(PLANTS)
    assert (tmp_path / "assets.extra" / "dataset.json").is_file()


def test_a_copy_has_the_same_identity_and_another_card_has_another(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    card.write(str(one), TRIPS)
    card.write(str(two), TRIPS)
    copy = shutil.copytree(one, tmp_path / "copy")
    assert card.identity(str(copy)) == card.identity(str(one)) != card.identity(str(two))


def test_a_model_without_a_card_has_no_identity(tmp_path):
    assert card.read(str(tmp_path)) is None
    assert card.identity(str(tmp_path)) is None
