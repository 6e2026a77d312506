"""Whole runs for every task: on each dataset of the project, and on toys, some with mistakes in their data."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma

from data import TASKS, discovery, metric_names
from pipeline import node_ids
from tests.support import cli, samples, training
from trainer_module.serving.signatures import PREDICT_RAW, PREDICTION

# Other tests run taxi.
EXCEPT_TAXI = [name for name in discovery.names(discovery.DATASETS) if name != "taxi"]


def evaluation(output):
    """Returns TFMA's result of the newest evaluation in an output folder."""
    return tfma.load_eval_result(training.artifact(output, *node_ids.EVALUATION))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXCEPT_TAXI)
def test_every_dataset_of_the_project_ends_in_a_pushed_model(tmp_path, name):
    result = cli.run(tmp_path, "--dataset", name)
    assert result.code == 0, result.err
    assert result.record["status"] == "pushed"
    assert set(TASKS[discovery.dataset(name).task].metrics) < set(result.record["metrics"])
    assert result.record["train"]["ended_by"]
    assert cli.served_versions(tmp_path) == [Path(result.record["pushed_path"]).name]


@pytest.fixture(scope="module")
def tide(toy, tmp_path_factory):
    """(output folder, result) of a run on three series with gaps, duplicates and rows out of order."""
    output = tmp_path_factory.mktemp("tide")
    return output, cli.run(output, "--dataset", "toy.tide", path=toy)


def test_a_forecast_is_compared_with_naive_forecasts_and_plotted(tide):
    output, result = tide
    assert result.code == 0, result.err
    metrics = result.record["metrics"]
    better = min(metrics[metric_names.PERSISTENCE_RMSE], metrics[metric_names.SEASONAL_NAIVE_RMSE])
    assert metrics[metric_names.RELATIVE_RMSE] == pytest.approx(metrics[metric_names.RMSE] / better)
    assert metrics[metric_names.RELATIVE_RMSE] < 1
    assert Path(result.record["plot"]).read_bytes().startswith(b"\x89PNG")
    assert result.record["plot"] in result.out
    slices = {key[0][1] for key, _ in evaluation(output).slicing_metrics if key}
    assert slices == {"Brest", "Dover", "Oslo"}


def test_a_client_sends_raw_values_and_gets_predictions_in_the_same_unit(tide):
    _, result = tide
    predict = tf.saved_model.load(result.record["pushed_path"]).signatures[PREDICT_RAW]
    past = 3 * np.sin(2 * np.pi * np.arange(14) / 12) + 1000
    phase = np.zeros([1, 17])
    answer = predict(level=tf.constant([past]), day_sin=tf.constant(phase), day_cos=tf.constant(phase))[PREDICTION].numpy()
    assert answer.shape == (1, 3)
    assert np.all(np.abs(answer - 1000) < 10)


def test_a_forecast_that_is_no_better_than_a_naive_one_is_refused(tide, toy):
    output, _ = tide
    served = cli.served_versions(output)
    result = cli.run(output, "--dataset", "toy.tide", "--set", "hyperparameters.learning_rate=0.0001", path=toy)
    assert result.code == 3
    [gate] = [g for g in result.record["gates"] if g["decision"] == "refused"]
    assert (gate["metric"], gate["slice"], gate["bound"]) == (metric_names.RELATIVE_RMSE, "overall", 1.0)
    assert gate["value"] > 1
    assert cli.served_versions(output) == served


