"""Serves a SavedModel in this process."""

import functools

import numpy as np
import tensorflow as tf


def signatures(saved_model):
    """Returns name -> function of a SavedModel's signatures. A function takes and returns arrays by name.

    They share one session, as in TensorFlow Serving. `tf.saved_model.load` builds a function of each signature instead, which
    takes several seconds for a model of an Estimator.

    Raises (a function):
        tf.errors.InvalidArgumentError: the model refuses the values.
    """
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        meta_graph = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], saved_model)
    return {
        name: functools.partial(_run, session, definition)
        for name, definition in meta_graph.signature_def.items()
        if definition.inputs  # not the signature that initialises the model
    }


def inputs(signature):
    """Returns the names of the inputs of a function from `signatures`."""
    return set(signature.args[1].inputs)


def _run(session, definition, **values):
    assert set(values) == set(definition.inputs)
    outputs = {key: info.name for key, info in definition.outputs.items()}
    return session.run(outputs, {definition.inputs[key].name: np.asarray(value) for key, value in values.items()})
