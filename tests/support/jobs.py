"""Jobs that train on the examples of a real run."""

from data import metric_names
from pipeline import node_ids
from tests.support import training
from tests.support.settings import train_settings
from trainer_module.estimators import hyperparameters
from trainer_module.training.job import Job

STEPS, EVERY = 60, 15


def job(output, dataset, model, path, hp=None, **settings):
    """Returns a job that trains 60 steps, saves a checkpoint every 15, and evaluates only the first one during the training."""
    examples = training.artifact(output, *node_ids.TRANSFORMED_EXAMPLES)
    cadence = {"checkpoint_steps": EVERY, "eval_seconds": 10**6}
    settings = {"steps": STEPS, "batch_size": 50, "seed": 3, "best": metric_names.AUC} | cadence | settings
    return Job(
        dataset=dataset,
        model=model,
        hyperparameters=hyperparameters.resolve(model, hp).values,
        train_files=[f"{examples}/Split-train/*"],
        eval_files=[f"{examples}/Split-eval/*"],
        transform_graph=training.artifact(output, *node_ids.TRANSFORM_GRAPH),
        code="",
        folder=str(path),
        settings=train_settings(**settings),
    )
