"""A reviewed schema is passed as text and checked before it is written."""

import pytest
from tfx.types import standard_artifacts

from components.data_gate.executor import read_schema
from components.reviewed_schema_gen import ReviewedSchemaGen, executor, logic

TEXT = 'feature { name: "fare" type: FLOAT }\nfeature { name: "payment" type: BYTES }\n'


def run(text: str, folder) -> standard_artifacts.Schema:
    output = standard_artifacts.Schema()
    output.uri = str(folder)
    executor.Executor().Do({}, {"schema": [output]}, {"schema_text": text})
    return output


def test_a_schema_is_parsed():
    assert [f.name for f in logic.parse(TEXT).feature] == ["fare", "payment"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (TEXT + 'feature { nome: "miles" }', "3:11"),
        (TEXT + 'feature { name: "miles" type: DOUBLE }', "3:31"),
        (TEXT + 'feature { name: "miles"', "3:"),
        ("<html>", "1:1"),
    ],
    ids=["unknown field", "unknown type", "cut short", "no schema"],
)
def test_the_error_for_an_invalid_schema_names_line_and_column(text, place):
    with pytest.raises(logic.SchemaError, match=f"The reviewed schema cannot be read, at line:column {place}"):
        logic.parse(text)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", 'string_domain { name: "payment" }'])
def test_a_schema_without_a_feature_is_refused(text):
    with pytest.raises(logic.SchemaError, match=r"The reviewed schema has no feature\."):
        logic.parse(text)


def test_other_components_can_read_the_written_schema(tmp_path):
    assert read_schema([run(TEXT, tmp_path)]) == logic.parse(TEXT)


def test_the_file_has_the_name_that_schema_gen_uses(tmp_path):
    run(TEXT, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["schema.pbtxt"]


def test_a_broken_schema_writes_no_file(tmp_path):
    with pytest.raises(logic.SchemaError):
        run("feature {", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_text_is_an_execution_property_so_that_the_cache_compares_it():
    component = ReviewedSchemaGen(TEXT)
    assert component.exec_properties == {"schema_text": TEXT}
    assert component.outputs["schema"].type is standard_artifacts.Schema
