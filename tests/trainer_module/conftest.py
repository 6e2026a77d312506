"""Fixtures that several test folders share."""

import itertools
import textwrap

import pytest


@pytest.fixture(scope="session")
def write_model(tmp_path_factory):
    """Returns a function that writes a model file outside the repository, as a user would, and returns the name of the model.

    Its arguments are a name, and the text of the file after the import of TensorFlow.
    """
    folder, numbers = tmp_path_factory.mktemp("models"), itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))

        def write(name, text):
            package = folder / f"own_{name}_{next(numbers)}"
            package.mkdir()
            (package / "model.py").write_text(f"import tensorflow as tf\n\n\n{textwrap.dedent(text)}")
            return f"{package.name}.model"

        yield write
