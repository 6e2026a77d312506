"""Fixtures that the tests of components share."""

import pytest


@pytest.fixture
def write_file(tmp_path):
    """Returns a function that writes text or bytes to a file below the folder of the test, and returns its path."""

    def write(content="", name="data.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write
