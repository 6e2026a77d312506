"""The brackets of Hyperband, in steps. The tests run no trial."""

import collections

import pytest

from tests.support.oracles import build, end, reloaded, run_trials, score

BUDGET, FROM, INITIAL = "tuner/epochs", "tuner/trial_id", "tuner/initial_epoch"


def rounds(tried):
    """The steps of the trials of each round: (bracket, round) -> list of steps."""
    steps = collections.defaultdict(list)
    for values in tried.values():
        steps[values["tuner/bracket"], values["tuner/round"]].append(values[BUDGET])
    return dict(steps)


def test_budgets_are_steps_and_all_rounds_of_the_first_bracket_fit(tmp_path):
    tried = run_trials(build(tmp_path, "hyperband", trials=13))
    assert rounds(tried) == {(2, 0): [10] * 9, (2, 1): [30] * 3, (2, 2): [90]}


def test_later_brackets_begin_with_fewer_and_longer_trials(tmp_path):
    tried = run_trials(build(tmp_path, "hyperband", trials=23))
    assert {key: len(budgets) for key, budgets in rounds(tried).items()} == {
        (2, 0): 9, (2, 1): 3, (2, 2): 1, (1, 0): 5, (1, 1): 2, (0, 0): 3,
    }  # fmt: skip
    assert rounds(tried)[0, 0] == [90, 90, 90]


@pytest.mark.parametrize(
    ("trials", "steps", "factor", "halvings"),
    [
        (1, 90, 3, 0),
        (3, 90, 3, 0),
        (4, 90, 3, 1),
        (12, 90, 3, 1),
        (13, 90, 3, 2),
        (1000, 90, 3, 2),
        (7, 80, 2, 2),
        (13, 20, 3, 0),
    ],
)
def test_the_number_of_halvings(tmp_path, trials, steps, factor, halvings):
    """The number is the highest at which all rounds fit and every trial has at least 10 steps."""
    assert build(tmp_path, "hyperband", trials=trials, steps=steps, factor=factor).halvings == halvings


def test_the_best_trials_are_promoted_with_their_values(tmp_path):
    oracle = build(tmp_path, "hyperband", trials=13)
    tried = run_trials(oracle)
    first = sorted((t for t in tried if tried[t][BUDGET] == 10), key=lambda t: -score(oracle.trials[t]))
    promoted = {tried[t][FROM] for t in tried if tried[t][BUDGET] == 30}
    assert promoted == set(first[:3])
    for number, values in tried.items():
        if FROM in values:
            past = tried[values[FROM]]
            assert {k: v for k, v in values.items() if "/" not in k} == {k: v for k, v in past.items() if "/" not in k}
            assert values[INITIAL] == past[BUDGET], number


def test_for_a_loss_the_trials_with_the_lowest_are_promoted(tmp_path):
    oracle = build(tmp_path, "hyperband", trials=4, direction="lower")
    tried = run_trials(oracle)
    [last] = [v for v in tried.values() if FROM in v]
    assert last[FROM] == min(list(tried)[:3], key=lambda t: score(oracle.trials[t]))


def test_a_failed_trial_is_dropped_and_others_are_promoted(tmp_path):
    """The oracle of KerasTuner would promote no trial: it waits until all three are completed."""
    tried = run_trials(build(tmp_path, "hyperband", trials=13), fails=(0, 4))
    assert {key: len(budgets) for key, budgets in rounds(tried).items()} == {(2, 0): 9, (2, 1): 3, (2, 2): 1}
    assert not {v.get(FROM) for v in tried.values()} & {"00", "04"}


def test_the_search_continues_after_a_round_that_failed_completely(tmp_path):
    tried = run_trials(build(tmp_path, "hyperband", trials=8), fails=range(3))
    assert rounds(tried) == {(1, 0): [30] * 3, (0, 0): [90] * 5}


def test_a_trial_that_is_certain_of_promotion_does_not_wait_for_the_rest(tmp_path):
    oracle = build(tmp_path, "hyperband", trials=13)
    slow = oracle.create_trial("slot0")
    others = [oracle.create_trial("slot1")]
    for _ in range(7):
        end(oracle, others[-1])
        others.append(oracle.create_trial("slot1"))
    assert others[-1].hyperparameters.values["tuner/round"] == 0  # the ninth
    end(oracle, others[-1])

    # Eight of nine have ended: the best two of these are certainly among the best three of all.
    early = oracle.create_trial("slot1")
    assert early.hyperparameters.values["tuner/round"] == 1
    assert early.hyperparameters.values[FROM] == max(others, key=score).trial_id
    assert slow.status == "RUNNING"


def test_the_last_trials_are_reserved_for_promotions(tmp_path):
    oracle = build(tmp_path, "hyperband", trials=4)
    running = [oracle.create_trial(f"slot{i}") for i in range(3)]
    assert oracle.create_trial("slot3").status == "IDLE"
    for trial in running:
        end(oracle, trial)
    last = oracle.create_trial("slot0")
    assert last.hyperparameters.values[BUDGET] == 90
    end(oracle, last)
    assert oracle.create_trial("slot0").status == "STOPPED"


def test_more_trials_keep_the_brackets_and_add_others(tmp_path):
    few = run_trials(build(tmp_path, "hyperband", trials=4))
    more = run_trials(reloaded(tmp_path, "hyperband", trials=13))
    assert rounds(few) == {(1, 0): [30] * 3, (1, 1): [90]}
    assert rounds(more) == {(0, 0): [90] * 5, (1, 0): [30] * 3, (1, 1): [90]}


def test_a_bracket_whose_rounds_do_not_fit_is_not_begun(tmp_path):
    """Two trials are left after the first bracket of thirteen. The next bracket would need seven."""
    assert rounds(run_trials(build(tmp_path, "hyperband", trials=15)))[0, 0] == [90, 90]
