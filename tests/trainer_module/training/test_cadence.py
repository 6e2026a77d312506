"""When a training saves and evaluates: by steps and seconds where they are given, else by what it can afford."""

import pytest

from trainer_module.training.cadence import LEAST_SECONDS, Cadence


class Clock:
    """A clock that is moved by hand, in seconds."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def begun(clock, *, checkpoint_steps=None, eval_seconds=None, overhead=0.2, build=2.0, step=0):
    made = Cadence(checkpoint_steps, eval_seconds, overhead, clock)
    clock.now += build
    made.begin(step)
    return made


def save(cadence, clock, step, seconds):
    with cadence.saving(step):
        clock.now += seconds


def evaluate(cadence, clock, seconds, *, last=False):
    """Evaluates ten batches. Returns whether it came to the end."""
    done = False
    with cadence.evaluating(last=last):
        for _ in range(10):
            cadence.check()
            clock.now += seconds / 10
        done = True
    return done


def test_given_steps_decide_when_a_checkpoint_is_due(clock):
    cadence = begun(clock, checkpoint_steps=10, step=100)
    assert [step for step in range(101, 121) if cadence.checkpoint_due(step)] == list(range(110, 121))
    save(cadence, clock, 110, seconds=1000)
    assert not cadence.checkpoint_due(119)
    assert cadence.checkpoint_due(120)


def test_checkpoints_come_at_the_same_steps_after_one_that_was_saved_in_between(clock):
    cadence = begun(clock, checkpoint_steps=10, step=104)
    assert [step for step in range(105, 112) if cadence.checkpoint_due(step)] == [110, 111]


def test_given_seconds_decide_when_an_evaluation_is_due(clock):
    cadence = begun(clock, eval_seconds=60)
    assert cadence.evaluation_due()
    evaluate(cadence, clock, 50)
    assert not cadence.evaluation_due()
    clock.now += 10
    assert cadence.evaluation_due()


def test_zero_seconds_evaluate_every_checkpoint(clock):
    cadence = begun(clock, eval_seconds=0)
    evaluate(cadence, clock, 500)
    assert cadence.evaluation_due()


def test_without_steps_a_cheap_checkpoint_comes_every_ten_seconds(clock):
    cadence = begun(clock)
    clock.now += LEAST_SECONDS - 0.1
    assert not cadence.checkpoint_due(5)
    clock.now += 0.2
    assert cadence.checkpoint_due(5)
    save(cadence, clock, 5, seconds=0.1)
    assert not cadence.checkpoint_due(6)


def test_without_steps_a_dear_checkpoint_comes_as_often_as_a_twentieth_of_the_time_allows(clock):
    cadence = begun(clock)
    save(cadence, clock, 5, seconds=6)
    clock.now += 119
    assert not cadence.checkpoint_due(500)
    clock.now += 1.1
    assert cadence.checkpoint_due(500)


def test_the_first_evaluation_is_assumed_to_cost_what_building_the_graph_did(clock):
    cadence = begun(clock, build=3.0)
    clock.now += 29.9  # 2 evaluations of 3 s, the last one of the training included, are a fifth of 30 s
    assert not cadence.evaluation_due()
    clock.now += 0.2
    assert cadence.evaluation_due()


def test_a_first_evaluation_that_costs_far_more_than_building_the_graph_is_given_up(clock):
    cadence = begun(clock, build=1.0)
    clock.now += 30
    assert cadence.evaluation_due()
    assert not evaluate(cadence, clock, 100)  # a fifth of 30 s, 6 s, may be spent: the second batch of 10 s is none too few
    assert cadence.spent == pytest.approx(10)
    clock.now += 219
    assert not cadence.evaluation_due()  # it costs 20 s at least, and so does the last one: with what was spent 50 s, of 250 s
    clock.now += 2
    assert cadence.evaluation_due()


def test_the_last_evaluation_is_made_whatever_it_costs(clock):
    cadence = begun(clock)
    assert evaluate(cadence, clock, 1000, last=True)


def test_an_evaluation_whose_time_was_given_is_made_whatever_it_costs(clock):
    assert evaluate(begun(clock, eval_seconds=60), clock, 1000)


def test_without_a_share_checkpoints_still_come_and_evaluations_do_not(clock):
    cadence = begun(clock, overhead=0.0)
    saved = []
    for step in range(1, 1000):
        clock.now += 0.1
        if cadence.checkpoint_due(step):
            save(cadence, clock, step, seconds=0.1)
            assert not cadence.evaluation_due()
            saved.append(step)
    assert len(saved) == 9, "one every ten seconds"


@pytest.mark.parametrize("build", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("cost", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("overhead", [0.1, 0.2])
def test_on_the_way_and_at_the_end_no_more_than_the_share_is_spent(clock, build, cost, overhead):
    cadence = begun(clock, overhead=overhead, build=build)
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
