"""The configuration of Sphinx. `make docs` runs it in its own environment, in which TensorFlow is not installed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import tomli
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # autodoc imports `data` and the heads from this checkout

project = "Estimator pipeline"
release = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# Pages are Markdown. Headings down to the fourth level have anchors, with the names that GitHub gives them.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# A fence may say more than its language ("bash norun", "python file=..."): that is for tests/docs/test_commands.py.

# The reference of the Python names comes from the docstrings (Google's style, code in single backticks).
autodoc_mock_imports = ["tensorflow"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the list of attributes has the types; the signature has names and defaults
maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_use_ivar = True
default_role = "literal"
# Python's own types in signatures have no page here.
nitpick_ignore_regex = [("py:class", r"collections\.abc\.\w+")]

html_theme = "furo"
html_title = f"Estimator pipeline {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "default"
pygments_dark_style = "github-dark"


def setup(app: Sphinx) -> None:
    """Shortens the signatures in the Python reference."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # Sphinx says "Variables"
    app.connect("autodoc-process-signature", _shorten)


def _shorten(
    app: Sphinx, what: str, name: str, thing: object, options: object, signature: str | None, returns: object
) -> tuple[str | None, object]:
    """Shortens a default value that is an object: `Training(steps=1000, ...)` becomes `Training()`."""
    if signature:
        signature = re.sub(r"=([A-Z]\w+)\([^()]*\)", r"=\1()", signature).replace("<factory>", "...")
    return signature, returns
