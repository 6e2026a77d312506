"""How an Estimator is trained: the loop, its progress, what counts as finished."""
