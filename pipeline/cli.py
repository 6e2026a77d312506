"""The command line, `python -m pipeline`. Its options and exit codes are stable: scripts and schedules depend on them.

Each command imports its modules inside its function, so that `--help` and usage errors appear at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pipeline import errors
from pipeline.cli_options import DATASET, OUTPUT_DIR, ConfigOptions, configured
from pipeline.execution.runners import DEFAULT_RUNNER, RUNNERS
from pipeline.orchestrators.compilers import COMPILERS
from pipeline.terminal import process_exit

if TYPE_CHECKING:
    from pipeline.terminal.logs import Screen


class _Commands(click.Group):
    """Ends the process with the exit code of its command."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        process_exit.run_and_exit(lambda: super(_Commands, self).main(*args, **(kwargs | {"standalone_mode": False})))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A complete TFX pipeline for TensorFlow Estimators: ingest, validate, transform, train, evaluate, push."""


@main.command()
@configured
@click.option("--tune", type=click.IntRange(min=0), metavar="N", help="Search for hyper-parameters first, with N trials.")
@click.option(
    "--runner",
    type=click.Choice(list(RUNNERS)),
    default=DEFAULT_RUNNER,
    show_default=True,
    help="What executes the nodes.",
)
@click.option("--resume/--no-resume", default=None, help="Continue an interrupted training from its checkpoints.  [resume]")
@click.option("--no-cache", is_flag=True, help="Run every node, even if nothing has changed.")
@click.option("--from", "from_node", metavar="NODE", help="Run only this node and the nodes after it.")
@click.option("--to", "to_node", metavar="NODE", help="Run no node after this one.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def run(
    config_options: ConfigOptions,
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
    from pipeline.commands import run as run_command
    from pipeline.execution import preflight

    if debug:
        os.environ[errors.DEBUG] = "1"
    config = config_options.load({"tune.trials": tune, "train.resume": resume}, use_cache=not no_cache)
    preflight.check_local(config)
    run_id = run_command.new_run_id()
    screen = _redirect_output(run_command.log_file(config, run_id))
    return run_command.run(config, run_id, runner, run_command.NodeRange(from_node, to_node), screen)


def _redirect_output(log: Path) -> Screen:
    """Redirects the output of libraries to a log file. Returns the streams that still write to the terminal."""
    from pipeline.terminal import logs

    try:
        screen = logs.redirect_to_file(log)
    except OSError as error:
        raise errors.InputError(
            f"The output folder {log.parent.parent} cannot be written: {error.strerror}. Choose another one with --output-dir."
        ) from None
    process_exit.print_errors_on(screen)
    return screen


@main.command()
@click.argument("orchestrator", type=click.Choice(list(COMPILERS)))
@click.option("--out", metavar="FILE", required=True, type=click.Path(path_type=Path), help="Where to write it.")
@configured
def compile(config_options: ConfigOptions, orchestrator: str, out: Path) -> None:
    """Write the pipeline for an orchestrator: an Argo Workflow, a PipelineSpec, or an Airflow DAG."""
    from pipeline.orchestrators import compilation

    for path in compilation.write(orchestrator, config_options.load(), out):
        click.echo(f"Wrote {path}")


_pipeline = click.option("--pipeline", metavar="FILE|JSON", required=True, help="The output of `compile`.")
_run_id = click.option("--run-id", metavar="ID", required=True, help="The same for all steps of a run.")
_set = click.option(
    "--set", "assignments", metavar="KEY=VALUE", multiple=True, help="A setting of this run. An empty VALUE changes nothing."
)
_parent = click.option("--parent", metavar="PID", type=int, help="End when the process with this id ends, even by kill -9.")


@main.command()
@_pipeline
@click.option("--node", metavar="NODE", required=True, help="The node to run, such as Trainer.")
@_run_id
@_set
@click.option(
    "--skipped-exit-code",
    "skipped",
    metavar="CODE",
    default=0,
    show_default=True,
    help="The exit code if a gate decided that this node does not run.",
)
@_parent
def step(pipeline: str, node: str, run_id: str, assignments: tuple[str, ...], skipped: int, parent: int | None) -> int:
    """Run one node of a compiled pipeline, as a step of an orchestrator."""
    _begin_step(parent)
    from pipeline.orchestrators import compiled_pipeline
    from pipeline.orchestrators import step as steps

    code = steps.run(compiled_pipeline.load(pipeline), node, run_id, assignments)
    return skipped if code == errors.SKIPPED else code


@main.command()
@_pipeline
@_run_id
@_set
@click.option(
    "--refused-exit-code",
    "refused",
    metavar="CODE",
    default=errors.REFUSED,
    show_default=True,
    help="The exit code if a gate refused.",
)
@_parent
def end(pipeline: str, run_id: str, assignments: tuple[str, ...], refused: int, parent: int | None) -> int:
    """Finish a run after its last step: complete its run.json. The exit codes are those of `run`."""
    _begin_step(parent)
    from pipeline.orchestrators import compiled_pipeline, end_of_run

    code = end_of_run.end(compiled_pipeline.load(pipeline), run_id, assignments)
    return refused if code == errors.REFUSED else code


def _begin_step(parent: int | None) -> None:
    """Makes the process end with its parent, before any heavy import, and sends its log to standard error."""
    from pipeline.terminal import logs
    from trainer_module.supervision import heartbeat

    if parent:
        heartbeat.end_with(parent)
    logs.to_stderr()


@main.command("list")
def list_() -> None:
    """List datasets, models, runners, orchestrators, engines and settings."""
    from pipeline.commands import listing

    listing.print_all(click.echo, COMPILERS)


@main.command()
@DATASET
@OUTPUT_DIR
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=6006,
    show_default=True,
    help="The port on this machine; 0 takes a free one.",
)
def tensorboard(dataset: str | None, output_dir: str | None, port: int) -> None:
    """Show the trainings of an output folder in TensorBoard, until Ctrl-C."""
    from pipeline.commands import tensorboard as tensorboard_server
    from pipeline.config import pipeline_config

    config = pipeline_config.load(None, (), {"dataset": dataset, "output_dir": output_dir})
    tensorboard_server.serve(config, port, click.echo)


@main.group()
def schema() -> None:
    """The reviewed schema of a dataset."""


@schema.command()
@DATASET
@OUTPUT_DIR
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept(dataset: str | None, output_dir: str | None, yes: bool) -> int:
    """Accept the data of the last run: show how the reviewed schema would change, ask, and update it."""
    from pipeline.commands import schema_accept
    from pipeline.config import pipeline_config

    config = pipeline_config.load(None, (), {"dataset": dataset, "output_dir": output_dir})
    return schema_accept.accept(config, confirm=lambda: yes or click.confirm("Update the reviewed schema?"))
