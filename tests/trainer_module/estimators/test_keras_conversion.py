"""Conversion of a Keras model to an Estimator: refusals before training, links from inputs to features, weights of the loss."""

import numpy as np
import pytest
import tensorflow as tf

from data import BinaryLabel, Dataset, MulticlassLabel, Numeric, NumericLabel, Text
from trainer_module.estimators import keras_conversion as conversion
from trainer_module.heads import PROBABILITIES, WEIGHT, label_scale

keras = tf.keras
layers = keras.layers
legacy = keras.optimizers.legacy

HOUSES = Dataset(name="houses", features=(Numeric("area"), Numeric("rooms")), label=NumericLabel("price"), sample="")
WEIGHED = Dataset(name="weighed", features=(Numeric("area"),), label=NumericLabel("price"), weight="copies", sample="")
FRUIT = Dataset(name="fruit", features=(Numeric("size"),), label=MulticlassLabel("kind", ("apple", "pear", "plum")), sample="")
REVIEWS = Dataset(name="reviews", features=(Text("tokens", length=4, size=6),), label=BinaryLabel("good"), sample="")


@pytest.fixture(autouse=True)
def reset_layer_names():
    keras.backend.reset_uids()


def functional(*inputs, output="predictions", units=1, optimizer="sgd", loss="mse"):
    """A functional model: one input per name, one dense layer. It is compiled unless `optimizer` is None."""
    input_layers = [keras.Input([1], name=name) for name in inputs or ("area",)]
    x = layers.Concatenate()(input_layers) if len(input_layers) > 1 else input_layers[0]
    model = keras.Model(input_layers, layers.Dense(units, name=output)(x), name="mine")
    if optimizer is not None:
        model.compile(optimizer, loss)
    return model


def sequential(*stack):
    model = keras.Sequential(list(stack), name="mine")
    model.compile("sgd", "mse")
    return model


def refusal(model, dataset=HOUSES):
    with pytest.raises(conversion.KerasModelError) as error:
        conversion.check(model, dataset)
    return str(error.value)


# Refusals.


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="mine")
        self.last = layers.Dense(1, name="predictions")

    def call(self, x):
        return self.last(x)


def subclassed(called):
    model = Subclassed()
    model.compile("sgd", "mse")
    if called:
        model(tf.zeros([1, 1]))
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: sequential(layers.Dense(1, name="predictions")),
        lambda: subclassed(called=False),
        lambda: subclassed(called=True),
    ],
    ids=["Sequential", "subclassed", "subclassed and called"],
)
def test_the_error_for_a_model_without_fixed_inputs_says_how_to_add_them(make):
    assert refusal(make()) == (
        "The Keras model 'mine' does not know the shape of its input, and would fail only when it is trained. "
        "Put tf.keras.Input(shape, name=<feature>) before its first layer, or give that layer input_shape=; "
        "a subclassed model must become a functional one."
    )


@pytest.mark.parametrize(
    "settings", [{"optimizer": None}, {"optimizer": "sgd", "loss": None}], ids=["not at all", "without loss"]
)
def test_a_model_that_is_not_compiled_is_refused(settings):
    assert (
        refusal(functional(**settings)) == "The Keras model 'mine' is not compiled: call model.compile(optimizer, loss) on it."
    )


@pytest.mark.parametrize(
    ("optimizer", "lost"),
    [
        (lambda: keras.optimizers.AdamW(), "weight_decay of the optimizer AdamW"),
        (lambda: keras.optimizers.AdamW(weight_decay=0.0), "the decay of the optimizer AdamW"),
        (lambda: keras.optimizers.SGD(weight_decay=0.01), "weight_decay of the optimizer SGD"),
        (lambda: keras.optimizers.Adam(use_ema=True), "use_ema of the optimizer Adam"),
        (lambda: keras.optimizers.Adam(use_ema=True, weight_decay=0.1), "weight_decay and use_ema of the optimizer Adam"),
    ],
    ids=["AdamW", "AdamW without decay", "SGD with decay", "moving average", "both"],
)
def test_a_setting_that_conversion_would_drop_is_refused_and_named(optimizer, lost):
    assert refusal(functional(optimizer=optimizer())) == (
        f"Conversion to an Estimator would silently drop {lost}. "
        "Use tf.keras.optimizers.legacy.*, and kernel_regularizer=tf.keras.regularizers.L2(...) on the layers."
    )


@pytest.mark.parametrize("kind", ["Lion", "Adafactor"])
def test_an_optimizer_without_a_legacy_form_is_refused(kind):
    optimizer = getattr(keras.optimizers, kind)()
    assert refusal(functional(optimizer=optimizer)) == (
        f"An Estimator cannot train with the optimizer {kind}. Use one of tf.keras.optimizers.legacy.*."
    )


@pytest.mark.parametrize(
    "optimizer",
    ["adam", lambda: keras.optimizers.Adam(), lambda: legacy.Ftrl(), lambda: keras.optimizers.Adam(weight_decay=0.0)],
)
def test_an_optimizer_that_conversion_keeps_whole_is_accepted(optimizer):
    instance = optimizer if isinstance(optimizer, str) else optimizer()
    assert conversion.check(functional(optimizer=instance), HOUSES) == {"area": "area"}


