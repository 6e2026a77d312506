"""How Sphinx builds the documentation. `make docs` runs it in its own environment, in which TensorFlow is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import tomli

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # autodoc imports `data` and the heads from this checkout

project = "Estimator pipeline"
release = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# Pages are Markdown. Headings down to the fourth level have anchors, with the names that GitHub gives them.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# A fence may say more than its language ("bash norun", "python file=..."): that is for tests/test_docs.py.

# The reference of the Python names comes from the docstrings (Google's style, code in single backticks).
autodoc_mock_imports = ["tensorflow"]
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_use_ivar = True
default_role = "literal"
# Types in signatures of which there is no page here: Python's own, TensorFlow's, and private aliases.
nitpick_ignore_regex = [("py:.*", r".*")]

html_theme = "furo"
html_title = f"Estimator pipeline {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "default"
pygments_dark_style = "github-dark"
