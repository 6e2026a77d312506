"""`python -m pipeline`: the command line. Stable: scripts and schedules depend on it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pipeline import errors
from pipeline.terminal import process_exit

if TYPE_CHECKING:
    from pipeline.config.pipeline_config import PipelineConfig


class _Commands(click.Group):
    """Ends the process with the exit code of its command."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        process_exit.run_and_exit(lambda: super(_Commands, self).main(*args, **(kwargs | {"standalone_mode": False})))


_dataset = click.option("--dataset", metavar="NAME", help="A file in data/datasets/, or an import path.  [taxi]")
_output_dir = click.option("--output-dir", metavar="DIR", help="Where all results go.  [outputs/<dataset>]")
_CONFIGURATION = (
    _dataset,
    click.option("--model", metavar="NAME", help="A file in trainer_module/models/.  [the dataset's]"),
    _output_dir,
    click.option(
        "--data",
        metavar="PATH",
        help="A CSV file, a folder of them, or a pattern with {SPAN} or {YYYY}-{MM}-{DD}.  [the dataset's sample]",
    ),
    click.option("--config", "file", metavar="FILE", type=click.Path(path_type=Path), help="A TOML file with settings."),
    click.option("--set", "assignments", metavar="KEY=VALUE", multiple=True, help="A setting, such as train.steps=5000."),
)


@dataclass(frozen=True)
class _Given:
    """What the command line says of the configuration."""

    file: Path | None
    assignments: tuple[str, ...]
    options: Mapping[str, object]

    def load(self, more: Mapping[str, object] | None = None, *, use_cache: bool = True) -> PipelineConfig:
        from pipeline.config import pipeline_config

        return pipeline_config.load(self.file, self.assignments, {**self.options, **(more or {})}, use_cache=use_cache)


def _configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that say what is to run; its first argument is what they say."""

    @functools.wraps(command)
    def call(
        dataset: str | None,
        model: str | None,
        output_dir: str | None,
        data: str | None,
        file: Path | None,
        assignments: tuple[str, ...],
        **others: Any,
    ) -> Any:
        options = {"dataset": dataset, "model": model, "output_dir": output_dir, "data.path": data}
        return command(_Given(file, assignments, options), **others)

    for option in reversed(_CONFIGURATION):
        call = option(call)
    return call


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A complete TFX pipeline for TensorFlow Estimators: ingest, validate, transform, train, evaluate, push."""


@main.command()
@_configured
@click.option("--tune", type=click.IntRange(min=0), metavar="N", help="Search for hyper-parameters first, with N trials.")
@click.option("--runner", type=click.Choice(["local", "beam"]), default="local", show_default=True)
@click.option("--resume/--no-resume", default=None, help="Go on from the checkpoints of a training that was cut off.  [resume]")
@click.option("--no-cache", is_flag=True, help="Run every node, also where nothing has changed.")
@click.option("--from", "from_node", metavar="NODE", help="Run this node and those behind it only.")
@click.option("--to", "to_node", metavar="NODE", help="Run no node behind this one.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def run(
    given: _Given,
    tune: int | None,
    runner: str,
    resume: bool | None,
    no_cache: bool,
    from_node: str | None,
    to_node: str | None,
    debug: bool,
) -> int:
    """Run the pipeline on this machine.

    Exit codes: 0 pushed, or nothing new to do; 1 a node failed; 2 wrong usage, configuration or input; 3 a gate refused;
    130 interrupted, 143 terminated.
    """
    from pipeline.commands import run as session
    from pipeline.execution import preflight
    from pipeline.terminal import logs

    if debug:
        os.environ[errors.DEBUG] = "1"
    finished = given.load({"tune.trials": tune, "train.resume": resume}, use_cache=not no_cache)
    preflight.check_local(finished)
    run_id = session.new_run_id()
    screen = _divert(session.log_file(finished, run_id), logs)
    return session.run(finished, run_id, runner, session.Selection(from_node, to_node), screen)


def _divert(log: Path, logs: Any) -> Any:
    try:
        screen = logs.divert(log)
    except OSError as error:
        raise errors.InputError(
            f"The output folder {log.parent.parent} cannot be written: {error.strerror}. Choose another one with --output-dir."
        ) from None
    process_exit.say_on(screen)
    return screen


