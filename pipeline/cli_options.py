"""The options that several commands share: those that make the configuration of a pipeline."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.config import defaults

if TYPE_CHECKING:
    from pipeline.config.pipeline_config import PipelineConfig

DATASET = click.option("--dataset", metavar="NAME", help=f"A file in data/datasets/, or an import path.  [{defaults.DATASET}]")
OUTPUT_DIR = click.option("--output-dir", metavar="DIR", help=f"Where all results go.  [{defaults.output_dir('<dataset>')}]")
_CONFIGURATION = (
    DATASET,
    click.option("--model", metavar="NAME", help="A file in trainer_module/models/, or an import path.  [the dataset's]"),
    OUTPUT_DIR,
    click.option(
        "--data",
        metavar="PATH",
        help="A CSV file, a folder of them, or a pattern with {SPAN} or {YYYY}-{MM}-{DD}.  [the dataset's sample]",
    ),
    click.option("--config", "file", metavar="FILE", type=click.Path(path_type=Path), help="A TOML file with settings."),
    click.option("--set", "assignments", metavar="KEY=VALUE", multiple=True, help="A setting, such as train.steps=5000."),
)


@dataclass(frozen=True)
class ConfigOptions:
    """The options that select and configure the pipeline.

    Attributes:
        file: a TOML file with settings.
        assignments: `key=value`; they override the file.
        options: key -> value of the options with their own names; they override both. None if an option was not used.
    """

    file: Path | None
    assignments: tuple[str, ...]
    options: Mapping[str, object]

    def load(self, extra_options: Mapping[str, object] | None = None, *, use_cache: bool = True) -> PipelineConfig:
        """Returns the configuration. `extra_options` adds options that only one command has."""
        from pipeline.config import pipeline_config

        return pipeline_config.load(self.file, self.assignments, {**self.options, **(extra_options or {})}, use_cache=use_cache)


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options in _CONFIGURATION to a command. The command receives them as its first argument, a ConfigOptions."""

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
        return command(ConfigOptions(file, assignments, options), **others)

    for option in reversed(_CONFIGURATION):
        call = option(call)
    return call
