"""The changelog starts with this version, and names every word of the users' interface that was renamed."""

import re

import tomli

from data import renamed
from tests.support.pages import ROOT


def test_the_newest_entry_of_the_changelog_is_this_version():
    version = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[1] == version


def test_the_changelog_names_every_word_that_was_renamed():
    text = (ROOT / "CHANGELOG.md").read_text()
    for word in [*renamed.NAMES, *(argument for former in renamed.ARGUMENTS.values() for argument in former)]:
        assert f"`{word}`" in text, word
