"""Trains and exports models on datasets of a few rows, and builds requests: rows as examples and as columns."""

import numpy as np
import tensorflow as tf

from data import Categorical, Dataset, MulticlassLabel, Numeric, NumericLabel, Series, Vocabulary
from tests.support import toys, training, transform
from trainer_module.estimators import build as estimators
from trainer_module.estimators import hyperparameters
from trainer_module.serving import export
from trainer_module.serving.receiver import serving_input_receiver_fn

DATASET = "toy.fruit"
MODEL = "custom_wide_deep"
# One model of each kind -> signatures that its export has beside those of all models.
HEADS = {"custom_wide_deep": set(), "keras_wide_deep": set(), "canned_wide_deep": {"classification", "predict", "regression"}}
QUICK = ("custom_wide_deep", "keras_wide_deep")
NAN = float("nan")  # one object, so that `in` finds it in a list

FRUIT = toys.DATASETS[DATASET]
TIDE = Series(time="at", value="level", inputs=3, outputs=2, past_covariates=("rain",))
LEVELS = Dataset(
    name="levels", sample="", features=TIDE.features, label=TIDE.label, series=TIDE, empty_row="refuse", weight="copies"
)
PRICES = Dataset(
    name="prices",
    sample="",
    features=(Numeric("area"), Vocabulary("street", size=2)),
    label=NumericLabel("price", log=True),
    empty_row="refuse",
)
KINDS = Dataset(
    name="kinds",
    sample="",
    features=(Numeric("size"), Categorical("crate", size=2)),
    label=MulticlassLabel("kind", ("apple", "pear", "plum")),
)
TRAINED_ON = {
    FRUIT.name: {
        "weight": [90, 110, None, 100],
        "size": [1, 2, 5, 9],
        "colour": ["red", "red", "green", None],
        "crate": [0, 1, 2, 3],
        "ripe": [0, 1, 0, 1],
    },
    "levels": {
        "level": [[1, 2, 3], [4, 4, 6], [9, 8, 8]],
        "rain": [[0, 1, 2], [5, 5, 5], [1, 0, 0]],
        "level_future": [[4, 5], [7, 7], [6, 9]],
        "copies": [1, 2, 3],
    },
    "prices": {"area": [1, 3, 5], "street": ["a", "b", "a"], "price": [0, np.expm1(3), np.expm1(6)]},
    "kinds": {"size": [1, 2, 3], "crate": [0, 1, 1], "kind": ["apple", "plum", "pear"]},
}

# A model. Its first prediction is the first value of the first feature; each further prediction is greater by 0.5.
LINE = """
def search_space(hp):
    pass


def build(dataset, hp, config):
    params = {"feature": dataset.features[0].name, "classes": getattr(dataset.label, "classes", None), "n": dataset.label.width}
    return tf.estimator.Estimator(model_fn, config=config, params=params)


def model_fn(features, labels, mode, params):
    export = tf.estimator.export
    x = features[params["feature"]]
    step = tf.compat.v1.train.get_or_create_global_step().assign_add(1)
    if params["classes"]:
        scores = tf.concat([x * 0, x, -x], axis=1)
        predictions = {"probabilities": tf.nn.softmax(scores)}
        head = export.ClassificationOutput(scores=predictions["probabilities"])
        heads = {"serving_default": head, "classification": head}
    else:
        y = x[:, :1] + 0.5 * tf.range(params["n"], dtype=tf.float32)
        predictions = {"predictions": y}
        heads = {
            "regression": export.RegressionOutput(y if params["n"] > 1 else y[:, 0]),
            "predict": export.PredictOutput({"predictions": y}),
            "embedding": export.PredictOutput({"embedding": x, "predictions": y[:, 0]}),
        }
        heads["serving_default"] = heads["predict"]
    return tf.estimator.EstimatorSpec(mode, predictions, tf.reduce_sum(x), step, export_outputs=heads)
"""

WINDOWS = {"level": [[100.0, NAN, 104.0], [NAN, 2.0, 1.0]], "rain": [[1.0, 1.0, 1.0], [NAN, NAN, NAN]]}
HOUSES = {"area": [5.0, 1.0, NAN], "street": ["a", "never heard of", "b"]}
SIZES = {"size": [3.0, 1.0, 2.0], "crate": [0, NAN, 9]}


class Bench:
    """Trains and exports models on the rows of a dataset in TRAINED_ON.

    Attributes:
        dataset: the dataset.
        rows: the transformed rows: name -> array [rows, n].
        transform: TFTransformOutput of these rows.
    """

    def __init__(self, dataset, folder, required=()):
        """Transforms the rows into `folder`. `required`: columns that the schema requires in every row."""
        self.dataset = dataset
        [self.rows] = transform.transformed(folder, dataset, TRAINED_ON[dataset.name], required=required)
        self.transform = training.transform_output(str(folder))

    def estimator(self, model, model_dir, seed=3):
        """Returns the Estimator of a model with its default hyperparameters."""
        config = tf.estimator.RunConfig(model_dir=str(model_dir), tf_random_seed=seed, save_summary_steps=None)
        return estimators.build(self.dataset, model, hyperparameters.resolve(model), config)

    def input_fn(self):
        """Returns a Dataset that repeats one batch of all rows."""
        features = dict(self.rows)
        return tf.data.Dataset.from_tensors((features, features.pop(self.dataset.label.name))).repeat()

    def export(self, estimator, folder):
        """Exports a model and finishes the export. Returns the SavedModel."""
        saved_model = self.export_unfinished(estimator, folder)
        export.finish(saved_model, self.dataset)
        return saved_model

    def export_unfinished(self, estimator, folder):
        """Exports a model without finishing the export. Returns the SavedModel."""
        receiver = serving_input_receiver_fn(self.dataset, self.transform)
        return tf.compat.as_str(estimator.export_saved_model(str(folder), receiver))


def examples(columns):
    """Returns the rows in `columns` as serialised tf.Examples. A missing value is left out; in a window it is NaN."""
    serialised = []
    for row in zip(*columns.values(), strict=True):
        present = {name: value for name, value in zip(columns, row, strict=True) if value not in ("", NAN)}
        features = tf.train.Features(feature={name: feature(value) for name, value in present.items()})
        serialised.append(tf.train.Example(features=features).SerializeToString())
    return tf.constant(serialised, tf.string)


def feature(value):
    if isinstance(value, str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=value if isinstance(value, list) else [value]))


def raw(columns):
    """Returns the same rows as inputs of `predict_raw`."""
    return {k: tf.constant(v) if isinstance(v[0], str) else tf.constant(v, tf.float64) for k, v in columns.items()}
