"""The parameters of a run: the settings that may differ between the runs of one compiled pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipeline.config.pipeline_config import PipelineConfig


class RunParameter(NamedTuple):
    """One parameter of a run.

    Attributes:
        setting: the key of its setting.
        default: returns its default as text. "" means the dataset's sample, or the newest span.
    """

    setting: str
    default: Callable[[PipelineConfig], str]

    @property
    def name(self) -> str:
        """The name under Kubeflow. (It may hold letters, digits and underscores only.)"""
        return self.setting.replace(".", "_")


def _data_path(config: PipelineConfig) -> str:
    return config.data_path if config.settings.data.path else ""


def _data_span(config: PipelineConfig) -> str:
    span = config.settings.data.span
    return "" if span is None else str(span)


def _train_steps(config: PipelineConfig) -> str:
    return str(config.training.steps)


RUN_PARAMETERS = (
    RunParameter("data.path", _data_path),
    RunParameter("data.span", _data_span),
    RunParameter("train.steps", _train_steps),
)


def defaults(config: PipelineConfig) -> Mapping[str, str]:
    """Returns setting -> default of each parameter."""
    return {parameter.setting: parameter.default(config) for parameter in RUN_PARAMETERS}
