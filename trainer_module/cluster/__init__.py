"""Training in several processes, on one machine or many.

`role` is the program of one process, on this machine or in a pod of a TFJob. `supervisor` starts all processes on this machine
and restarts those that fail. They communicate only through TF_CONFIG and the files in the folder of the training.
"""