def test_the_error_for_a_wrong_name_of_the_last_layer_gives_the_right_one():
    assert refusal(functional(output="price")) == (
        "The last layer of a Keras model for a regression must be named 'predictions'. The outputs of 'mine': price."
    )
    assert refusal(functional("size", units=3), FRUIT).startswith(
        "The last layer of a Keras model for a multiclass_classification must be named 'probabilities'."
    )


def test_the_error_for_a_wrong_output_width_gives_the_right_one():
    assert refusal(functional(units=3)) == (
        "The output 'predictions' of the Keras model 'mine' must have the shape [batch, 1] for dataset 'houses'. "
        "It has (None, 3)."
    )
    assert "must have the shape [batch, 3] for dataset 'fruit'. It has (None, 2)." in refusal(
        functional("size", output=PROBABILITIES, units=2), FRUIT
    )


def test_the_error_for_an_input_without_a_feature_names_all_inputs_and_features():
    assert refusal(functional("area", "garden")) == (
        "The dataset has no feature for the input 'garden' of the Keras model 'mine'. An input layer NAME (or NAME_input, as a "
        "Sequential calls it) takes the feature NAME. The model's inputs: area, garden. "
        "The features of dataset 'houses': area, rooms."
    )


# Links.


@pytest.mark.parametrize(
    ("make", "links"),
    [
        (lambda: functional("rooms", "area"), {"rooms": "rooms", "area": "area"}),
        (lambda: functional("rooms"), {"rooms": "rooms"}),
        (lambda: functional("rooms_input", "area"), {"rooms_input": "rooms", "area": "area"}),
        (
            lambda: sequential(layers.Dense(2, input_shape=[1], name="area"), layers.Dense(1, name="predictions")),
            {"area_input": "area"},
        ),
        (lambda: sequential(keras.Input([1], name="area"), layers.Dense(1, name="predictions")), {"area": "area"}),
    ],
    ids=["all", "some", "both forms", "Sequential by layer", "Sequential by input"],
)
def test_an_input_is_linked_to_the_feature_of_its_name(make, links):
    assert conversion.check(make(), HOUSES) == links


def test_a_feature_whose_own_name_ends_in_input_is_linked_by_that_name():
    dataset = Dataset(name="d", features=(Numeric("area"), Numeric("area_input")), label=NumericLabel("price"), sample="")
    assert conversion.links(functional("area_input"), dataset) == {"area_input": "area_input"}


# Converted models.

AREAS, PRICES, COPIES = [[1.0], [2.0], [3.0]], [[1.0], [5.0], [6.0]], [[4.0], [1.0], [0.5]]


def config(folder):
    return tf.estimator.RunConfig(model_dir=str(folder), tf_random_seed=1, save_checkpoints_steps=1000)


def rows(with_weights):
    features = {"area": tf.constant(AREAS), label_scale.OFFSET: tf.zeros([3, 1]), label_scale.SCALE: tf.ones([3, 1])}
    weights = {WEIGHT: tf.constant(COPIES)} if with_weights else {}
    return tf.data.Dataset.from_tensors((features | weights, tf.constant(PRICES)))


def test_example_weights_weight_the_loss_and_training_starts_from_the_weights_of_the_keras_model(tmp_path):
    model = functional("area", optimizer=legacy.SGD(0.0))
    model.get_layer("predictions").set_weights([np.array([[2.0]]), np.array([0.5])])
    estimator = conversion.to_estimator(model, WEIGHED, config(tmp_path))
    estimator.train(lambda: rows(True), max_steps=1)
    squares = (2 * np.array(AREAS) + 0.5 - PRICES) ** 2
    assert estimator.evaluate(lambda: rows(False))["loss"] == pytest.approx(squares.mean())
    assert estimator.evaluate(lambda: rows(True))["loss"] == pytest.approx((squares * COPIES).mean())


def test_example_weights_weight_the_gradient(tmp_path):
    model = functional("area", optimizer=legacy.SGD(0.1))
    model.get_layer("predictions").set_weights([np.array([[2.0]]), np.array([0.5])])
    estimator = conversion.to_estimator(model, WEIGHED, config(tmp_path))
    estimator.train(lambda: rows(True), max_steps=1)
    errors = 2 * np.array(AREAS) + 0.5 - PRICES
    # Calculated by hand: the gradient of the mean of the weighted squares.
    bias = 0.5 - 0.1 * np.mean(2 * errors * COPIES)
    assert estimator.get_variable_value("predictions/bias") == pytest.approx([bias])


def test_a_sequential_model_over_words_is_trained_and_predicts(tmp_path):
    model = keras.Sequential(
        [
            layers.Embedding(REVIEWS.texts[0].cardinality, 3, input_length=4, mask_zero=True, name="tokens"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid", name="logistic"),
        ]
    )
    model.compile(legacy.SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
    assert conversion.check(model, REVIEWS) == {"tokens_input": "tokens"}
    features = {"tokens": np.array([[1, 2, 0, 0], [3, 0, 0, 0]]), "unread": np.zeros([2, 1])}

    def texts():
        return tf.data.Dataset.from_tensors((features, np.array([[1.0], [0.0]]))).repeat(20)

    estimator = conversion.to_estimator(model, REVIEWS, config(tmp_path))
    estimator.train(texts, max_steps=20)
    good, bad = (float(p["logistic"][0]) for _, p in zip(range(2), estimator.predict(texts), strict=False))
    assert bad < 0.5 < good
