"""When a training saves and evaluates: at the configured steps and seconds, or else within the share of time for overhead."""

import pytest

from trainer_module.training.cadence import MIN_CHECKPOINT_SECONDS, Cadence


class Clock:
    """A clock that a test moves by hand, in seconds."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def begin(clock, *, checkpoint_steps=None, eval_seconds=None, overhead=0.2, build=2.0, step=0):
    cadence = Cadence(checkpoint_steps, eval_seconds, overhead, clock)
    clock.now += build
    cadence.begin(step)
    return cadence


def save(cadence, clock, step, seconds):
    with cadence.saving(step):
        clock.now += seconds


def evaluate(cadence, clock, seconds, *, last=False):
    """Evaluates ten batches, which take `seconds` together. Returns whether all were evaluated."""
    completed = False
    with cadence.evaluating(last=last):
        for _ in range(10):
            cadence.check()
            clock.now += seconds / 10
        completed = True
    return completed


def test_configured_steps_decide_when_a_checkpoint_is_due(clock):
    cadence = begin(clock, checkpoint_steps=10, step=100)
    assert [step for step in range(101, 121) if cadence.checkpoint_due(step)] == list(range(110, 121))
    save(cadence, clock, 110, seconds=1000)
    assert not cadence.checkpoint_due(119)
    assert cadence.checkpoint_due(120)


def test_a_checkpoint_in_between_does_not_shift_the_steps_of_later_checkpoints(clock):
    cadence = begin(clock, checkpoint_steps=10, step=104)
    assert [step for step in range(105, 112) if cadence.checkpoint_due(step)] == [110, 111]


def test_configured_seconds_decide_when_an_evaluation_is_due(clock):
    cadence = begin(clock, eval_seconds=60)
    assert cadence.evaluation_due()
    evaluate(cadence, clock, 50)
    assert not cadence.evaluation_due()
    clock.now += 10
    assert cadence.evaluation_due()


def test_with_zero_seconds_every_checkpoint_is_evaluated(clock):
    cadence = begin(clock, eval_seconds=0)
    evaluate(cadence, clock, 500)
    assert cadence.evaluation_due()


def test_without_configured_steps_a_fast_checkpoint_is_due_every_ten_seconds(clock):
    cadence = begin(clock)
    clock.now += MIN_CHECKPOINT_SECONDS - 0.1
    assert not cadence.checkpoint_due(5)
    clock.now += 0.2
    assert cadence.checkpoint_due(5)
    save(cadence, clock, 5, seconds=0.1)
    assert not cadence.checkpoint_due(6)


def test_without_configured_steps_slow_checkpoints_take_a_twentieth_of_the_time(clock):
    cadence = begin(clock)
    save(cadence, clock, 5, seconds=6)
    clock.now += 119
    assert not cadence.checkpoint_due(500)
    clock.now += 1.1
    assert cadence.checkpoint_due(500)


def test_the_first_evaluation_is_assumed_to_take_as_long_as_building_the_graph(clock):
    cadence = begin(clock, build=3.0)
    clock.now += 29.9  # this evaluation and the last one of the training take 3 s each: together a fifth of 30 s
    assert not cadence.evaluation_due()
    clock.now += 0.2
    assert cadence.evaluation_due()


def test_a_first_evaluation_that_takes_much_longer_than_building_the_graph_is_given_up(clock):
    cadence = begin(clock, build=1.0)
    clock.now += 30
    assert cadence.evaluation_due()

    # A fifth of 30 s is 6 s. The first batch alone takes 10 s, so the evaluation is given up after it.
    assert not evaluate(cadence, clock, 100)
    assert cadence.spent == pytest.approx(10)
    clock.now += 219

    # This evaluation and the last one take at least 20 s each. With the 10 s already spent, that is 50 s: a fifth of 250 s.
    assert not cadence.evaluation_due()
    clock.now += 2
    assert cadence.evaluation_due()


def test_the_last_evaluation_is_completed_however_long_it_takes(clock):
    cadence = begin(clock)
    assert evaluate(cadence, clock, 1000, last=True)


def test_with_configured_seconds_an_evaluation_is_completed_however_long_it_takes(clock):
    assert evaluate(begin(clock, eval_seconds=60), clock, 1000)


def test_with_an_overhead_of_zero_checkpoints_are_saved_but_not_evaluated(clock):
    cadence = begin(clock, overhead=0.0)
    saved = []
    for step in range(1, 1000):
        clock.now += 0.1
        if cadence.checkpoint_due(step):
            save(cadence, clock, step, seconds=0.1)
            assert not cadence.evaluation_due()
            saved.append(step)
    assert len(saved) == 9, "one checkpoint every ten seconds"


@pytest.mark.parametrize("build", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("cost", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("overhead", [0.1, 0.2])
def test_evaluations_with_the_last_one_spend_at_most_the_overhead(clock, build, cost, overhead):
    cadence = begin(clock, overhead=overhead, build=build)
    evaluations = 0
    for step in range(1, 20_000):
        clock.now += 0.1
        if cadence.checkpoint_due(step):
            save(cadence, clock, step, seconds=cost / 20)
            if cadence.evaluation_due():
                evaluations += evaluate(cadence, clock, cost)
    assert evaluate(cadence, clock, cost, last=True)
    assert evaluations > 0
    assert cadence.spent <= overhead * cadence.stepping
    assert cadence.stepping == pytest.approx(1999.9)
