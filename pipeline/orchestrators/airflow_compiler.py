"""Compiles the DAG for Airflow 2 into two files: a fixed DAG file, and the compiled pipeline as JSON, with all values.

Each task runs `python -m pipeline step` in the project's environment; Airflow may run in another one. (TFX's AirflowDagRunner
imports TFX in the scheduler, and its tasks never succeed when they are retried.)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import msgspec

from data.discovery import CHECKOUT
from pipeline import errors, graph, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.metadata import uri
from pipeline.orchestrators import compilation, compiled_pipeline, run_parameters
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline
from trainer_module.files.paths import is_remote

_DAG_FILE = Path(__file__).with_name("airflow_dag.py")
# Nodes that can take a whole small machine.
_HEAVY = (
    node_ids.CSV_EXAMPLE_GEN,
    node_ids.WINDOW_EXAMPLE_GEN,
    node_ids.STATISTICS_GEN,
    node_ids.TRANSFORM,
    node_ids.TUNER,
    node_ids.TRAINER,
    node_ids.EVALUATOR,
)
# Schedules that are not cron expressions; Airflow's own names.
PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


class DagValues(msgspec.Struct, frozen=True, kw_only=True):
    """The values that `airflow_dag.py` reads.

    Attributes:
        dag_id: id of the DAG.
        description: dataset and model; Airflow shows it in its list of DAGs.
        schedule: cron expression or preset; None for runs that are started by hand.
        start: first logical date, YYYY-MM-DD.
        catchup: whether Airflow makes up for runs between the start and now.
        params: setting -> default, for the settings that a run may change: airflow dags trigger --conf '{"train.steps": 500}'.
        span_by_date: whether the logical date selects the span.
        retries: how often Airflow runs a failed task again.
        retry_seconds: pause before each retry.
        seconds: time limit of one try of a task; 0 for no limit.
        grace_seconds: time from SIGTERM to SIGKILL.
        pool: the Airflow pool of the heavy tasks.
        heavy: ids of the nodes that take a slot of the pool.
        upstream: node id -> ids of its direct upstream nodes (the transitive reduction of the DAG).
        project: the folder where the commands run.
        python: the interpreter that runs them.
        skipped_exit_code: exit code of a node that a gate has skipped.
        final_exit_codes: exit codes after which Airflow must not retry, because the result would be the same.
    """

    dag_id: str
    description: str
    schedule: str | None
    start: str
    catchup: bool
    params: Mapping[str, str]
    span_by_date: bool
    retries: int
    retry_seconds: int
    seconds: int
    grace_seconds: int
    pool: str
    heavy: list[str]
    upstream: Mapping[str, list[str]]
    project: str
    python: str
    skipped_exit_code: int = errors.SKIPPED
    final_exit_codes: tuple[int, ...] = (errors.USAGE, errors.REFUSED)


class _AirflowPipeline(CompiledPipeline, frozen=True, kw_only=True):
    """The JSON file. A step reads the compiled pipeline from it, the DAG file reads `airflow`."""

    airflow: DagValues


def compile(config: PipelineConfig, out: Path) -> Mapping[Path, str]:
    """Returns path -> text of the two files.

    The JSON file comes first, so that Airflow never sees the DAG file without it. (Airflow parses a DAG file again as soon as
    it changes, but does not watch the JSON file.)

    Raises:
        UsageError: Airflow does not support a setting.
    """
    compilation.refuse(_problems(config, out))
    compiled = compiled_pipeline.compile_for_steps(config)
    fields = {name: getattr(compiled, name) for name in CompiledPipeline.__struct_fields__}
    pipeline = _AirflowPipeline(**fields, airflow=_dag_values(config, compiled))
    return {
        out.with_suffix(".json"): msgspec.json.format(pipeline.to_json(), indent=2) + "\n",
        out: _DAG_FILE.read_text("utf-8"),
    }


def _dag_values(config: PipelineConfig, compiled: CompiledPipeline) -> DagValues:
    airflow = config.settings.airflow
    return DagValues(
        dag_id=_dag_id(config),
        description=f"{config.dataset_name} with {config.model_name}",
        schedule=airflow.schedule,
        start=airflow.start,
        catchup=airflow.catchup,
        params=run_parameters.defaults(config),
        span_by_date=airflow.span_by_date,
        retries=airflow.retries,
        retry_seconds=airflow.retry_seconds,
        seconds=airflow.seconds,
        grace_seconds=compilation.seconds_to_end(config),
        pool=airflow.pool,
        heavy=[node for node in _HEAVY if node in compiled.upstream],
        upstream=graph.transitive_reduction(compiled.upstream),
        project=airflow.project or str(CHECKOUT),
        python=airflow.python or sys.executable,
    )


def _dag_id(config: PipelineConfig) -> str:
    return config.dataset_name if config.settings.airflow.dag_id is None else config.settings.airflow.dag_id


def _problems(config: PipelineConfig, out: Path) -> Iterator[str]:
    """Yields each setting that Airflow does not support, with a way out."""
    if out.suffix != ".py":
        yield f"Airflow reads only files that end in .py. Give --out such a name. Received: '{out.name}'."
    yield from _problems_of_table(config)
    if config.has_spans and config.settings.airflow.span_by_date:
        yield from _problems_of_spans(config)
    if not config.settings.train.resume:
        yield compilation.NO_RESUME
    if is_remote(config.output_dir) and not config.settings.metadata.uri:
        yield (
            f"output_dir is {config.output_dir}, which cannot hold MLMD's SQLite file. Name a server with metadata.uri: "
            f"{uri.FORMS_OF_SERVERS}."
        )


def _problems_of_table(config: PipelineConfig) -> Iterator[str]:
    airflow = config.settings.airflow
    if not re.fullmatch(r"[\w.-]{1,250}", _dag_id(config), re.ASCII):
        yield (
            "airflow.dag_id may hold letters, digits, dashes, dots and underscores, at most 250 characters. "
            f"Received: '{_dag_id(config)}'."
        )
    if airflow.schedule is not None:
        yield from _problems_of_schedule(airflow.schedule)
    try:
        date.fromisoformat(airflow.start)
    except ValueError:
        yield f"airflow.start is '{airflow.start}', which is not a date: write YYYY-MM-DD, such as 2024-01-31."
    if not re.fullmatch(r"\S.{0,255}", airflow.pool):
        yield f"airflow.pool is '{airflow.pool}', which is not a name of a pool. Leave it out, or take default_pool."


def _problems_of_schedule(schedule: str) -> Iterator[str]:
    from croniter import CroniterError, croniter  # Airflow reads schedules with it

    if schedule in PRESETS:
        return
    try:
        if schedule.startswith("@"):
            raise CroniterError("there is no such preset")
        croniter(schedule).get_next()
    except CroniterError as error:
        yield (
            f"airflow.schedule is '{schedule}', which Airflow does not know: {str(error).rstrip('.')}. It knows cron "
            f"expressions, such as '30 4 * * mon-fri', and {', '.join(PRESETS)}. Leave it out for runs that are "
            "started by hand."
        )


def _problems_of_spans(config: PipelineConfig) -> Iterator[str]:
    data = config.settings.data
    if data.span is not None:
        yield (
            f"data.span is {data.span}, but under Airflow the logical date of a run selects the span. Leave it "
            "out; or set airflow.span_by_date=false; or give it to a single run: airflow dags trigger --conf "
            "'{\"data.span\": ...}'."
        )
    if not data.path:
        yield (
            "The dataset's own sample comes in spans: name it as data.path, so that the logical date of a run selects one; or "
            "set airflow.span_by_date=false."
        )
