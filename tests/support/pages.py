"""The pages of the documentation in reading order: their text, their fenced blocks, the names between backticks."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs"
FENCE = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        page: file of the page.
        language: such as "bash".
        info: the rest of the first line, such as "norun", or "file=" and the name of a file.
        text: the lines between the fences.
    """

    page: Path
    language: str
    info: str
    text: str


def pages():
    """Returns the files of all pages in reading order."""
    toctrees = re.findall(r"^```{toctree}\n(.*?)^```$", (DOCS / "index.md").read_text(), re.M | re.S)
    names = [line for tree in toctrees for line in tree.splitlines() if line and not line.startswith(":")]
    order = [DOCS / f"{name}.md" for name in names]
    assert all(page.exists() for page in order)
    others = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", DOCS / "index.md"]
    return [README, *order, *sorted(set(DOCS.rglob("*.md")) - {*order, *others}), *others]


PAGES = {page: page.read_text() for page in pages()}
BLOCKS = [Block(page, *fence) for page, text in PAGES.items() for fence in FENCE.findall(text)]
# Files that a page tells the reader to create: name -> text. Two pages may show the same file.
FILES = {b.info.removeprefix("file="): b.text for b in BLOCKS if b.info.startswith("file=")}


def prose(page):
    """Returns a page without its fenced blocks."""
    return FENCE.sub("", PAGES[page])


def code_in(text):
    """Returns the texts between backticks in a text."""
    return re.findall(r"`([^`\n]+)`", text)


def section(page, heading):
    """Returns the text below a heading of a page, up to the next heading of that level."""
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", (DOCS / page).read_text(), re.M | re.S)[1]
