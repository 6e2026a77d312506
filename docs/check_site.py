"""Checks the built documentation for what Sphinx accepts.

The target of every internal link exists, no page loads anything from another server, and no page shows the fence of a directive
(`:::`), which means that the directive is not closed.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Element -> its attribute with the URL that a browser loads.
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """One page: its anchors, its links, the files that a browser loads with it, and its text."""

    def __init__(self, path: Path) -> None:
        """Reads the page at `path`."""
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects the anchors and URLs of an element."""
        values = dict(attrs)
        self.anchors.update(v for k in ("id", "name") if (v := values.get(k)))
        if tag == "a" and (href := values.get("href")):
            self.links.append(href)
        # rel=canonical and the like name a page; a browser does not load it.
        if tag in LOADED and (url := values.get(LOADED[tag])) and values.get("rel") not in ("canonical", "index", "search"):
            self.loaded.append(url)

    def handle_data(self, data: str) -> None:
        """Collects the text."""
        self.text += data


def problems(site: Path) -> list[str]:
    """Returns one line for each broken link, each thing that is loaded from another server, and each page with a fence."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    lines = []
    for path, page in pages.items():
        name = path.relative_to(site)
        lines += [f"{name} loads {url} from another server" for url in page.loaded if _is_remote(url)]
        lines += [f"{name} links to {link}, which does not exist" for link in page.links if not _exists(path, link, pages)]
        lines += [f"{name} shows ':::': close the directive, on a line of its own"] * (":::" in page.text)
    for path in sorted(site.rglob("*.css")):
        urls = re.findall(r"(?:url\(|@import )\s*['\"]?(https?:|//)[^)]*", path.read_text("utf-8"))
        lines += [f"{path.relative_to(site)} loads {url} from another server" for url in urls]
    return lines


def _is_remote(url: str) -> bool:
    return bool(urlsplit(url).netloc)


def _exists(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target not in pages:
        return target.is_file()
    return not parts.fragment or unquote(parts.fragment) in pages[target].anchors


if __name__ == "__main__":
    site_problems = problems(Path(sys.argv[1]).resolve())
    sys.exit("\n".join(site_problems) if site_problems else 0)
