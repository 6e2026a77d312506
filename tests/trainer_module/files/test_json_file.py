from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from trainer_module.files import json_file


@dataclass(frozen=True)
class Score:
    name: str
    value: float


@pytest.mark.parametrize("folder", ["", "ram://json"])
def test_a_dataclass_with_a_value_outside_strict_json_survives_a_round_trip(folder, tmp_path):
    path = f"{folder or tmp_path}/score.json"
    json_file.write(path, Score("loss", float("inf")))
    assert json_file.read(path, Score) == Score("loss", float("inf"))


def test_plain_values_are_read_as_the_requested_type(tmp_path):
    json_file.write(f"{tmp_path}/scores.json", [{"name": "loss", "value": 1.0}])
    assert json_file.read(f"{tmp_path}/scores.json", list[Score]) == [Score("loss", 1.0)]
    with pytest.raises(msgspec.ValidationError):
        json_file.read(f"{tmp_path}/scores.json", Score)


def test_a_missing_file_is_read_as_none(tmp_path):
    assert json_file.read(f"{tmp_path}/missing.json", Score) is None


def test_a_numpy_number_is_written_as_a_number_and_other_objects_are_refused(tmp_path):
    json_file.write(f"{tmp_path}/score.json", {"name": "loss", "value": np.float64(0.5)})
    assert json_file.read(f"{tmp_path}/score.json", Score) == Score("loss", 0.5)
    with pytest.raises(TypeError, match="JSON cannot hold an object of type object"):
        json_file.write(f"{tmp_path}/score.json", {"value": object()})
