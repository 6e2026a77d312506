"""Search for hyper-parameters: trials of one model, each an Estimator trained in a process of its own, chosen by an oracle.

`search` is what TFX calls; `runner` keeps the trials going; `trial` is what one process does; `oracles` decide what is tried.
"""
