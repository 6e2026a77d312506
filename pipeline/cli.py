"""`python -m pipeline`: the command line. Stable: scripts and schedules depend on it."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import click

from pipeline import errors


class _Commands(click.Group):
    """Answers every error of ours with one paragraph on stderr and its exit code."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        try:
            code = super().main(*args, **(kwargs | {"standalone_mode": False}))
        except click.ClickException as error:
            error.show()
            code = errors.USAGE
        except click.exceptions.Abort:
            code = errors.INTERRUPTED
        except errors.StoppedError as stopped:
            _say(str(stopped))
            code = stopped.exit_code
        except errors.PipelineError as error:
            if os.environ.get(errors.DEBUG):
                traceback.print_exc()
            _say(str(error))
            code = error.exit_code
        except Exception as error:  # a mistake of ours: what happened goes to the screen, the traceback to the log
            traceback.print_exc()
            _say(f"This should not have happened: {type(error).__name__}: {error}. The log has the traceback (see --debug).")
            code = errors.NODE_FAILED
        _leave(code if isinstance(code, int) else errors.OK)


_SCREEN: list[Any] = []  # the real standard error once it has been diverted


def _say(text: str) -> None:
    print(text, file=_SCREEN[0].err if _SCREEN else sys.stderr)


def _leave(code: int) -> NoReturn:
    """Ends the process at once: TensorFlow's and Beam's own way out takes 2.6 s and prints errors of its own."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


_dataset = click.option("--dataset", metavar="NAME", help="A file in data/datasets/, or an import path.  [taxi]")
_output_dir = click.option("--output-dir", metavar="DIR", help="Where all results go.  [outputs/<dataset>]")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A complete TFX pipeline for TensorFlow Estimators: ingest, validate, transform, train, evaluate, push."""


@main.command()
@_dataset
@click.option("--model", metavar="NAME", help="A file in trainer_module/models/.  [the dataset's]")
@_output_dir
@click.option("--data", metavar="PATH", help="A CSV file, or a folder of them.  [the dataset's sample]")
@click.option("--config", "file", metavar="FILE", type=click.Path(path_type=Path), help="A TOML file with settings.")
@click.option("--set", "assignments", metavar="KEY=VALUE", multiple=True, help="A setting, such as train.steps=5000.")
@click.option("--tune", type=click.IntRange(min=0), metavar="N", help="Search for hyper-parameters first, with N trials.")
@click.option("--runner", type=click.Choice(["local", "beam"]), default="local", show_default=True)
@click.option("--resume/--no-resume", default=None, help="Go on from the checkpoints of a training that was cut off.  [resume]")
@click.option("--no-cache", is_flag=True, help="Run every node, also where nothing has changed.")
@click.option("--from", "from_node", metavar="NODE", help="Run this node and those behind it only.")
@click.option("--to", "to_node", metavar="NODE", help="Run no node behind this one.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def run(
    dataset: str | None,
    model: str | None,
    output_dir: str | None,
    data: str | None,
    file: Path | None,
    assignments: tuple[str, ...],
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
    from pipeline import config, logs, session

    if debug:
        os.environ[errors.DEBUG] = "1"
    options = {
        "dataset": dataset, "model": model, "output_dir": output_dir, "data.path": data,
        "tune.trials": tune, "train.resume": resume,
    }  # fmt: skip
    finished = config.load(file, assignments, options, use_cache=not no_cache)
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
    _SCREEN.append(screen)
    return screen


@main.command("list")
def list_() -> None:
    """List datasets, models, runners, engines and settings."""
    from data import discovery
    from pipeline import config, session, settings
    from trainer_module.models import NAME as MODELS

    click.echo("Datasets (--dataset)")
    for name in discovery.names(discovery.DATASETS):
        declared = discovery.dataset(name)
        click.echo(f"  {name:27}{declared.task}, {declared.model}: {declared.description}")
    click.echo("Models (--model)")
    for name in discovery.names(MODELS):
        click.echo(f"  {name:27}{discovery.headline(MODELS, name)}")
    click.echo(f"Runners (--runner)\n  {', '.join(session.RUNNERS)}")
    click.echo(f"Engines (--set run.engine=...)\n  {', '.join(settings.ENGINES)}")
    click.echo("Settings (--set KEY=VALUE, or a TOML file)")
    for key, meaning in config.manual():
        click.echo(f"  {key:24}{meaning}")


@main.command()
@_dataset
@_output_dir
@click.option("--port", type=click.IntRange(0, 65535), default=6006, show_default=True, help="0 takes a free one.")
def tensorboard(dataset: str | None, output_dir: str | None, port: int) -> None:
    """Show the trainings of an output folder in TensorBoard, until Ctrl-C."""
    from pipeline import config, tensorboard_server

    finished = config.load(None, (), {"dataset": dataset, "output_dir": output_dir})
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
    from pipeline import config, schema_accept

    finished = config.load(None, (), {"dataset": dataset, "output_dir": output_dir})
    return schema_accept.accept(finished, confirm=lambda: yes or click.confirm("Update the reviewed schema?"))
