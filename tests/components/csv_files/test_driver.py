"""Which changes of the input files make TFX run again instead of using the cache; and windows across the border of spans."""

import os

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.types import standard_artifacts

from components.csv_example_gen import CsvExampleGen
from components.csv_files.spans import rolling_range
from components.window_example_gen import WindowExampleGen
from pipeline.config.tables import ENGINES
from tests.support import example_gens, meters, samples, windows

PATTERN = "span-{SPAN}/v{VERSION}/*.csv"


def execute(component_class, base, output, pattern, span_range=None, dataset=meters.DATASET.name):
    """Runs a pipeline of one component. Returns the state of its newest execution and the Examples artifact."""
    example_gen = component_class(
        str(base),
        example_gens.input_config(pattern),
        example_gens.output_config(),
        dataset=dataset,
        code="1",
        range_config=span_range,
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
    with metadata.Metadata(connection) as handle:
        newest = max(handle.store.get_executions(), key=lambda execution: execution.id)
        live = [a for a in handle.store.get_artifacts() if a.state == metadata_store_pb2.Artifact.LIVE]
    examples = standard_artifacts.Examples()
    examples.set_mlmd_artifact(live[-1])
    return metadata_store_pb2.Execution.State.Name(newest.last_known_state), examples


def hours(first, last, used="{hour}"):
    """The text of a CSV file with one meter and one row per hour."""
    times = [(hour, f"2020-01-{1 + hour // 24:02} {hour % 24:02}:00") for hour in range(first, last)]
    return "hour,meter,used,outside,holiday\n" + "".join(f"{time},A,{used.format(hour=hour)},0,0\n" for hour, time in times)


def windows_in(examples):
    return [windows.decode(record) for split in ("train", "eval") for record in example_gens.records(examples, split)]


def used(examples):
    return {int(value) for window in windows_in(examples) for value in window["used"]}


def span_and_version(examples):
    return examples.get_int_custom_property("span"), examples.get_int_custom_property("version")


def test_a_window_may_begin_in_the_span_before(write_file, tmp_path):
    for span in range(1, 5):
        write_file(hours(50 * span, 50 * (span + 1)), f"in/span-{span}/v1/a.csv")
    base, output = tmp_path / "in", tmp_path / "out"
    state, examples = execute(WindowExampleGen, base, output, PATTERN, rolling_range(2))
    assert state == "COMPLETE"
    assert span_and_version(examples) == (4, 1)
    windows_of_run = windows_in(examples)
    assert min(w["used"][0] for w in windows_of_run) == 151  # span 2 is not read; origins are even hours
    # Span 4 begins at 200.
    assert [w for w in windows_of_run if w["used"][0] < 200 <= w["used"][-1]]

    def run_again():
        return execute(WindowExampleGen, base, output, PATTERN, rolling_range(2))

    assert run_again()[0] == "CACHED"
    os.utime(base / "span-1/v1/a.csv", (1, 1))
    assert run_again()[0] == "CACHED"  # span 1 is not in the range
    os.utime(base / "span-3/v1/a.csv", (1, 1))
    assert run_again()[0] == "COMPLETE"
    write_file(hours(150, 200, used="-{hour}"), "in/span-3/v2/a.csv")
    state, examples = run_again()
    assert state == "COMPLETE"
    assert min(used(examples)) < -150
    assert span_and_version(examples) == (4, 1)  # span and version of the newest span
    write_file(hours(250, 300), "in/span-5/v3/a.csv")
    state, examples = run_again()
    assert span_and_version(examples) == (5, 3)
    assert min(used(examples)) > 200
    assert run_again()[0] == "CACHED"


def test_a_pattern_without_spans_is_read_as_span_0(write_file, tmp_path):
    write_file(hours(0, 100), "in/a.csv")
    state, examples = execute(WindowExampleGen, tmp_path / "in", tmp_path / "out", "*.csv")
    assert (state, examples.get_int_custom_property("span")) == ("COMPLETE", 0)
    assert execute(WindowExampleGen, tmp_path / "in", tmp_path / "out", "*.csv")[0] == "CACHED"


@pytest.mark.usefixtures("toy")
def test_csv_example_gen_reads_spans_too(tmp_path):
    for span in (1, 2, 3):
        (tmp_path / f"in/{span}").mkdir(parents=True)
        samples.write_fruit(tmp_path / f"in/{span}/fruit.csv", rows=100, seed=span)
    base, output = tmp_path / "in", tmp_path / "out"
    _, examples = execute(CsvExampleGen, base, output, "{SPAN}/*.csv", rolling_range(2), dataset="toy.fruit")
    assert examples.get_int_custom_property("span") == 3
    assert sum(len(example_gens.records(examples, split)) for split in ("train", "eval")) == 200
