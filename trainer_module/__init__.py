"""The code that TFX imports on a worker: models, training, tuning, serving. Only `entry` depends on TFX."""
