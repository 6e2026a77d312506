"""Which spans and versions are read; what makes an earlier result be used again; windows that reach into the span before."""

import os

import pytest
import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import standard_artifacts

from components.csv_example_gen import CsvExampleGen
from components.csv_files import spans as driver
from components.csv_files.reader import InputDataError
from components.csv_files.spans import Span
from components.window_example_gen import WindowExampleGen
from pipeline.config.tables import ENGINES
from tests.components.window_example_gen.test_component import meters, read  # noqa: F401  # a fixture
from tests.support import samples

PATTERN = "span-{SPAN}/v{VERSION}/*.csv"


def rolling(spans, start=0):
    return range_config_pb2.RangeConfig(rolling_range=range_config_pb2.RollingRange(num_spans=spans, start_span_number=start))


def static(first, last):
    return range_config_pb2.RangeConfig(
        static_range=range_config_pb2.StaticRange(start_span_number=first, end_span_number=last)
    )


@pytest.fixture
def make(tmp_path):
    """Returns a function that creates files below the input folder."""

    def write(*paths, text=""):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return write


def found(base, wanted=None, pattern=PATTERN):
    return [(s.number, s.version) for s in driver.find(str(base), pattern, wanted)]


# Which spans.


@pytest.fixture
def four(make):
    return make(
        "span-1/v1/a.csv", "span-2/v1/a.csv", "span-2/v2/a.csv", "span-3/v1/a.csv", "span-4/v9/a.csv", "span-4/v10/a.csv"
    )


def test_the_newest_span_is_read_by_default(four):
    assert driver.find(str(four), PATTERN) == [Span(4, 10, "span-4/v10/*.csv")]


def test_a_rolling_range_takes_the_newest_numbers_each_in_its_newest_version(four):
    assert found(four, rolling(3)) == [(2, 2), (3, 1), (4, 10)]


def test_a_rolling_range_ends_at_the_first_span_and_at_its_own_start(four):
    assert [n for n, _ in found(four, rolling(100))] == [1, 2, 3, 4]
    assert [n for n, _ in found(four, rolling(100, start=3))] == [3, 4]


def test_a_static_range_takes_the_spans_in_it(four):
    assert found(four, static(1, 2)) == [(1, 1), (2, 2)]
    assert found(four, static(3, 3)) == [(3, 1)]


def test_a_span_that_is_missing_is_skipped_and_logged(make, caplog):
    base = make("span-1/v1/a.csv", "span-4/v1/a.csv")
    with caplog.at_level("WARNING"):
        assert [n for n, _ in found(base, rolling(4))] == [1, 4]
    assert "no files of span 2, 3" in caplog.text


def test_a_static_range_whose_last_span_is_missing_is_refused(four):
    with pytest.raises(InputDataError, match=r"in span 9, the last one of the static range\. The newest ones are 1, 2, 3, 4\."):
        found(four, static(3, 9))


def test_no_span_at_all_is_refused(make):
    base = make("span-x/v1/a.csv")
    with pytest.raises(InputDataError, match=r"holds no file for span-\{SPAN\}/v\{VERSION\}/\*\.csv\."):
        found(base)


def test_an_empty_range_is_refused(four):
    with pytest.raises(ValueError, match="from 3 to 2"):
        found(four, static(3, 2))


def test_spans_may_be_dates_and_have_a_width(make):
    base = make("2020-02-28.csv", "2020-03-01.csv", "2020-02-31.csv", "notes.csv", "s007.csv", "s08.csv")
    assert driver.find(str(base), "{YYYY}-{MM}-{DD}.csv", rolling(3)) == [
        Span(18320, None, "2020-02-28.csv"),
        Span(18322, None, "2020-03-01.csv"),
    ]
    assert driver.find(str(base), "s{SPAN:3}.csv") == [Span(7, None, "s007.csv")]


def test_a_folder_whose_name_has_brackets_is_searched(tmp_path):
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "a[1]" / "s1.csv").touch()
    assert found(f"{tmp_path}/a[[]1]", pattern="s{SPAN}.csv") == [(1, None)]


# What is cached.


