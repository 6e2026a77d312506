"""Many processes that train together: the roles of a cluster, and how they are started and watched on one machine.

Two halves, which know each other only by TF_CONFIG and the files of the training's folder: `role` is what one process does,
wherever it was started (here, or as a pod of a TFJob); `supervisor` starts them on this machine and takes care of them.
"""
