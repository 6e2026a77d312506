"""`python -m pipeline list`: prints all names that a user can choose, and all settings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from data import discovery
from pipeline.config import reading, tables
from pipeline.errors import UsageError
from pipeline.execution.runners import RUNNERS
from trainer_module.models import NAME as MODELS


def print_all(echo: Callable[[str], None], orchestrators: Iterable[str]) -> None:
    """Prints datasets, models, runners, orchestrators, engines and settings.

    Args:
        echo: prints lines on the terminal.
        orchestrators: the orchestrators that `compile` knows.

    Raises:
        UsageError: files of datasets or models have mistakes. It is raised after everything else was printed.
    """
    echo("Datasets (--dataset)")
    mistakes = _print_names(echo, discovery.DATASETS, _describe_dataset)
    echo("Models (--model)")
    mistakes += _print_names(echo, MODELS, functools.partial(discovery.headline, MODELS))
    echo(f"Runners (--runner)\n  {', '.join(RUNNERS)}")
    echo(f"Orchestrators (compile)\n  {', '.join(orchestrators)}")
    echo(f"Engines (--set run.engine=...)\n  {', '.join(tables.ENGINES)}")
    echo("Settings (--set KEY=VALUE, or a TOML file)")
    for key, meaning in reading.manual():
        echo(f"  {key:29}{meaning}")
    if mistakes:
        raise UsageError("\n".join(mistakes))


def _print_names(echo: Callable[[str], None], package: str, describe: Callable[[str], str]) -> list[str]:
    """Prints the names of a package, each with its description. Returns the mistakes in their files."""
    mistakes = []
    for name in discovery.names(package):
        try:
            text = describe(name)
        except (discovery.UnknownNameError, discovery.DeclarationError) as error:
            text = "its file has a mistake, see below"
            mistakes.append(str(error))
        echo(f"  {name:27}{text}")
    return mistakes


def _describe_dataset(name: str) -> str:
    dataset = discovery.dataset(name)
    return f"{dataset.task}, {dataset.model}: {dataset.description}"
