"""The configuration of Sphinx. `make docs` runs it in its own environment, in which TensorFlow is not installed."""

from __future__ import annotations

from pathlib import Path

import tomli

ROOT = Path(__file__).parents[1]

project = "Estimator pipeline"
release = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
extensions = ["myst_parser"]
exclude_patterns = ["_build"]

# Pages are Markdown. Headings down to the fourth level have anchors, with the names that GitHub gives them.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# A fence may say more than its language ("bash norun", "python file=..."): that is for tests/docs/test_commands.py.

html_theme = "furo"
html_title = f"Estimator pipeline {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "default"
pygments_dark_style = "github-dark"
