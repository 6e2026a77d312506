"""The processes of a training: which settings make a cluster, and how many steps too many it may take."""

import pytest

from trainer_module.training.settings import Cluster


@pytest.mark.parametrize(
    ("cluster", "alone", "overshoot"),
    [
        (Cluster(), True, 0),
        (Cluster(devices=2), True, 0),
        (Cluster(strategy="mirrored"), False, 0),
        (Cluster(ps=1), False, 0),
        (Cluster(workers=2, ps=1), False, 2),
        (Cluster(workers=2, strategy="multi_worker_mirrored"), False, 0),
    ],
)
def test_a_cluster_is_more_than_one_process_and_each_asynchronous_worker_may_take_one_step_too_many(cluster, alone, overshoot):
    assert (cluster.alone, cluster.overshoot) == (alone, overshoot)
