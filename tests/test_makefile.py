"""The set-up: what happens on a machine without the right Python, and that a second `make` does nothing."""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make(folder, *targets):
    return subprocess.run(["make", *targets], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_a_machine_without_the_right_python_is_told_what_to_do_in_one_paragraph(tmp_path):
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".python-version").write_text("3.99\n")  # no machine has it, and no server
    done = make(tmp_path, ".venv/.run")
    assert done.returncode == 2
    message = re.split(r"\nmake(?:\[\d+\])?: ", done.stderr)[0]  # make's own last word, nested or not
    assert message.startswith("No Python 3.10 was found")
    assert "uv python install 3.10" in message
    assert "\n" not in message.strip()
    assert not (tmp_path / ".venv" / ".run").exists()


def test_help_lists_every_target():
    text = make(ROOT).stdout
    for target in ("run", "test", "lint", "docs", "bench", "lock"):
        assert f"make {target}" in text
