"""Compiles the DAG for Airflow 2: a DAG file that needs Airflow and the standard library alone, and the pipeline beside it.

Its tasks run `python -m pipeline step` in this project's environment; Airflow may be in another one. (TFX's AirflowDagRunner
imports TFX in the scheduler, and a retried task of it never succeeds.)
"""

from __future__ import annotations

import json
import re
import string
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import msgspec

from data.discovery import CHECKOUT
from pipeline import errors, graph, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.errors import UsageError
from pipeline.orchestrators import compilation, compiled_pipeline
from pipeline.orchestrators.step import SKIPPED
from trainer_module.files.paths import is_remote

_TEMPLATE = Path(__file__).with_name("airflow_dag.py.template")
# Nodes that may take a whole small machine.
_HEAVY = (
    node_ids.CSV_EXAMPLE_GEN, node_ids.WINDOW_EXAMPLE_GEN, node_ids.STATISTICS_GEN, node_ids.TRANSFORM, node_ids.TUNER,
    node_ids.TRAINER, node_ids.EVALUATOR,
)  # fmt: skip
# Ending takes a little longer than saving.
_MARGIN_SECONDS = 5
_LINE = 88  # what most formatters take for a line
# Schedules that are no cron expressions; Airflow's own names.
PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


def compile(given: PipelineConfig, out: Path) -> Mapping[Path, str]:
    """Returns the DAG file and, beside it, the compiled pipeline.

    Raises:
        UsageError: it cannot be done like that under Airflow.
    """
    _check(given, out)
    made = compiled_pipeline.compile_for_steps(given)
    beside = out.with_suffix(".json")
    return {
        out: string.Template(_TEMPLATE.read_text("utf-8")).substitute(_values(given, made, beside.name)),
        beside: msgspec.json.format(made.to_json(), indent=2) + "\n",
    }


def _check(given: PipelineConfig, out: Path) -> None:
    airflow = given.settings.airflow
    if out.suffix != ".py":
        raise UsageError(f"Airflow looks at files that end in .py only. Give --out such a name. Received: '{out.name}'.")
    if not re.fullmatch(r"[\w.-]{1,250}", _dag_id(given), re.ASCII):
        raise UsageError(
            "airflow.dag_id may hold letters, digits, dashes, dots and underscores, no more than 250. "
            f"Received: '{_dag_id(given)}'."
        )
    if airflow.schedule is not None:
        _check_schedule(airflow.schedule)
    try:
        date.fromisoformat(airflow.start)
    except ValueError:
        raise UsageError(
            f"airflow.start is '{airflow.start}', which is no date: write YYYY-MM-DD, such as 2024-01-31."
        ) from None
    if not re.fullmatch(r"\S.{0,255}", airflow.pool):
        raise UsageError(f"airflow.pool is '{airflow.pool}', which is no name of a pool. Leave it out, or take default_pool.")
    if given.has_spans and airflow.span_by_date and given.settings.data.span is not None:
        raise UsageError(
            f"data.span is {given.settings.data.span}, but under Airflow the logical date of a run selects the span. Leave it "
            "out; or set airflow.span_by_date=false; or give it to a single run: airflow dags trigger --conf "
            "'{\"data.span\": ...}'."
        )
    if given.has_spans and airflow.span_by_date and not given.settings.data.path:
        raise UsageError(
            "The dataset's own sample comes in spans: name it as data.path, so that the logical date of a run selects one; or "
            "set airflow.span_by_date=false."
        )
    if not given.settings.train.resume:
        raise UsageError("train.resume=false cannot be compiled: every retry of the Trainer would begin anew. Leave it out.")
    if is_remote(given.output_dir) and not given.settings.metadata.uri:
        raise UsageError(
            f"output_dir is {given.output_dir}, where MLMD's SQLite file cannot be. Name a server with metadata.uri: "
            "mysql://HOST/DATABASE, postgresql://HOST/DATABASE or grpc://HOST:PORT."
        )


def _check_schedule(schedule: str) -> None:
    from croniter import CroniterError, croniter  # what Airflow reads them with

    if schedule in PRESETS:
        return
    try:
        if schedule.startswith("@"):
            raise CroniterError("there is no such preset")
        croniter(schedule).get_next()
    except CroniterError as error:
        raise UsageError(
            f"airflow.schedule is '{schedule}', which Airflow does not know: {str(error).rstrip('.')}. It knows cron "
            f"expressions, such as '30 4 * * mon-fri', and {', '.join(PRESETS)}. Leave it out for runs that are "
            "started by hand."
        ) from None


def _values(given: PipelineConfig, made: compiled_pipeline.CompiledPipeline, beside: str) -> dict[str, str]:
    """Returns what stands in the template, as Python writes it."""
    airflow = given.settings.airflow
    start = date.fromisoformat(airflow.start)
    values: dict[str, object] = {
        "compiled": beside,
        "skipped": SKIPPED,
        "unusable": errors.USAGE,
        "refused": errors.REFUSED,
        "dag_id": _dag_id(given),
        "schedule": airflow.schedule,
        "catchup": airflow.catchup,
        "retries": airflow.retries,
        "retry_seconds": airflow.retry_seconds,
    }
    return {key: _literal(value) for key, value in values.items()} | {
        "title": f"{given.dataset_name} with {given.model_name}.",
        "start": f"{start.year}, {start.month}, {start.day}",
        "time_limit": f"timedelta(seconds={airflow.seconds})" if airflow.seconds else "None",
        "constants": "\n".join(_constants(given, made)),
    }


def _constants(given: PipelineConfig, made: compiled_pipeline.CompiledPipeline) -> Iterable[str]:
    airflow = given.settings.airflow
    yield _constant("PROJECT", airflow.project or str(CHECKOUT))
    yield _constant("PYTHON", airflow.python or sys.executable)
    yield "# What a run may set otherwise: airflow dags trigger --conf '{\"train.steps\": 500}'."
    yield _constant("PARAMS", compilation.parameters(given))
    yield _constant("SPAN_BY_DATE", airflow.span_by_date)
    yield _constant("GRACE_SECONDS", given.settings.train.grace_seconds + _MARGIN_SECONDS)
    yield _constant("POOL", airflow.pool)
    yield _constant("HEAVY", [node for node in _HEAVY if node in made.needs])
    yield "# Node -> what it waits for; a node before them it need not name."
    yield _constant("NEEDS", graph.without_indirect(made.needs))


def _dag_id(given: PipelineConfig) -> str:
    return given.dataset_name if given.settings.airflow.dag_id is None else given.settings.airflow.dag_id


def _constant(name: str, value: object) -> str:
    """Returns an assignment as black and ruff write it."""
    line = f"{name} = {_literal(value)}"
    if len(line) <= _LINE or not isinstance(value, (dict, list)):
        return line
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    items = [f"{_literal(k)}: {_literal(v)}" for k, v in value.items()] if isinstance(value, dict) else map(_literal, value)
    return "\n".join((f"{name} = {opening}", *(f"    {item}," for item in items), closing))


def _literal(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)
