"""A user's mistake ends the command with exit code 2 and one paragraph that names it, without a traceback."""

import gzip
import os
import stat

import pytest

from pipeline import node_ids
from tests.support import cli


@pytest.fixture(scope="module")
def valid_csv(toy):
    return (toy / "toy" / "fruit.csv").read_text()


def lines(text):
    return text.splitlines(keepends=True)


def _truncated_gz(path, text):
    path = path.with_suffix(".csv.gz")
    path.write_bytes(gzip.compress(text.encode())[:-3000])
    return path


def _folder_without_csv(path, text):
    path.with_suffix("").mkdir()
    (path.with_suffix("") / "readme.txt").write_text(text)
    return path.with_suffix("")


def _write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Mistake -> (function that writes the data and returns its path, words that the message must contain).
DATA = {
    "missing file": (lambda p, t: p, ["There is no file or folder"]),
    "empty file": (lambda p, t: _write(p, ""), ["is empty"]),
    "header only": (lambda p, t: _write(p, lines(t)[0]), ["a header but no rows"]),
    "missing column": (lambda p, t: _write(p, t.replace("weight", "wait", 1)), ["row 1", "'weight' is missing"]),
    "wrong type": (lambda p, t: _write(p, "".join(lines(t)[:9]) + "heavy,3,red,1,0\n"), ["row 10", "'weight'", "'heavy'"]),
    "wrong delimiter": (lambda p, t: _write(p, t.replace(",", ";")), ["separated by semicolons"]),
    "not UTF-8": (lambda p, t: _write(p, t.replace("red", "ros\u00e9").encode("latin-1")), ["is not UTF-8", "row "]),
    "truncated gz": (_truncated_gz, ["is damaged", "truncated"]),
    "no CSVs": (_folder_without_csv, ["holds no file named *.csv"]),
}


@pytest.mark.parametrize("case", DATA)
def test_unusable_data_ends_with_2_and_the_place_of_the_mistake(case, valid_csv, toy, tmp_path):
    write, words = DATA[case]
    path = write(tmp_path / "data.csv", valid_csv)
    result = cli.run(tmp_path / "out", "--dataset", "toy.fruit", "--data", path, path=toy)
    assert result.code == 2
    assert_one_paragraph(result, [str(path), *words])
    assert not (tmp_path / "out" / "artifacts").exists(), "no node may run"


# Mistake -> (arguments, words that the message must contain).
ARGUMENTS = {
    "unknown dataset": (["--dataset", "taxy"], ["Unknown dataset 'taxy'", "'taxi'"]),
    "unknown model": (["--model", "custom_wide"], ["Unknown model", "custom_wide_deep"]),
    "unknown key": (["--set", "train.step=3"], ["Unknown configuration key 'train.step'", "train.steps"]),
    "wrong value": (["--set", "train.steps=many"], ["train.steps", "'many'"]),
    "unknown hyper-parameter": (["--set", "hyperparameters.depth=3"], ["'depth'", "learning_rate"]),
    "unknown node": (["--to", "Trainr"], ["no node 'Trainr'", node_ids.TRAINER]),
    "nothing to start from": (["--from", node_ids.TRAINER], ["has all of them", node_ids.TRANSFORM]),
    "unknown option": (["--modle", "x"], ["No such option"]),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_wrong_usage_ends_with_2_and_the_way_to_correct_it(case, tmp_path):
    arguments, words = ARGUMENTS[case]
    result = cli.run(tmp_path / "out", *arguments)
    assert result.code == 2
    assert_one_paragraph(result, words)


def test_a_typo_in_the_configuration_file_is_reported_with_the_file(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("[train]\nsteeps = 3\n")
    result = cli.run(tmp_path / "out", "--config", file)
    assert result.code == 2
    assert_one_paragraph(result, ["'train.steeps'", "train.steps", str(file)])


def test_a_former_name_in_a_dataset_file_is_reported_with_the_current_name(tmp_path):
    (tmp_path / "former").mkdir()
    (tmp_path / "former" / "__init__.py").touch()
    file = tmp_path / "former" / "fruit.py"
    file.write_text('"""Fruit."""\n\nfrom data import Dataset, Label\n')
    result = cli.run(tmp_path / "out", "--dataset", "former.fruit", path=tmp_path)
    assert result.code == 2
    assert_one_paragraph(result, [f"{file}, line 3: `Label` is now called `BinaryLabel`"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere; the next test covers root")
def test_an_output_folder_without_write_permission_is_refused(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    result = cli.run(tmp_path / "out")
    tmp_path.chmod(stat.S_IRWXU)
    assert result.code == 2
    assert_one_paragraph(result, ["cannot be written", "--output-dir"])


def test_an_output_folder_that_cannot_be_created_is_refused(tmp_path):
    (tmp_path / "file").touch()
    result = cli.run(tmp_path / "file" / "out")
    assert result.code == 2
    assert_one_paragraph(result, ["cannot be written", "--output-dir"])


def test_accepting_a_schema_before_any_run_is_refused(tmp_path):
    result = cli.call("schema", "accept", "--output-dir", tmp_path)
    assert result.code == 2
    assert_one_paragraph(result, ["no run"])


def assert_one_paragraph(result, words):
    """Asserts that standard error is one paragraph (or Click's usage text) without a traceback, and contains the words."""
    text = result.err.strip()
    assert "Traceback" not in text
    assert "\n\n" not in text or text.startswith("Usage:")
    for word in words:
        assert word in text
