"""Every public name is written once: ids of nodes, names of metrics and of the served model are constants that code imports."""

import ast
from pathlib import Path
from types import ModuleType

import pytest

from data import metric_names
from pipeline import node_ids
from trainer_module.serving import signatures

ROOT = Path(__file__).parents[1]
FOLDERS = ("pipeline", "components", "trainer_module", "data", "tests", "benchmarks")

# These names of the served model are common words too: a column, an artifact of TFX, a key in predictions of canned Estimators.
COMMON_WORDS = {signatures.LABEL, signatures.EXAMPLES, signatures.PROBABILITIES}


def constants(module: ModuleType) -> set[str]:
    """Returns the values of the string constants of a module."""
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


NAMES = constants(node_ids) | constants(metric_names) | constants(signatures) - COMMON_WORDS

# Path of a file or folder -> the names that may be written there.
EXEMPT = {
    # The constants, and the tests that pin their values.
    "pipeline/node_ids.py": constants(node_ids),
    "tests/pipeline/test_node_ids.py": constants(node_ids),
    "data/metric_names.py": constants(metric_names),
    "tests/data/test_metric_names.py": constants(metric_names),
    "trainer_module/serving/signatures.py": constants(signatures),
    "tests/trainer_module/serving/test_signatures.py": constants(signatures),
    # Datasets and models are examples for users, who write names as text. (Models may not import serving either.)
    "data/datasets": constants(metric_names),
    "trainer_module/models": constants(metric_names) | {signatures.SERVING_DEFAULT},
    "tests/support/toys": constants(metric_names) | {signatures.SERVING_DEFAULT},
    # TFX's own pipelines contain no code of this project.
    "benchmarks/stock_taxi.py": {node_ids.LATEST_BLESSED_MODEL, metric_names.ACCURACY},
    # A metric of Keras.
    "tests/trainer_module/estimators/test_keras_conversion.py": {metric_names.ACCURACY},
    # A part of the names of TensorFlow operations.
    "tests/contracts/test_models.py": {metric_names.CROSS_ENTROPY},
}


def literals(code: str) -> list[tuple[int, str]]:
    """Returns (line, name) of each string that is a public name. In `__all__` the name of a component is that of its class."""
    tree = ast.parse(code)
    exported = {id(text) for node in tree.body if is_all(node) for text in ast.walk(node)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in NAMES and id(node) not in exported
    ]


def is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)


def sources() -> list[str]:
    """Returns the paths of all Python files, relative to the root."""
    return sorted(str(file.relative_to(ROOT)) for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))


def exempt(path: str) -> set[str]:
    """Returns the names that may be written in a file."""
    return set().union(*(names for place, names in EXEMPT.items() if path == place or path.startswith(f"{place}/")))


def test_a_public_name_is_written_only_where_its_constant_is():
    again = [
        f"{path}:{line} {name!r}"
        for path in sources()
        for line, name in literals((ROOT / path).read_text())
        if name not in exempt(path)
    ]
    assert again == []


@pytest.mark.parametrize("place", EXEMPT)
def test_every_exemption_is_needed(place):
    paths = [path for path in sources() if path == place or path.startswith(f"{place}/")]
    assert {name for path in paths for _, name in literals((ROOT / path).read_text())} & EXEMPT[place]


@pytest.mark.parametrize(
    "code",
    [
        'states["Trainer"]',
        'run("--to", "Transform")',
        'DECISION = Output("DataGate", key)',
        '{"auc": 0.9}',
        'model.signatures["predict_raw"]',
        'def serve(key="probability"): ...',
    ],
)
def test_a_name_that_is_written_again_is_noticed(code):
    assert len(literals(code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "states[node_ids.TRAINER]",
        'raise ValueError("The Trainer failed.")',
        '"""Trainer and Evaluator, and the auc."""',
        '__all__ = ["Evaluator"]',
        'row["label"], outputs["examples"]',
    ],
)
def test_sentences_exports_and_common_words_are_accepted(code):
    assert literals(code) == []
