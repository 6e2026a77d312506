"""Training of one Estimator in this process: the loop, checkpoints and evaluations, progress and result."""
