"""Evaluator: replaces TFX's Evaluator. It explains its refusals, and sets aside a baseline that no longer fits."""

from __future__ import annotations

import json

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration import data_types
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.evaluator import executor
from data import EVAL_SPLIT


class EvaluatorSpec(component_spec.ComponentSpec):
    """The channels of TFX's EvaluatorSpec."""

    PARAMETERS = {
        standard_component_specs.EVAL_CONFIG_KEY: component_spec.ExecutionParameter(type=tfma.EvalConfig),
        standard_component_specs.EXAMPLE_SPLITS_KEY: component_spec.ExecutionParameter(type=str),
        "dataset": component_spec.ExecutionParameter(type=str),
        "serving": component_spec.ExecutionParameter(type=str, optional=True),
        "run_id": component_spec.ExecutionParameter(type=str, optional=True),
        "code": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = standard_component_specs.EvaluatorSpec.INPUTS
    OUTPUTS = standard_component_specs.EvaluatorSpec.OUTPUTS
    TYPE_ANNOTATION = standard_component_specs.EvaluatorSpec.TYPE_ANNOTATION


class Evaluator(base_component.BaseComponent):
    """Evaluates a model with TFMA and blesses it, as TFX's Evaluator does, with three additions.

    - A baseline that no longer fits the dataset (its columns, label or signatures have changed) is set aside, with the reason
      in the decision, and only the absolute bounds hold for the model. TFX's Evaluator crashes on such a baseline.
    - If the data comes in spans, a model that was trained on older spans than the served model is evaluated but not blessed.
    - A decision file in the folder of the blessing says in words which metric on which slice missed which bound.

    It is built like TFX's Evaluator:

        evaluator = Evaluator(examples, model, champion, eval_config, dataset="taxi", code=code, schema=schema)

    Component `outputs` contains:
     - `evaluation`: Channel of type `standard_artifacts.ModelEvaluation`.
     - `blessing`: Channel of type `standard_artifacts.ModelBlessing`; custom property `blessed` 1 or 0.
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel,
        eval_config: tfma.EvalConfig,
        dataset: str,
        code: str,
        schema: types.BaseChannel | None = None,
        serving: str | None = None,
        run_id: str | data_types.RuntimeParameter | None = None,
    ) -> None:
        """Constructs an Evaluator.

        Args:
            examples: raw examples; the 'eval' split is used.
            model: the candidate.
            baseline_model: the champion; the channel may be empty.
            eval_config: metrics, slices and thresholds.
            dataset: name of the dataset that a baseline must fit.
            code: hash of the code that decides and of the metrics.
            schema: schema of the examples.
            serving: the folder of versions that the Pusher pushes to, if the data comes in spans.
            run_id: id of this run, together with `serving`. The decision then depends on the serving folder, which is not an
                input. A new run id in every run keeps TFX from using a cached decision.
        """
        super().__init__(
            EvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                schema=schema,
                eval_config=eval_config,
                example_splits=json.dumps([EVAL_SPLIT]),
                dataset=dataset,
                serving=serving,
                run_id=run_id,
                code=code,
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
