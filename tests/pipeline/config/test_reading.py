"""The sources of settings, their order of precedence, and the errors for wrong settings."""

import pytest

from data.datasets.taxi import DATASET as TAXI
from pipeline.config import pipeline_config, reading
from pipeline.errors import UsageError


def test_a_file_overrides_the_defaults(load):
    config = load('model = "keras_wide_deep"\n[train]\nsteps = 7\n[hyperparameters]\nrate = 0.5\n')
    assert config.model_name == "keras_wide_deep"
    assert config.training.steps == 7
    assert config.settings.hyperparameters == {"rate": 0.5}
    assert config.training.batch_size == TAXI.training.batch_size


def test_a_set_overrides_one_value_of_the_file(load):
    config = load("[train]\nsteps = 7\nbatch_size = 32\n", "train.steps=8")
    assert config.training.steps == 8
    assert config.training.batch_size == 32


def test_the_last_of_two_sets_wins(load):
    assert load(None, "train.steps=8", "train.steps=9").training.steps == 9


def test_an_option_overrides_a_set(load):
    assert load("[train]\nsteps = 7\n", "train.steps=8", train__steps=9).training.steps == 9


def test_an_option_of_none_changes_nothing(load):
    assert load(None, "model=keras_wide_deep", model=None).model_name == "keras_wide_deep"


def test_a_set_may_contain_spaces_and_a_second_equals_sign(load):
    config = load(None, " train.steps = 8 ", "hyperparameters.activation=a=b")
    assert config.training.steps == 8
    assert config.settings.hyperparameters == {"activation": "a=b"}


def test_a_set_without_an_equals_sign_is_refused(refusal):
    assert refusal(None, "train.steps") == "--set takes key=value. Received: 'train.steps'."


@pytest.mark.parametrize(
    ("text", "assignments", "key", "nearest"),
    [
        ('datset = "taxi"\n', [], "datset", "dataset"),
        ("[train]\nstep = 3\n", [], "train.step", "train.steps"),
        (None, ["modle=x"], "modle", "model"),
        (None, ["train.batchsize=3"], "train.batchsize", "train.batch_size"),
    ],
)
def test_the_error_for_an_unknown_key_names_the_nearest_and_all_known_ones(refusal, text, assignments, key, nearest):
    message = refusal(text, *assignments)
    assert message.startswith(f"Unknown configuration key '{key}'. Did you mean '{nearest}'? Known: ")
    assert ", ".join(k for k, _ in reading.manual()) in message


def test_the_error_for_an_unknown_table_names_the_known_keys(refusal):
    message = refusal("[zoo]\nsteps = 3\n")
    assert message.startswith("Unknown configuration key 'zoo'. Known: dataset, model, ")


def test_a_key_below_a_value_is_unknown(refusal):
    assert "'train.steps.x'" in refusal("[train]\nsteps = 3\n", "train.steps.x=5")


@pytest.mark.parametrize(
    ("text", "assignments", "key", "received"),
    [
        ('[train]\nsteps = "many"\n', [], "train.steps", "'many'"),
        ("[train]\nsteps = 1.5\n", [], "train.steps", "1.5"),
        ("[train]\nsteps = 0\n", [], "train.steps", "0"),
        ("[train]\nbatch_size = -1\n", [], "train.batch_size", "-1"),
        ("[train]\nseed = 2147483648\n", [], "train.seed", "2147483648"),
        ("dataset = 5\n", [], "dataset", "5"),
        ("train = 5\n", [], "train", "5"),
        (None, ["train.checkpoint_steps=often"], "train.checkpoint_steps", "'often'"),
        (None, ["train.eval_seconds=-1"], "train.eval_seconds", "'-1'"),
        (None, ["train.patience=-1"], "train.patience", "'-1'"),
        (None, ["train.keep_checkpoints=0"], "train.keep_checkpoints", "'0'"),
        (None, ["train.summary_steps=-1"], "train.summary_steps", "'-1'"),
        (None, ["train.histograms=maybe"], "train.histograms", "'maybe'"),
        (None, ["train.export=worst"], "train.export", "'worst'"),
        (None, ["train.seed=-1"], "train.seed", "'-1'"),
        (None, ["run.engine=Abacus"], "run.engine", "'Abacus'"),
        ("[hyperparameters]\nunits = [1, 2]\n", [], "hyperparameters.units", "[1, 2]"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(refusal, text, assignments, key, received):
    message = refusal(text, *assignments)
    assert message.startswith(f"Configuration key '{key}': ")
    assert f"Received: {received}." in message


def test_the_error_for_a_value_out_of_range_names_the_bound(refusal):
    assert ">= 1" in refusal(None, "train.steps=0")


def test_the_error_for_an_unknown_choice_names_the_known_ones(refusal):
    assert refusal(None, "train.export=worst") == (
        "Configuration key 'train.export': expected one of best, latest, final. Received: 'worst'."
    )


def test_the_error_for_a_mistake_in_a_file_names_the_file(refusal, tmp_path):
    assert str(tmp_path / "run.toml") in refusal("[train]\nstep = 3\n")
    assert "run.toml" not in refusal("[train]\nsteps = 3\n", "train.step=4")


def test_the_error_for_invalid_toml_names_file_and_line(refusal, tmp_path):
    message = refusal("model = 'x'\n[train\n")
    assert message.startswith(f"The configuration file {tmp_path / 'run.toml'} is not valid TOML: ")
    assert "line 2" in message


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    file = tmp_path / "run.toml"
    file.write_bytes('model = "café"\n'.encode("latin-1"))
    with pytest.raises(UsageError, match=r"run\.toml is not valid TOML"):
        pipeline_config.load(file, [], {})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml cannot be read: No such file or directory\."):
        pipeline_config.load(tmp_path / "none.toml", [], {})


def test_the_manual_has_a_line_for_every_key():
    manual = dict(reading.manual())
    assert {"dataset", "train.steps", "data.path", "run.engine", "hyperparameters"} <= manual.keys()
    assert all(manual.values())
