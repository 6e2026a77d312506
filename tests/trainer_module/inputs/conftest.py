import pytest

from tests.support import input_rows as rows
from trainer_module.inputs import memory, records


@pytest.fixture
def hundred(tmp_path):
    """The pattern of three files with 40, 40 and 20 rows."""
    return rows.split(tmp_path, 40, 40, 20)


@pytest.fixture(params=list(rows.WAYS))
def way(request):
    """Settings of the input function: once with the rows in memory, once streamed."""
    return {"memory_bytes": rows.WAYS[request.param]}


@pytest.fixture
def small_steps(monkeypatch):
    """Makes turns, blocks and gathers so small that a hundred rows cross many borders of each."""
    for module, name, value in (
        (records, "TURN", 3),
        (records, "BLOCK", 16),
        (records, "FILES_AT_ONCE", 2),
        (memory, "GATHERED", 7),
    ):
        monkeypatch.setattr(module, name, value)
