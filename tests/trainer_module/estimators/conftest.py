"""A user's own model file."""

import pytest


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Returns a function that writes a user's own model file; its name."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))

        def write(name, text):
            (folder / f"own_{name}").mkdir()
            (folder / f"own_{name}" / "model.py").write_text(f"import tensorflow as tf\n\n\n{text}")
            return f"own_{name}.model"

        yield write
