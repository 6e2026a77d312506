"""A reviewed schema travels as text and is checked before it is written."""

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
def test_a_text_that_is_no_schema_is_refused_with_its_place(text, place):
    with pytest.raises(logic.SchemaError, match=f"The reviewed schema cannot be read, at line:column {place}"):
        logic.parse(text)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", 'string_domain { name: "payment" }'])
def test_a_schema_of_nothing_is_refused(text):
    with pytest.raises(logic.SchemaError, match=r"The reviewed schema has no feature\."):
        logic.parse(text)


def test_other_components_read_what_was_written(tmp_path):
    assert read_schema([run(TEXT, tmp_path)]) == logic.parse(TEXT)


def test_the_file_is_called_as_schema_gen_calls_it(tmp_path):
    run(TEXT, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["schema.pbtxt"]


def test_nothing_is_written_of_a_broken_schema(tmp_path):
    with pytest.raises(logic.SchemaError):
        run("feature {", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_text_itself_is_what_the_cache_looks_at():
    component = ReviewedSchemaGen(TEXT)
    assert component.exec_properties == {"schema_text": TEXT}
    assert component.outputs["schema"].type is standard_artifacts.Schema
