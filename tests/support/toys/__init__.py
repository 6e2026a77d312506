"""The package `toy`: small datasets and models as a user writes them outside the tree.

Tests that only read the datasets import them from here. Runs use a copy outside the tree (the fixture `toy`): so a test may
edit a file, and no run writes into the checkout.
"""

import shutil
from pathlib import Path

from tests.support.toys.toy import fruit, opinion, species, surge, tide

PACKAGE = Path(__file__).with_name("toy")
DATASETS = {module.DATASET.name: module.DATASET for module in (fruit, species, opinion, tide, surge)}


def copy_to(folder):
    """Copies the package into `folder`. Returns `folder`, from which a run can then import `toy`."""
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
