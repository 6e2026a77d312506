"""TFX's executor, extended by a check of the baseline and a decision in words."""

from __future__ import annotations

import io
import posixpath
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.evaluator import constants, executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, path_utils

from components import gate, newer_data, serving_folder
from components.artifacts import ArtifactDict
from components.decision import Decision
from components.evaluator import baseline, forecast_plot, logic
from data import EVAL_SPLIT, Series, discovery


class Executor(executor.Executor):
    """Evaluates without the baseline if it no longer fits the dataset, and explains why a model is blessed or not."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:
        """Writes the evaluation, the blessing with the decision in its folder, and a plot of a forecast."""
        dataset = discovery.dataset(exec_properties["dataset"])
        baselines = input_dict.get(standard_component_specs.BASELINE_MODEL_KEY) or []
        why_unfit = None
        for model in baselines:
            why_unfit = baseline.why_unfit(path_utils.serving_model_path(model.uri), dataset)
        if why_unfit:
            input_dict = {k: v for k, v in input_dict.items() if k != standard_component_specs.BASELINE_MODEL_KEY}
        super().Do(input_dict, output_dict, exec_properties)
        if dataset.series:
            _plot(dataset.series, input_dict, output_dict)

        blessing = artifact_utils.get_single_instance(output_dict[standard_component_specs.BLESSING_KEY])
        evaluation = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        result = tfma.load_validation_result(evaluation)
        decision = logic.decide(result, had_baseline=bool(baselines) and not why_unfit, unfit_baseline=why_unfit)
        if exec_properties.get("serving"):
            decision = _compare_spans(decision, input_dict, blessing, exec_properties["serving"])
        gate.write(decision, blessing.uri)


def _compare_spans(decision: Decision, input_dict: ArtifactDict, blessing: types.Artifact, serving: str) -> Decision:
    """Writes the span of the data into the blessing, for the Pusher. Withdraws the blessing if the served data is newer."""
    examples = artifact_utils.get_single_instance(input_dict[standard_component_specs.EXAMPLES_KEY])
    span = examples.get_int_custom_property(serving_folder.SPAN)  # the newest span; ExampleGen's driver sets it
    blessing.set_int_custom_property(serving_folder.SPAN, span)
    compared = newer_data.keep_newer_data(decision, span, serving_folder.newest(serving))
    if compared is not decision:
        _withdraw(blessing)
    return compared


def _withdraw(blessing: types.Artifact) -> None:
    """Turns a blessing into a refusal, in the form in which TFX's Evaluator writes one."""
    fileio.remove(posixpath.join(blessing.uri, constants.BLESSED_FILE_NAME))
    with fileio.open(posixpath.join(blessing.uri, constants.NOT_BLESSED_FILE_NAME), "w") as file:
        file.write("")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE)


def _plot(series: Series, input_dict: ArtifactDict, output_dict: ArtifactDict) -> None:
    """Draws forecasts into the folder of the evaluation."""
    examples = artifact_utils.get_split_uri(input_dict[standard_component_specs.EXAMPLES_KEY], EVAL_SPLIT)
    model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[standard_component_specs.MODEL_KEY]))
    png = io.BytesIO()
    if forecast_plot.draw(fileio.glob(io_utils.all_files_pattern(examples)), model, series, png):
        evaluation = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        with fileio.open(posixpath.join(evaluation, forecast_plot.FILE), "wb") as file:
            file.write(png.getvalue())
