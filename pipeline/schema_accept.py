"""`schema accept`: what the data gate refused becomes what is expected."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Callable
from pathlib import Path

import click

from pipeline import errors
from pipeline.config import PipelineConfig


def accept(config: PipelineConfig, confirm: Callable[[], bool]) -> int:
    """Updates a dataset's reviewed schema to what the last run's statistics show. Returns the exit code.

    Args:
        config: says which dataset and which output folder.
        confirm: asked once, after the difference has been shown.

    Raises:
        errors.UsageError: there is no run with statistics to accept.
    """
    from data import discovery

    if not Path(config.metadata).exists():
        raise errors.UsageError(f"There is no run in {config.output_dir} whose data could be accepted. Run the pipeline first.")
    with _quiet():
        before, after = _proposal(config)
    target = discovery.reviewed_schema_path(config.declared)
    if before == after and target.exists():
        click.echo(f"{target} fits the data of the last run: nothing to accept.")
        return errors.OK
    old = before if target.exists() else ""
    difference = difflib.unified_diff(
        old.splitlines(), after.splitlines(), f"{target.name} (reviewed)", f"{target.name} (accepted)", lineterm=""
    )
    for line in difference:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not confirm():
        click.echo("Nothing was changed.")
        return errors.OK
    target.parent.mkdir(parents=True, exist_ok=True)
    hidden = target.with_name(f".{target.name}.{os.getpid()}")
    hidden.write_text(after, "utf-8")
    hidden.replace(target)
    click.echo(f"Updated {target}. Run the pipeline again, and commit the file with the reason.")
    return errors.OK


def _proposal(config: PipelineConfig) -> tuple[str, str]:
    """Returns the schema of the last run, and the same updated to its data, in text format."""
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format
    from tfx.components.statistics_gen import stats_artifact_utils
    from tfx.orchestration import metadata
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import io_utils

    with metadata.Metadata(metadata.sqlite_metadata_connection_config(config.metadata)) as handle:
        newest = {
            kind: max(handle.store.get_artifacts_by_type(kind.TYPE_NAME), key=lambda a: a.id, default=None)
            for kind in (standard_artifacts.ExampleStatistics, standard_artifacts.Schema)
        }
        types = {kind: handle.store.get_artifact_type(kind.TYPE_NAME) for kind, found in newest.items() if found}
    if None in newest.values():
        raise errors.UsageError(f"No run in {config.output_dir} got as far as statistics. Run the pipeline first.")
    statistics, schema = (artifact_utils.deserialize_artifact(types[kind], a) for kind, a in newest.items())
    before = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    after = before
    for split in artifact_utils.decode_split_names(statistics.split_names):
        after = tfdv.update_schema(
            after, stats_artifact_utils.load_statistics(statistics, split).proto(), infer_feature_shape=False
        )
    return text_format.MessageToString(before), text_format.MessageToString(after)


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """Keeps the start-up noise of TensorFlow off the screen."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
