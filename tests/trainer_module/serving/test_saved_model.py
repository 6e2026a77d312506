"""Reading and writing the file of a SavedModel without loading its graph."""

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from trainer_module.serving import saved_model
from trainer_module.serving.signatures import SERVING_DEFAULT


def model(*names):
    content = SavedModel()
    graph = content.meta_graphs.add()
    for name in names:
        graph.signature_def[name].method_name = "predict"
    return content


def test_a_model_is_read_as_written(tmp_path):
    saved_model.write(str(tmp_path), model(SERVING_DEFAULT, "embedding"))
    assert [p.name for p in tmp_path.iterdir()] == ["saved_model.pb"]
    assert saved_model.read(str(tmp_path)) == model(SERVING_DEFAULT, "embedding")


def test_the_same_model_is_written_as_the_same_bytes(tmp_path):
    for folder, names in (("one", ("a", "b", "c")), ("two", ("c", "b", "a"))):
        saved_model.write(str(tmp_path / folder), model(*names))
    assert (tmp_path / "one" / "saved_model.pb").read_bytes() == (tmp_path / "two" / "saved_model.pb").read_bytes()


def test_the_names_of_the_signatures_are_read(tmp_path):
    saved_model.write(str(tmp_path), model(SERVING_DEFAULT, "embedding"))
    assert saved_model.signature_names(str(tmp_path)) == {SERVING_DEFAULT, "embedding"}


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(tf.errors.NotFoundError):
        saved_model.read(str(tmp_path))
