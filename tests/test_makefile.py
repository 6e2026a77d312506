"""The Makefile: the error on a machine without the right Python, and the help."""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make(folder, *targets):
    return subprocess.run(["make", *targets], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_the_error_for_a_missing_python_says_in_one_paragraph_how_to_install_it(tmp_path):
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".python-version").write_text("3.99\n")  # this version exists nowhere
    result = make(tmp_path, ".venv/.run")
    assert result.returncode == 2
    message = re.split(r"\nmake(?:\[\d+\])?: ", result.stderr)[0]  # cut off the last line, which is of make itself
    assert message.startswith("No Python 3.10 was found")
    assert "uv python install 3.10" in message
    assert "\n" not in message.strip()
    assert not (tmp_path / ".venv" / ".run").exists()


def test_help_lists_every_target():
    text = make(ROOT).stdout
    for target in ("run", "test", "lint", "docs", "bench", "lock"):
        assert f"make {target}" in text
