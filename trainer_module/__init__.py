"""What TFX loads by dotted path on a worker. Below `entry` nothing knows TFX, only TensorFlow."""
