"""Trains one Estimator in this process: the loop, its checkpoints and evaluations, its progress and its result."""
