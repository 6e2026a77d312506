"""TFX components of our own, one folder each, all of one shape; and the TFMA metrics that Beam workers load.

In each folder `component.py` is what a pipeline imports, `executor.py` what runs, and `logic.py` holds pure functions
that know nothing of TFX.
"""
