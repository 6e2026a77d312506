"""Serves a SavedModel in this process."""

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Signature:
    """A function of a SavedModel. Calling it with arrays by name returns arrays by name."""

    session: tf.compat.v1.Session
    definition: Any  # a SignatureDef

    @property
    def inputs(self):
        """The names of its inputs."""
        return set(self.definition.inputs)

    def __call__(self, **values):
        """Runs the function. Raises tf.errors.InvalidArgumentError if the model refuses the values."""
        assert set(values) == self.inputs
        outputs = {key: info.name for key, info in self.definition.outputs.items()}
        return self.session.run(outputs, {self.definition.inputs[key].name: np.asarray(v) for key, v in values.items()})


@contextmanager
def signatures(saved_model):
    """Yields name -> Signature of a SavedModel.

    All signatures use one session, as in TensorFlow Serving. `tf.saved_model.load` builds a graph for each signature instead,
    which takes several seconds for a model of an Estimator.
    """
    # Not `with Session(...)`: it would also become the default session of the tests.
    with closing(tf.compat.v1.Session(graph=tf.Graph())) as session:
        with session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], saved_model)
        yield {
            name: Signature(session, definition)
            for name, definition in meta_graph.signature_def.items()
            if definition.inputs  # not the signature that initialises the model
        }
