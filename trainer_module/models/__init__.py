"""One file a model: `search_space(hp)` declares its hyper-parameters, `build(dataset, hp, config)` returns an Estimator.

A Keras model has `keras_model(dataset, hp)` instead of `build`: it returns the compiled model, which
`trainer_module/keras_conversion.py` converts. `TASKS` lists what it can be trained for (all tasks, if it is left out),
`FEATURES` the kinds of feature that it reads (those of a table).
"""

# The package in which a model's name is looked up.
NAME = __name__
