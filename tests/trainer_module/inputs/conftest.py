import pytest

from tests.support import input_rows as rows
from trainer_module.inputs import memory, records


@pytest.fixture
def hundred(tmp_path):
    """Three files of 40, 40 and 20 rows: the pattern that finds them."""
    return rows.split(tmp_path, 40, 40, 20)


@pytest.fixture(params=list(rows.WAYS))
def way(request):
    """Both ways of training, as settings of the input function."""
    return {"memory_bytes": rows.WAYS[request.param]}


@pytest.fixture
def small_steps(monkeypatch):
    """Moves as few rows at a time as it takes for a hundred to have many borders of every kind."""
    for module, name, value in (
        (records, "TURN", 3),
        (records, "BLOCK", 16),
        (records, "FILES_AT_ONCE", 2),
        (memory, "_GATHERED", 7),
    ):
        monkeypatch.setattr(module, name, value)
