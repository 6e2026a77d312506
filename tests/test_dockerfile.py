"""Checks of the Dockerfile by a linter and by the rules below. No test builds the image, because no engine is here."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data import discovery

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text()
PACKAGES = {"pipeline", "components", "trainer_module", "data"}
INSTALL = ("--require-hashes", "--no-deps", "--compile-bytecode", "-r requirements.lock")
SECRET = re.compile(r"password|passwd|secret|token|credential|api_?key|private_?key", re.I)


def instructions(text: str) -> list[tuple[str, str]]:
    """Returns the (keyword, arguments) of a Dockerfile, with continued lines joined."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", code)
    return [(m[1].upper(), m[2].strip()) for m in re.finditer(r"^(\w+)\s+(.*)$", joined, re.M)]


def copied(text: str) -> list[str]:
    """Returns the paths that are copied from the checkout."""
    sources = []
    for keyword, arguments in instructions(text):
        if keyword == "COPY" and "--from=" not in arguments:
            sources += arguments.split()[:-1]
    return [source.rstrip("/") for source in sources]


def problems(text: str) -> list[str]:
    """Returns a text for each rule of the project that a Dockerfile breaks."""
    broken_rules = []
    code = instructions(text)
    last_stage = max(i for i, (keyword, _) in enumerate(code) if keyword == "FROM")
    images = [a.split()[0] for k, a in code if k == "FROM"] + re.findall(r"--from=(\S+)", text)
    stages = {a.split()[2] for k, a in code if k == "FROM" and " AS " in a}
    for image in set(images) - stages:
        if not re.search(r":\d+\.\d+", image):
            broken_rules.append(f"{image} is not pinned to a version")
    users = [a for k, a in code[last_stage:] if k == "USER"]
    if not users or not users[-1].isdecimal() or users[-1] == "0":
        broken_rules.append("the last USER is not a number other than 0")
    runs = [a for k, a in code if k == "RUN"]
    for run in runs:
        if "-r " in run and not all(option in run for option in INSTALL):
            broken_rules.append(f"installs something else than the lock file: {run}")
        if "apt-get install" in run and "rm -rf /var/lib/apt/lists" not in run:
            broken_rules.append(f"leaves apt's lists behind: {run}")
    if not any("-r requirements.lock" in run for run in runs):
        broken_rules.append("does not install requirements.lock")
    broken_rules += [f"does not exist: {s}" for s in copied(text) if not (ROOT / s).exists()]
    broken_rules += [f"ADD instead of COPY: {a}" for k, a in code if k == "ADD"]
    broken_rules += [f"looks like a secret: {a}" for k, a in code if k in ("ENV", "ARG") and SECRET.search(a)]
    broken_rules += [f"writes no bytecode: {a}" for k, a in code if k in ("ENV", "ARG") and "PYTHONDONTWRITEBYTECODE" in a]
    if "://" in text:
        broken_rules.append("names an address")
    return broken_rules


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    scripts = str(Path(sys.executable).parent)
    program = shutil.which("hadolint", path=scripts) or shutil.which("hadolint")
    assert program, "hadolint is not installed: it comes with the development environment (`make test` installs it)."
    return subprocess.run([program, "--no-color", str(path)], capture_output=True, text=True, cwd=path.parent)


def test_hadolint_accepts_the_dockerfile():
    result = hadolint(ROOT / "Dockerfile")
    assert (result.stdout, result.returncode) == ("", 0)


def test_hadolint_refuses_a_careless_dockerfile(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN apt-get install gcc\nUSER root\n")
    result = hadolint(tmp_path / "Dockerfile")
    assert result.returncode == 1
    assert {"DL3006", "DL3008", "DL3002"} <= set(re.findall(r"DL\d+", result.stdout))


def test_the_dockerfile_keeps_the_rules_of_the_project():
    assert problems(TEXT) == []


@pytest.mark.parametrize(
    "before, after, problem",
    [
        ("FROM python:3.10-slim-bookworm", "FROM python:latest", "python:latest is not pinned"),
        ("beam_python3.10_sdk:2.68.0", "beam_python3.10_sdk", "beam_python3.10_sdk is not pinned"),
        ("USER 1000\n", "", "the last USER"),
        ("USER 1000\n", "USER 1000\nUSER root\n", "the last USER"),
        ("--require-hashes ", "", "installs something else"),
        ("-r requirements.lock", "-r pyproject.toml", "does not install requirements.lock"),
        ("COPY data/ data/", "COPY dta/ data/", "does not exist: dta"),
        ("COPY data/ data/", "ADD data/ data/", "ADD instead of COPY"),
        ("ENV PATH", "ENV DB_PASSWORD=x\nENV PATH", "looks like a secret"),
        ("ENV PATH", "ENV PYTHONDONTWRITEBYTECODE=1\nENV PATH", "writes no bytecode"),
        ("ENV PATH", "RUN apt-get update && apt-get install -y gcc\nENV PATH", "leaves apt's lists behind"),
        ("ENV PATH", "RUN pip install -i https://mirror uv==1\nENV PATH", "names an address"),
    ],
)
def test_a_broken_rule_is_noticed(before, after, problem):
    assert before in TEXT
    assert any(problem in rule for rule in problems(TEXT.replace(before, after)))


def test_the_image_contains_every_package_of_the_checkout():
    assert set(copied(TEXT)) >= PACKAGES
    assert {p.parent.name for p in discovery.CHECKOUT.glob("*/__init__.py")} - {"tests"} == PACKAGES


def test_the_build_context_has_exactly_the_copied_paths():
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied(TEXT))


def test_the_boot_program_of_beam_has_the_locked_version():
    locked = re.search(r"^apache-beam==(\S+)", (ROOT / "requirements.lock").read_text(), re.M)
    assert f"apache/beam_python3.10_sdk:{locked[1]} " in TEXT


def test_the_entrypoint_is_that_of_beam_and_a_step_can_replace_it():
    # `command` of Kubernetes replaces an ENTRYPOINT. Beam expects the exec form, and no CMD.
    code = instructions(TEXT)
    assert [a for k, a in code if k == "ENTRYPOINT"] == ['["/opt/apache/beam/boot"]']
    assert not [a for k, a in code if k == "CMD"]
    assert "PYTHONPATH=/app" in TEXT and "PATH=/opt/venv/bin:$PATH" in TEXT
