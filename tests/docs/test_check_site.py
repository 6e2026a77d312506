"""docs/check_site.py finds broken links, and files from other servers, in the built documentation, which Sphinx accepts."""

import runpy
from pathlib import Path

import pytest

CHECK = runpy.run_path(str(Path(__file__).parents[2] / "docs/check_site.py"))


@pytest.fixture
def site(tmp_path):
    (tmp_path / "guides").mkdir()
    (tmp_path / "guides/resume.html").write_text('<h2 id="after-a-kill">After a kill</h2>')
    (tmp_path / "style.css").write_text("body { color: black }")
    return tmp_path


def problems(site, body):
    """Returns the problems of a site whose front page has this body."""
    (site / "index.html").write_text(body)
    return CHECK["problems"](site)


def test_a_link_to_an_existing_page_or_anchor_is_no_problem(site):
    link = "<a href='guides/resume.html'>1</a><a href='guides/resume.html#after-a-kill'>2</a><a id='here' href='#here'>3</a>"
    assert problems(site, link) == []


def test_a_link_to_another_site_is_no_problem_and_is_not_followed(site):
    assert problems(site, "<a href='https://example.org/nothing'>there</a>") == []


@pytest.mark.parametrize("link", ["guides/tuning.html", "guides/resume.html#before", "#nowhere"])
def test_a_link_without_a_target_is_a_problem(site, link):
    assert problems(site, f"<a href='{link}'>there</a>") == [f"index.html links to {link}, which does not exist"]


@pytest.mark.parametrize(
    "element",
    [
        "<script src='https://cdn.example/x.js'></script>",
        "<link rel='stylesheet' href='//fonts.example/x.css'>",
        "<img src='http://pictures.example/x.png'>",
    ],
)
def test_an_element_from_another_server_is_a_problem(site, element):
    [line] = problems(site, element)
    assert line.endswith("from another server")


def test_a_font_from_another_server_is_a_problem(site):
    (site / "style.css").write_text("@font-face { src: url('https://fonts.example/x.woff2') }")
    [line] = problems(site, "")
    assert line.startswith("style.css loads https:")


def test_the_fence_of_a_directive_on_a_page_is_a_problem(site):
    assert problems(site, "<p>The same pipeline. :::</p>") == [
        "index.html shows ':::': close the directive, on a line of its own"
    ]
