"""The table [airflow]."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pipeline.config.table import Table


class Airflow(Table, frozen=True):
    """[airflow]: when runs start, and how their tasks run."""

    dag_id: Annotated[str | None, Meta(description="id of the DAG; by default the name of the dataset")] = None
    schedule: Annotated[
        str | None, Meta(description="cron expression, or a preset such as @daily; by default runs are started by hand")
    ] = None
    start: Annotated[str, Meta(description="first logical date, YYYY-MM-DD")] = "2024-01-01"
    catchup: Annotated[bool, Meta(description="whether to run the dates between airflow.start and now")] = False
    span_by_date: Annotated[
        bool,
        Meta(
            description="whether the logical date selects the last span to read, if data.path has spans; false reads data.span"
        ),
    ] = True
    retries: Annotated[int, Meta(ge=0, description="how often a failed task runs again")] = 2
    retry_seconds: Annotated[int, Meta(ge=1, description="pause before each retry, in seconds")] = 60
    seconds: Annotated[int, Meta(ge=0, description="time limit of one try of a task, in seconds; 0 sets none")] = 0
    pool: Annotated[
        str,
        Meta(description="Airflow pool of the heavy tasks; a new pool gets one slot, so that one heavy task runs at a time"),
    ] = "heavy_tasks"
    project: Annotated[
        str | None, Meta(description="folder of this project where tasks run; by default the folder that compiles")
    ] = None
    python: Annotated[
        str | None, Meta(description="Python of this project's environment; by default the Python that compiles")
    ] = None
