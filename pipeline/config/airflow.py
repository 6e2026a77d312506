"""[airflow]."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pipeline.config.table import Table


class Airflow(Table, frozen=True):
    """[airflow]: when runs begin, and how its tasks run."""

    dag_id: Annotated[str | None, Meta(description="by default the dataset's name")] = None
    schedule: Annotated[
        str | None, Meta(description="cron expression or preset such as @daily; without it runs are started by hand")
    ] = None
    start: Annotated[str, Meta(description="first logical date, YYYY-MM-DD")] = "2024-01-01"
    catchup: Annotated[bool, Meta(description="whether runs are made up for that lie between start and now")] = False
    span_by_date: Annotated[
        bool,
        Meta(
            description="whether the day of the logical date is the last span to read, if data.path has spans; else data.span"
        ),
    ] = True
    retries: Annotated[int, Meta(ge=0, description="how often a task is run again that has failed")] = 2
    retry_seconds: Annotated[int, Meta(ge=1, description="before it is")] = 60
    seconds: Annotated[int, Meta(ge=0, description="time limit of a try; 0 is none")] = 0
    pool: Annotated[
        str, Meta(description="Airflow pool that the heavy tasks take a slot of; a new one has one slot: one task at a time")
    ] = "heavy_tasks"
    project: Annotated[str | None, Meta(description="folder of this project where tasks run; by default this one")] = None
    python: Annotated[
        str | None, Meta(description="interpreter with this project's environment; by default the one that compiles")
    ] = None
