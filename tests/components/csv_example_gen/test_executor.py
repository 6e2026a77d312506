"""The executor on Beam: the examples that it writes, and the error of a worker for an unreadable cell."""

import pytest

from components.csv_example_gen.executor import Executor
from components.csv_files.errors import message_in
from tests.support import samples
from tests.support.example_gens import records, run_executor


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def run(data, output):
    return run_executor(Executor, "toy.fruit", data, output)


def test_every_row_of_every_file_is_written_to_one_split(toy, data, tmp_path):
    for seed in (1, 2):
        samples.write_fruit(data / f"{seed}.csv", rows=200, seed=seed)
    examples = run(data, tmp_path / "out")
    train, evaluation = records(examples, "train"), records(examples, "eval")
    assert len(train) + len(evaluation) == 400
    assert 60 < len(evaluation) < 180
    again = run(data, tmp_path / "again")
    assert len(records(again, "train")) == len(train)


def test_an_error_of_a_worker_names_the_cell_like_the_check_of_the_files(toy, data, tmp_path):
    file = samples.write_fruit(data / "fruit.csv", rows=50)
    file.write_text(file.read_text() + "heavy,3,red,1,0\n")
    with pytest.raises(Exception) as error:
        run(data, tmp_path / "out")
    # pipeline/execution/nodes.py writes an error in this form.
    message = message_in(f"{type(error.value).__name__}: {error.value}")
    assert message.startswith(f"{file}, row 52, column 'weight': 'heavy' is not a number.")