def test_spans_are_read_together_and_the_inputs_of_a_window_may_come_from_the_span_before(toy, tmp_path):
    with (toy / "toy" / "tide.csv").open() as file:
        header, *rows = csv.reader(file)
    rows.sort()
    for span in range(4):
        (tmp_path / f"span-{span}").mkdir()
        with (tmp_path / f"span-{span}" / "v1.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows[span * len(rows) // 4 : (span + 1) * len(rows) // 4]])
    pattern = tmp_path / "span-{SPAN}" / "v{VERSION}.csv"

    def count_windows(name, *settings):
        """Returns the number of windows that a run on the selected spans cuts."""
        result = cli.run(
            tmp_path / name, "--dataset", "toy.tide", "--data", pattern, "--to", node_ids.STATISTICS_GEN, *settings, path=toy
        )
        assert result.code == 0, result.err
        return sum(result.record["rows"].values())

    one = count_windows("one", "--set", "data.span=1")
    two = count_windows("two", "--set", "data.span=2", "--set", "data.spans=2")
    # Two spans give more than twice the windows of one: some windows have inputs in the first and outputs in the second.
    assert two > 2 * one + 50
    missing_span = cli.call("run", "--dataset", "toy.tide", "--data", pattern, "--set", "data.span=9", path=toy)
    assert missing_span.code == 2
    assert "span 9" in missing_span.err
    no_spans = cli.call("run", "--dataset", "toy.tide", "--set", "data.spans=2", path=toy)
    assert no_spans.code == 2
    assert "has no spans" in no_spans.err


def test_a_model_for_another_task_is_refused_with_a_list_of_models_that_fit(toy, tmp_path):
    result = cli.run(tmp_path, "--dataset", "toy.tide", "--model", "custom_wide_deep", path=toy)
    assert result.code == 2
    assert "is a forecast; model 'custom_wide_deep' is for" in result.err
    assert "Models that fit: lstm_forecaster" in result.err


def test_a_too_short_series_is_refused(toy, tmp_path):
    data = samples.write_tide(tmp_path / "short.csv", steps=20)
    result = cli.run(tmp_path / "out", "--dataset", "toy.tide", "--data", data, path=toy)
    assert result.code == 2
    assert "too short for a single window" in result.err


def test_a_label_outside_the_classes_is_refused_with_row_and_column(toy, tmp_path):
    text = (toy / "toy" / "species.csv").read_text().splitlines()
    text[4] = text[4].rpartition(",")[0] + ",weed"
    (tmp_path / "species.csv").write_text("\n".join(text))
    result = cli.run(tmp_path / "out", "--dataset", "toy.species", "--data", tmp_path / "species.csv", path=toy)
    assert result.code == 2
    assert "row 5, column 'species': the label 'weed' is not one of setosa, virginica, vulgaris." in result.err


# Text -> words that the model reads: at most six.
TEXTS = {
    'He said "good"': ["he", "said", "good"],
    "<br /><br />GOOD<br/>film\nof today": ["good", "film", "of", "today"],
    "": [],
    "don't, DON’T": ["dont", "dont"],
    "très\tbon 🙂!!": ["très", "bon", "🙂"],
    "word " * 5000: ["word"] * 6,
    "...": [],
}


def test_quotes_markup_emoji_and_long_texts_become_the_right_words(toy, tmp_path):
    with (tmp_path / "texts.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["likes", "words"])
        # 60 rows of each text put its words into the vocabulary. Different lengths put the text into both splits.
        out.writerows([i % 2, text + " " * i] for i in range(60) for text in TEXTS)
    result = cli.run(
        tmp_path / "out", "--dataset", "toy.opinion", "--data", tmp_path / "texts.csv", "--to", node_ids.TRANSFORM, path=toy
    )
    assert result.code == 0, result.err
    assert sum(result.record["rows"].values()) == 60 * len(TEXTS)
    bench = training.bench(tmp_path / "out", "toy.opinion", "keras_sequence_classifier", tmp_path / "model")
    words = ["", *(w.decode() for w in bench.transform.vocabulary_by_name("words_vocabulary"))]
    features = [f for split in ("train", "eval") for f, _ in bench.input_fn(split, False)().unbatch().as_numpy_iterator()]
    read = {json.dumps([words[i] for i in row["words"] if i]) for row in features}
    assert read == {json.dumps(expected) for expected in TEXTS.values()}
    assert all(list(row["words"]) == sorted(row["words"], key=lambda i: i == 0) for row in features), "padding comes last"
