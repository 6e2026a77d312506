"""`schema accept`: updates the reviewed schema, so that the data gate accepts the data that it refused."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from pipeline import errors, node_ids
from pipeline.commands import schema_diff
from pipeline.config.pipeline_config import PipelineConfig
from trainer_module.files import atomic


def accept(config: PipelineConfig, confirm: Callable[[], bool]) -> int:
    """Updates the reviewed schema of a dataset to the statistics of the last run. Returns the exit code.

    Args:
        config: names the dataset and the output folder.
        confirm: returns whether the user agrees; called once, after the difference has been printed.

    Raises:
        errors.UsageError: there is no run with statistics to accept.
    """
    from data import discovery

    if not Path(config.output_dir, "runs").exists():
        raise errors.UsageError(f"There is no run to accept in {config.output_dir}. Run the pipeline first.")
    with _silent_stderr():
        before, after = _proposal(config)
    target = discovery.reviewed_schema_path(config.dataset)
    if before == after and target.exists():
        click.echo(f"{target} fits the data of the last run: nothing to accept.")
        return errors.OK
    for line in schema_diff.lines(before if target.exists() else "", after):
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not confirm():
        click.echo("Nothing was changed.")
        return errors.OK
    atomic.write(target, after)
    click.echo(f"Updated {target}. Run the pipeline again, and commit the file with the reason.")
    return errors.OK


def _proposal(config: PipelineConfig) -> tuple[str, str]:
    """Returns the schema of the last run with statistics, and the same schema updated to these statistics, both as text."""
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format
    from tfx.components.statistics_gen import stats_artifact_utils
    from tfx.orchestration import metadata
    from tfx.types import artifact_utils
    from tfx.utils import io_utils

    from pipeline.metadata import connection
    from pipeline.record import collect, store

    with metadata.Metadata(connection.reach(config.metadata_uri)) as handle:
        for record in store.newest_first(config.output_dir):
            outputs = collect.outputs_of(handle.store, record.run_id, config.pipeline_name)
            if node_ids.STATISTICS in outputs and node_ids.SCHEMA in outputs:
                break
        else:
            raise errors.UsageError(f"No run in {config.output_dir} has computed statistics. Run the pipeline first.")
    statistics = collect.as_artifact(outputs[node_ids.STATISTICS])
    before = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(outputs[node_ids.SCHEMA].uri))
    after = before
    for split in artifact_utils.decode_split_names(statistics.split_names):
        after = tfdv.update_schema(
            after, stats_artifact_utils.load_statistics(statistics, split).proto(), infer_feature_shape=False
        )
    return text_format.MessageToString(before), text_format.MessageToString(after)


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keeps the messages of TensorFlow's start off the screen."""
    with open(os.devnull, "wb") as devnull:  # noqa: PTH123
        saved_stderr = os.dup(2)
        os.dup2(devnull.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved_stderr, 2)
            os.close(saved_stderr)
