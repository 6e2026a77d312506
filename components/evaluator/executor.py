"""TFX's executor between a look at the baseline and a decision in words."""

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

from components import gate
from components.decision import Decision
from components.evaluator import forecast_plot, logic
from components.serving_folder import SPAN, newest, older_span
from data import EVAL_SPLIT, Series, discovery

ArtifactDict = dict[str, list[types.Artifact]]


class Executor(executor.Executor):
    """Runs TFX's executor without the baseline if that does not fit, and explains the blessing."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:
        """Writes the evaluation, the blessing, the decision into the blessing's folder, and of a forecast a picture."""
        baselines = input_dict.get(standard_component_specs.BASELINE_MODEL_KEY) or []
        unfit = None
        for baseline in baselines:
            saved_model = path_utils.serving_model_path(baseline.uri)
            unfit = logic.why_unfit(saved_model, discovery.dataset(exec_properties["dataset"]))
        if unfit:
            input_dict = {k: v for k, v in input_dict.items() if k != standard_component_specs.BASELINE_MODEL_KEY}
        super().Do(input_dict, output_dict, exec_properties)
        dataset = discovery.dataset(exec_properties["dataset"])
        if dataset.series:
            _plot(dataset.series, input_dict, output_dict)

        blessing = artifact_utils.get_single_instance(output_dict[standard_component_specs.BLESSING_KEY])
        evaluation = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        result = tfma.load_validation_result(evaluation)
        decision = logic.decide(result, had_baseline=bool(baselines) and not unfit, set_aside=unfit)
        if exec_properties.get("serving"):
            decision = _compare_spans(decision, input_dict, blessing, exec_properties["serving"])
        gate.write(decision, blessing.uri)


def _compare_spans(decision: Decision, input_dict: ArtifactDict, blessing: types.Artifact, serving: str) -> Decision:
    """Takes the blessing of a good model back if what is served has seen newer data; else it tells the Pusher the span."""
    examples = artifact_utils.get_single_instance(input_dict[standard_component_specs.EXAMPLES_KEY])
    span = examples.get_int_custom_property(SPAN)  # of the newest one of them, by ExampleGen's driver
    blessing.set_int_custom_property(SPAN, span)
    older = older_span(decision, span, newest(serving))
    if older is not decision:
        fileio.remove(posixpath.join(blessing.uri, constants.BLESSED_FILE_NAME))
        with fileio.open(posixpath.join(blessing.uri, constants.NOT_BLESSED_FILE_NAME), "w") as file:
            file.write("")
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE)
    return older


def _plot(series: Series, input_dict: ArtifactDict, output_dict: ArtifactDict) -> None:
    """Draws the forecast into the evaluation's folder."""
    examples = artifact_utils.get_split_uri(input_dict[standard_component_specs.EXAMPLES_KEY], EVAL_SPLIT)
    model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[standard_component_specs.MODEL_KEY]))
    picture = io.BytesIO()
    if forecast_plot.draw(fileio.glob(io_utils.all_files_pattern(examples)), model, series, picture):
        evaluation = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        with fileio.open(posixpath.join(evaluation, forecast_plot.FILE), "wb") as file:
            file.write(picture.getvalue())
