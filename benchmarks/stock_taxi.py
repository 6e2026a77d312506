"""TFX's own taxi pipelines, which benchmarks/taxi.py times: `python benchmarks/stock_taxi.py example CSV_FOLDER OUTPUT`.

They contain no code of this project: the components are those of `tfx.v1`, the runner is LocalDagRunner, and the user code
with its canned Estimator is in the tfx package. They train 1,000 steps of 40 rows and evaluate 150 steps, like the template.

- `example`: tfx/examples/chicago_taxi_pipeline, 16 features transformed, 12 of them read by the model, 4 layers.
- `template`: tfx/experimental/templates/taxi as generated, with every component switched on: 3 features, 2 small layers.

The differences from these folders:

- user code is named by dotted path instead of `module_file`, which needs pip in the environment and builds a wheel;
- the Beam runner is named, because without a name Beam 2.68 may try to download one;
- there is no warm start: a new output folder has no earlier model, and without the resolver there is one node less.

Writes OUTPUT/nodes.json: node id -> seconds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx
from tfx.components.trainer.executor import Executor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.portable.launcher import Launcher

_EXAMPLE = "tfx.examples.chicago_taxi_pipeline.taxi_utils"
_TEMPLATE = "tfx.experimental.templates.taxi.models"
PREPROCESSING = {"example": f"{_EXAMPLE}.preprocessing_fn", "template": f"{_TEMPLATE}.preprocessing.preprocessing_fn"}
TRAINING = {
    # The function of the example returns an Estimator. This executor of TFX trains and exports it.
    "example": {"trainer_fn": f"{_EXAMPLE}.trainer_fn", "custom_executor_spec": ExecutorClassSpec(Executor)},
    "template": {"run_fn": f"{_TEMPLATE}.estimator_model.model.run_fn"},
}
TRAIN_STEPS = 1000
EVAL_STEPS = 150


def create_pipeline(stock: str, data: str, output: str) -> tfx.dsl.Pipeline:
    """Returns TFX's taxi pipeline with nine nodes. It reads the CSV files in `data` and writes all results below `output`."""
    example_gen = tfx.components.CsvExampleGen(input_base=data)
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = tfx.components.SchemaGen(statistics=statistics, infer_feature_shape=False)
    schema = schema_gen.outputs["schema"]
    validator = tfx.components.ExampleValidator(statistics=statistics, schema=schema)
    transform = tfx.components.Transform(examples=examples, schema=schema, preprocessing_fn=PREPROCESSING[stock])
    trainer = tfx.components.Trainer(
        **TRAINING[stock],
        examples=transform.outputs["transformed_examples"],
        schema=schema,
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(num_steps=TRAIN_STEPS),
        eval_args=tfx.proto.EvalArgs(num_steps=EVAL_STEPS),
    )
    model = trainer.outputs["model"]
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("LatestBlessedModel")
    evaluator = tfx.components.Evaluator(
        examples=examples, model=model, baseline_model=resolver.outputs["model"], eval_config=eval_config()
    )
    pusher = tfx.components.Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=f"{output}/serving")
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="stock_taxi",
        pipeline_root=f"{output}/artifacts",
        components=[example_gen, statistics_gen, schema_gen, validator, transform, trainer, resolver, evaluator, pusher],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(f"{output}/metadata.sqlite"),
        beam_pipeline_args=["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
    )


def eval_config() -> tfma.EvalConfig:
    """Returns the EvalConfig of the taxi example: the EvalSavedModel, metrics overall and by hour, accuracy at least 0.6."""
    threshold = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.6}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -1e-10}
        ),
    )
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="eval")],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["trip_start_hour"])],
        metrics_specs=[tfma.MetricsSpec(thresholds={"accuracy": threshold})],
    )


def timed_launches() -> dict[str, float]:
    """Patches TFX so that it records the seconds of each node. Returns the dictionary that it fills: node id -> seconds."""
    seconds: dict[str, float] = {}
    launch = Launcher.launch

    def timed(self: Launcher) -> object:
        started = time.monotonic()
        try:
            return launch(self)
        finally:
            seconds[self._pipeline_node.node_info.id] = round(time.monotonic() - started, 2)

    Launcher.launch = timed
    return seconds


def main(stock: str, data: str, output: str) -> None:
    """Runs the pipeline `stock` over the CSV files of the folder `data` into the folder `output`."""
    seconds = timed_launches()
    tfx.orchestration.LocalDagRunner().run(create_pipeline(stock, data, output))
    Path(output, "nodes.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
