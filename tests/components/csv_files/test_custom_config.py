"""`custom_config`, the only free property of an ExampleGen, carries the name of the dataset."""

from tfx.proto import example_gen_pb2
from tfx.utils import proto_utils

from components.csv_files import custom_config


def test_the_name_of_the_dataset_is_decoded_as_encoded():
    assert custom_config.decode_dataset(custom_config.encode("my_company.churn", code="1a2b")) == "my_company.churn"


def test_the_name_survives_the_json_in_which_tfx_stores_the_property():
    text = proto_utils.proto_to_json(custom_config.encode("taxi", code="1a2b"))
    config = proto_utils.json_to_proto(text, example_gen_pb2.CustomConfig())
    assert custom_config.decode_dataset(config) == "taxi"


def test_another_hash_of_the_code_gives_another_property():
    assert custom_config.encode("taxi", code="1a2b") != custom_config.encode("taxi", code="3c4d")
