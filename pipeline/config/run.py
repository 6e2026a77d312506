"""[data], [run] and [metadata]: what is read, what executes, and where that is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.config.table import Table

# What executes the Beam work inside a node -> Beam's options. The runner is always named: since Beam 2.6x the default
# ("DirectRunner") may choose another one by itself.
ENGINES: Mapping[str, tuple[str, ...]] = {
    "in-process": (
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=in_memory",
        "--direct_num_workers=1",
        # Or TFX builds and stages a source distribution of itself at every node, half a second each.
        "--sdk_container_image=none",
    ),
}


class Data(Table, frozen=True):
    """[data]: where it lies."""

    path: Annotated[
        str | None,
        Meta(
            description="a CSV file or folder, or a pattern with {SPAN} or {YYYY}-{MM}-{DD}, and perhaps {VERSION}; "
            "by default the dataset's sample"
        ),
    ] = None
    span: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="the last span to read (a date counts as days since 1970); by default the newest"),
    ] = None
    spans: Annotated[int, Meta(ge=1, description="how many spans are read together, up to that one")] = 1


class Run(Table, frozen=True):
    """[run]: what executes."""

    engine: Annotated[Literal["in-process"], Meta(description="what executes the Beam work inside a node")] = "in-process"
    retries: Annotated[
        int, Meta(ge=0, description="how often a node is run again that failed for a cause that may pass: a server, a network")
    ] = 2
    retry_seconds: Annotated[float, Meta(ge=0, description="before the first of them; then twice as long each time")] = 5.0
    parallel: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="nodes at once that do not need each other (runner local); by default 2 where there are 2 cores"),
    ] = None


class Metadata(Table, frozen=True):
    """[metadata]: where MLMD keeps what the nodes have done."""

    uri: Annotated[
        str | None,
        Meta(
            description="sqlite:///PATH, mysql://HOST:PORT/DATABASE, postgresql://HOST:PORT/DATABASE or grpc://HOST:PORT; user "
            "and password come from METADATA_USER and METADATA_PASSWORD. By default a file in output_dir"
        ),
    ] = None
