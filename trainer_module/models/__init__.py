"""The models, one file for each. A file defines:

- `search_space(hp)`: declares the hyper-parameters with their defaults;
- `build(dataset, hp, config)`: returns the Estimator; or, for a Keras model, `keras_model(dataset, hp)`: returns the compiled
  model, which `trainer_module/estimators/keras_conversion.py` converts;
- `TASKS`: the tasks that the model can be trained for; by default all;
- `FEATURES`: the kinds of feature that the model reads; by default those of a table.
"""

# The package that contains the models: a model's name is a file in it.
NAME = __name__
