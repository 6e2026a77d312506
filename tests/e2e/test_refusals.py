"""The data gate refuses data that violates the reviewed schema, until a person accepts the change."""

import shutil

import pytest

from pipeline import node_ids
from tests.support import cli, samples

QUICK = ("--dataset", "toy.fruit", "--set", "train.steps=100", "--set", "train.batch_size=50")


@pytest.fixture
def toy_copy(toy, tmp_path):
    """A copy of the folder with the toy package. A test may write a schema into it."""
    shutil.copytree(toy / "toy", tmp_path / "toy")
    return tmp_path


def accept(folder, output, answer="y\n"):
    """Runs `schema accept` and answers its question. `folder`: where the toy package is."""
    return cli.call("schema", "accept", "--dataset", "toy.fruit", "--output-dir", output, path=folder, stdin=answer)


@pytest.mark.slow
def test_a_refusal_names_the_anomaly_and_the_next_run_passes_after_it_is_accepted(toy_copy, tmp_path):
    output, schema = tmp_path / "out", toy_copy / "toy" / "fruit.pbtxt"
    assert cli.run(output, *QUICK, "--to", node_ids.DATA_GATE, path=toy_copy).code == 0
    accepted = accept(toy_copy, output)
    assert accepted.code == 0, accepted.err
    assert schema.exists()

    purple = samples.write_fruit(
        tmp_path / "purple.csv", change=lambda row: row | ({"colour": "purple"} if row["crate"] == 3 else {})
    )
    refused = cli.run(output, *QUICK, "--data", purple, path=toy_copy)
    assert (refused.code, refused.record["status"]) == (3, "refused"), refused.err
    states = refused.states()
    assert {states[n] for n in (node_ids.TRANSFORM, node_ids.TRAINER, node_ids.EVALUATOR, node_ids.PUSHER)} == {"skipped"}
    for words in ("'colour'", "'purple'", "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "rows", "schema accept --dataset toy.fruit"):
        assert words in refused.err
    assert refused.record["gates"][0]["id"] == node_ids.DATA_GATE

    again = cli.run(output, *QUICK, "--data", purple, path=toy_copy)
    assert again.code == 3, "the refusal is cached, so the gate does not run again"
    assert again.states()[node_ids.DATA_GATE] == "cached"

    before = schema.read_text()
    declined = accept(toy_copy, output, answer="n\n")
    assert (declined.code, schema.read_text()) == (0, before)
    accepted = accept(toy_copy, output)
    assert '+ value: "purple"' in accepted.out
    passed = cli.run(output, *QUICK, "--data", purple, path=toy_copy)
    assert (passed.code, passed.record["status"]) == (0, "pushed"), passed.err
    assert "nothing to accept" in accept(toy_copy, output).out


def test_an_undeclared_column_only_warns(toy_copy, tmp_path):
    output = tmp_path / "out"
    assert cli.run(output, *QUICK, "--to", node_ids.DATA_GATE, path=toy_copy).code == 0
    assert accept(toy_copy, output).code == 0
    lines = (toy_copy / "toy" / "fruit.csv").read_text().splitlines()
    wide = tmp_path / "wide.csv"
    wide.write_text("\n".join([f"{lines[0]},note", *(f"{line},x" for line in lines[1:])]) + "\n")
    warned = cli.run(output, *QUICK, "--data", wide, "--to", node_ids.DATA_GATE, path=toy_copy)
    assert warned.code == 0, warned.err
    assert "'note'" in warned.record["gates"][0]["why"]
    assert warned.record["gates"][0]["decision"] == "passed"
    warnings = warned.record["gates"][0]["warnings"]
    assert warnings and all("'note'" in warning for warning in warnings)
    assert f"DataGate warns: {' '.join(warnings)}" in warned.out


def test_an_empty_split_is_refused_before_training(toy_copy, tmp_path):
    single = samples.write_fruit(tmp_path / "single.csv", rows=1)
    refused = cli.run(tmp_path / "out", *QUICK, "--data", single, path=toy_copy)
    assert refused.code == 3, refused.err
    assert "split is empty: 0 rows" in refused.err
    assert refused.states()[node_ids.TRAINER] == "skipped"
