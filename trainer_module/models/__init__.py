"""The models, one file for each. A file defines:

- `search_space(hp)`: declares the hyper-parameters with their defaults;
- `build(dataset, hp, config)`: returns the Estimator; or, for a Keras model, `keras_model(dataset, hp)`: returns the compiled
  model, which `trainer_module/estimators/keras_conversion.py` converts;
- `TASKS`: the tasks that the model supports; by default all tasks;
- `FEATURES`: the kinds of features that the model reads; by default all but `Text` and `Window`.
"""

# The package of the models. The name of a model is the name of a file in it.
NAME = __name__
