"""A stalled training is killed, its stacks are logged, and it continues from its checkpoint. The restarts are limited."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from tests.support.jobs import job
from trainer_module import trainer
from trainer_module.checkpoints import folder
from trainer_module.checkpoints.checkpoints import step_of
from trainer_module.supervision.control import StalledError


@pytest.fixture
def stalling_job(toy, materialised, tmp_path):
    """Returns a function: makes a job that hangs `times` times."""

    def make(times, **settings):
        chances = toy / "toy" / "chances"
        chances.mkdir(exist_ok=True)
        for i in range(times):
            (chances / str(i)).touch()
        work = job(materialised("toy.fruit"), "toy.fruit", "toy.stalled", tmp_path / "stalled", checkpoint_steps=10, **settings)
        return replace(work, settings=structs.replace(work.settings, stall_seconds=15))

    return make


@pytest.mark.slow
def test_a_training_that_hangs_twice_is_continued_twice(stalling_job, capfd):
    work = stalling_job(times=2)
    with folder.held(work.folder) as lock:
        trained = trainer.train(work, lock)
    assert (trained.steps, trained.resumed_from) == (60, 0)
    assert "after_run" in capfd.readouterr().err  # the stack of the thread that hung in this process
    log = Path(work.folder, "cluster", "local-0.log").read_text()
    assert "time.sleep" in log or "after_run" in log  # and the stack of the process that hung


@pytest.mark.slow
def test_a_training_that_hangs_every_time_fails_with_the_limit_of_restarts(stalling_job):
    from trainer_module.cluster.supervisor import ClusterError

    work = stalling_job(times=20, retries=1)
    with folder.held(work.folder) as lock, pytest.raises(ClusterError, match=r"train\.retries is 1"):
        trainer.train(work, lock)
    assert step_of(work.folder) == 20


def test_with_zero_retries_the_first_hang_is_an_error(stalling_job):
    work = stalling_job(times=1, retries=0)
    with folder.held(work.folder) as lock, pytest.raises(StalledError, match="no progress for 15 s"):
        trainer.train(work, lock)