def execute(component_class, base, output, pattern, wanted=None, dataset="meters.power"):
    """Runs a pipeline of one component; returns its newest execution's state and the Examples artifact."""
    splits = [example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=b) for n, b in (("train", 7), ("eval", 3))]
    example_gen = component_class(
        str(base),
        example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern=pattern)]),
        example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits)),
        dataset=dataset,
        code="1",
        range_config=wanted,
    )
    connection = metadata.sqlite_metadata_connection_config(str(output / "metadata.sqlite"))
    local_dag_runner.LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="spans",
            pipeline_root=str(output / "artifacts"),
            components=[example_gen],
            enable_cache=True,
            metadata_connection_config=connection,
            beam_pipeline_args=list(ENGINES["in-process"]),
        )
    )
    with metadata.Metadata(connection) as store:
        last = max(store.store.get_executions(), key=lambda e: e.id)
        (artifact,) = [a for a in store.store.get_artifacts() if a.state == metadata_store_pb2.Artifact.LIVE][-1:]
    return metadata_store_pb2.Execution.State.Name(last.last_known_state), artifact


def hours(first, last, used="{hour}"):
    days = [(h, f"2020-01-{1 + h // 24:02} {h % 24:02}:00") for h in range(first, last)]
    return "hour,meter,used,outside,holiday\n" + "".join(f"{t},A,{used.format(hour=h)},0,0\n" for h, t in days)


def windows(artifact):
    examples = standard_artifacts.Examples()
    examples.set_mlmd_artifact(artifact)
    return [w for split in ("train", "eval") for w in read(examples, split)]


def used(artifact):
    return {int(x) for w in windows(artifact) for x in w["used"]}


@pytest.mark.usefixtures("meters")
def test_a_window_may_reach_into_the_span_before(make, tmp_path):
    for span in range(1, 5):
        make(f"in/span-{span}/v1/a.csv", text=hours(50 * span, 50 * (span + 1)))
    base, output = tmp_path / "in", tmp_path / "out"
    state, artifact = execute(WindowExampleGen, base, output, PATTERN, rolling(2))
    assert state == "COMPLETE"
    assert artifact.custom_properties["span"].int_value == 4
    assert artifact.custom_properties["version"].int_value == 1
    made = windows(artifact)
    assert min(w["used"][0] for w in made) == 151  # span 2 is not read; origins are even
    # Span 4 begins at 200.
    assert [w for w in made if w["used"][0] < 200 <= w["used"][-1]]

    def again():
        return execute(WindowExampleGen, base, output, PATTERN, rolling(2))

    assert again()[0] == "CACHED"
    os.utime(base / "span-1/v1/a.csv", (1, 1))
    assert again()[0] == "CACHED"  # not in the range
    os.utime(base / "span-3/v1/a.csv", (1, 1))
    assert again()[0] == "COMPLETE"
    make("in/span-3/v2/a.csv", text=hours(150, 200, used="-{hour}"))
    state, artifact = again()
    assert state == "COMPLETE"
    assert min(used(artifact)) < -150
    assert artifact.custom_properties["version"].int_value == 1  # that of the newest span
    make("in/span-5/v3/a.csv", text=hours(250, 300))
    state, artifact = again()
    assert (artifact.custom_properties["span"].int_value, artifact.custom_properties["version"].int_value) == (5, 3)
    assert min(used(artifact)) > 200
    assert again()[0] == "CACHED"


@pytest.mark.usefixtures("meters")
def test_a_pattern_without_spans_is_read_as_tfx_reads_it(make, tmp_path):
    make("in/a.csv", text=hours(0, 100))
    state, artifact = execute(WindowExampleGen, tmp_path / "in", tmp_path / "out", "*.csv")
    assert (state, artifact.custom_properties["span"].int_value) == ("COMPLETE", 0)
    assert execute(WindowExampleGen, tmp_path / "in", tmp_path / "out", "*.csv")[0] == "CACHED"


@pytest.mark.usefixtures("toy")
def test_csv_example_gen_takes_spans_too(make, tmp_path):
    for span in (1, 2, 3):
        (tmp_path / f"in/{span}").mkdir(parents=True)
        samples.write_fruit(tmp_path / f"in/{span}/fruit.csv", rows=100, seed=span)
    _, artifact = execute(CsvExampleGen, tmp_path / "in", tmp_path / "out", "{SPAN}/*.csv", rolling(2), dataset="toy.fruit")
    assert artifact.custom_properties["span"].int_value == 3
    files = tf.io.gfile.glob(artifact.uri + "/*/*.gz")
    assert len(list(tf.data.TFRecordDataset(files, "GZIP"))) == 200