@main.command()
@click.argument("runner", type=click.Choice(["kubeflow", "kubeflow_v2", "airflow"]))
@click.option("--out", metavar="FILE", required=True, type=click.Path(path_type=Path), help="Where to write it.")
@_configured
def compile(given: _Given, runner: str, out: Path) -> None:
    """Write the pipeline for an orchestrator: an Argo Workflow, a PipelineSpec, or an Airflow DAG."""
    from pipeline.orchestrators import compilation

    for written in compilation.write(runner, given.load(), out):
        click.echo(f"Wrote {written}")


_pipeline = click.option("--pipeline", "given", metavar="FILE|JSON", required=True, help="What `compile` has written.")
_run_id = click.option("--run-id", metavar="ID", required=True, help="The same for all steps of a run.")
_set = click.option("--set", "assignments", metavar="KEY=VALUE", multiple=True, help="A setting of this run; empty is none.")
_parent = click.option("--parent", metavar="PID", type=int, help="End, as by kill -9, when this process does.")


@main.command()
@_pipeline
@click.option("--node", metavar="NODE", required=True)
@_run_id
@_set
@click.option("--skipped-exit-code", "skipped", default=0, show_default=True, help="Of a node behind a gate that said no.")
@_parent
def step(given: str, node: str, run_id: str, assignments: tuple[str, ...], skipped: int, parent: int | None) -> int:
    """Run one node of a compiled pipeline, as a step of an orchestrator."""
    _begin_step(parent)
    from pipeline.orchestrators import compiled_pipeline
    from pipeline.orchestrators import step as steps

    code = steps.run(compiled_pipeline.load(given), node, run_id, assignments)
    return skipped if code == steps.SKIPPED else code


@main.command()
@_pipeline
@_run_id
@_set
@click.option("--refused-exit-code", "refused", default=errors.REFUSED, show_default=True, help="If a gate has said no.")
@_parent
def end(given: str, run_id: str, assignments: tuple[str, ...], refused: int, parent: int | None) -> int:
    """End a run whose steps have run: complete its record. The exit code is that of `run`."""
    _begin_step(parent)
    from pipeline.orchestrators import compiled_pipeline, finish

    code = finish.end(compiled_pipeline.load(given), run_id, assignments)
    return refused if code == errors.REFUSED else code


def _begin_step(parent: int | None) -> None:
    from pipeline.terminal import logs
    from trainer_module.supervision import heartbeat

    if parent:
        heartbeat.end_with(parent)
    logs.to_stderr()


@main.command("list")
def list_() -> None:
    """List datasets, models, runners, orchestrators, engines and settings."""
    from data import discovery
    from pipeline.commands import run as session
    from pipeline.config import reading, tables
    from pipeline.orchestrators import compilation
    from trainer_module.models import NAME as MODELS

    click.echo("Datasets (--dataset)")
    for name in discovery.names(discovery.DATASETS):
        declared = discovery.dataset(name)
        click.echo(f"  {name:27}{declared.task}, {declared.model}: {declared.description}")
    click.echo("Models (--model)")
    for name in discovery.names(MODELS):
        click.echo(f"  {name:27}{discovery.headline(MODELS, name)}")
    click.echo(f"Runners (--runner)\n  {', '.join(session.RUNNERS)}")
    click.echo(f"Orchestrators (compile)\n  {', '.join(compilation.RUNNERS)}")
    click.echo(f"Engines (--set run.engine=...)\n  {', '.join(tables.ENGINES)}")
    click.echo("Settings (--set KEY=VALUE, or a TOML file)")
    for key, meaning in reading.manual():
        click.echo(f"  {key:29}{meaning}")


@main.command()
@_dataset
@_output_dir
@click.option("--port", type=click.IntRange(0, 65535), default=6006, show_default=True, help="0 takes a free one.")
def tensorboard(dataset: str | None, output_dir: str | None, port: int) -> None:
    """Show the trainings of an output folder in TensorBoard, until Ctrl-C."""
    from pipeline.commands import tensorboard as tensorboard_server
    from pipeline.config import pipeline_config

    finished = pipeline_config.load(None, (), {"dataset": dataset, "output_dir": output_dir})
    tensorboard_server.serve(finished, port, click.echo)


@main.group()
def schema() -> None:
    """The reviewed schema of a dataset."""


@schema.command()
@_dataset
@_output_dir
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept(dataset: str | None, output_dir: str | None, yes: bool) -> int:
    """Accept the data of the last run as it is: show how the schema would change, ask, and update the reviewed schema."""
    from pipeline.commands import schema_accept
    from pipeline.config import pipeline_config

    finished = pipeline_config.load(None, (), {"dataset": dataset, "output_dir": output_dir})
    return schema_accept.accept(finished, confirm=lambda: yes or click.confirm("Update the reviewed schema?"))
