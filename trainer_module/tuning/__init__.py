"""Searches for hyper-parameters: trains a model with different values, each trial in its own process.

TFX's Tuner calls `search`. `oracles` choose the values of a trial, `runner` runs the trials, and `trial` is the program of one.
"""
