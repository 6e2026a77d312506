"""One file a model: `search_space(hp)` declares its hyper-parameters, `build(dataset, hp, config)` returns an Estimator.

A Keras model has `keras_model(dataset, hp)` instead of `build`: it returns the compiled model, which
`trainer_module/estimators/keras_conversion.py` converts. `TASKS` lists the tasks that it can be trained for (by default all),
`FEATURES` the kinds of feature that it reads (by default those of a table).
"""

# The package in which a model's name is looked up.
NAME = __name__
