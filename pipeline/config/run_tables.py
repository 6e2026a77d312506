"""[data], [run] and [metadata]: the data, how nodes run, and where MLMD records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.config.table import Table
from pipeline.metadata.uri import FORM_OF_FILE, FORMS_OF_SERVERS, PASSWORD, USER

# Beam's in-process runner: it works in this process and with one thread.
IN_PROCESS = ("--direct_running_mode=in_memory", "--direct_num_workers=1")

# Engine that executes a node's Beam pipelines -> its Beam options. They always name the runner: since Beam 2.60 the default,
# DirectRunner, may choose another runner.
ENGINES: Mapping[str, tuple[str, ...]] = {
    "in-process": (
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        *IN_PROCESS,
        # Without this option TFX builds and stages a source distribution of itself at each node: half a second each time.
        "--sdk_container_image=none",
    ),
}


class Data(Table, frozen=True):
    """[data]: where the data is."""

    path: Annotated[
        str | None,
        Meta(
            description="CSV file or folder, or a pattern with {SPAN} or {YYYY}-{MM}-{DD} and optionally {VERSION}; "
            "by default the sample of the dataset"
        ),
    ] = None
    span: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="last span to read; for a date, the number of days since 1970-01-01; by default the newest span"),
    ] = None
    spans: Annotated[int, Meta(ge=1, description="number of spans to read; data.span is the last one")] = 1


class Run(Table, frozen=True):
    """[run]: how the nodes of a run are executed."""

    engine: Annotated[Literal["in-process"], Meta(description="engine of the Beam work inside a node")] = "in-process"
    retries: Annotated[
        int, Meta(ge=0, description="how often a node runs again after a transient failure, such as a network error")
    ] = 2
    retry_seconds: Annotated[
        float, Meta(ge=0, description="pause before the first retry, in seconds; each further pause is twice as long")
    ] = 5.0
    parallel: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="nodes that the local runner runs at the same time; by default 2, or 1 on a machine with one core"),
    ] = None


class Metadata(Table, frozen=True):
    """[metadata]: where MLMD keeps its records of the nodes."""

    uri: Annotated[
        str | None,
        Meta(
            description=f"{FORM_OF_FILE}, {FORMS_OF_SERVERS}, where $NAME is an environment variable; {USER} and "
            f"{PASSWORD} in the environment give user and password; by default a SQLite file in output_dir"
        ),
    ] = None
