"""The heartbeat of an evaluator: a file that the chief looks at."""

import pytest

from trainer_module.cluster.evaluator_heartbeat import EvaluatorHeartbeat, EvaluatorHeartbeatHook


@pytest.fixture
def file(tmp_path):
    """Returns a function: the heartbeat file, as one process sees it."""
    return lambda: EvaluatorHeartbeat(str(tmp_path))


def test_before_the_first_beat_there_is_none(file):
    assert not file().has_beaten()


def test_every_beat_is_seen_once_by_every_process(file):
    evaluator, chief, other = file(), file(), file()
    for _ in range(2):
        evaluator.beat()
        assert [chief.has_beaten(), chief.has_beaten(), other.has_beaten()] == [True, False, True]


def test_an_evaluation_beats_every_five_seconds_and_at_its_end(file):
    now = [100.0]
    hook, chief = EvaluatorHeartbeatHook(file(), clock=lambda: now[0]), file()
    seen = []
    for seconds in (0, 1, 3.9, 0.2, 4.9, 0.2):
        now[0] += seconds
        hook.before_run(None)
        seen.append(chief.has_beaten())
    hook.end(None)
    assert [*seen, chief.has_beaten()] == [True, False, False, True, False, True, True]
