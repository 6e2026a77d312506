"""One file a model: `search_space(hp)` declares its hyper-parameters, `build(dataset, hp, config)` returns an Estimator."""

# The package in which a model's name is looked up.
NAME = __name__
