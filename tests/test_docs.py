"""The README and docs/ tell the truth: a reader follows them from the first page to the last, in a copy of the checkout."""

import dataclasses
import inspect
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import tomli

from data import renamed
from pipeline import errors
from pipeline.config import pipeline_config, reading
from pipeline.dag import create_pipeline
from pipeline.metadata import uri
from pipeline.record.run_record import GateRecord, NodeRecord, RunRecord
from tests.support import cli
from trainer_module.cluster import tf_config
from trainer_module.serving import signatures
from trainer_module.tuning.trial_summary import TrialSummary

ROOT = Path(__file__).parents[1]
README, DOCS = ROOT / "README.md", ROOT / "docs"
COMMAND_LINE = DOCS / "reference/command-line.md"
FENCE = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block: its language, what else its first line says, its text."""

    page: Path
    language: str
    info: str
    text: str


def pages():
    """All pages, in the order in which a reader meets them."""
    toctrees = re.findall(r"^```{toctree}\n(.*?)^```$", (DOCS / "index.md").read_text(), re.M | re.S)
    names = [line for tree in toctrees for line in tree.splitlines() if line and not line.startswith(":")]
    order = [DOCS / f"{name}.md" for name in names]
    assert all(page.exists() for page in order)
    others = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", DOCS / "index.md"]
    return [README, *order, *sorted(set(DOCS.rglob("*.md")) - {*order, *others}), *others]


PAGES = {page: page.read_text() for page in pages()}
BLOCKS = [Block(page, *fence) for page, text in PAGES.items() for fence in FENCE.findall(text)]
# A file of a reader. Two pages may show the same one.
FILES = {b.info.removeprefix("file="): b.text for b in BLOCKS if b.info.startswith("file=")}

AIRFLOW = "it writes to the home folder; tests/orchestrators/airflow has `dags test` and a scheduler run compiled DAGs"
# Start of a command that does not run here -> why. It is checked for syntax alone.
NOT_RUN = {
    "make lint": "it is a part of CI",
    "make test": "it runs this test",
    "make e2e": "it takes 35 minutes; CI and a person run it",
    ".venv/bin/python -m pipeline tensorboard": "it ends with Ctrl-C only; tests/pipeline/commands starts the server",
    '.venv/bin/python -m pipeline run --data "sales/': "the reader has the data; tests/e2e/test_spans.py has such runs",
    "PYTHONPATH=": "the reader has the package; tests/e2e runs datasets and models outside the tree",
    "METADATA_USER": "the reader has the server; tests/orchestrators/test_metadata_servers.py starts such servers",
    "tensorflow_model_server": "it is not a Python package",
    "curl": "it asks tensorflow_model_server",
    "docker": "it needs a Docker engine",
    "kubectl": "it needs a cluster; tests/orchestrators/kubernetes hands the workflow to a real API server",
    "argo": "it needs a cluster, as kubectl",
    ".venv/bin/kfp": "it needs Kubeflow",
    "kfp": "it needs Kubeflow",
    "make .venv/.dev": AIRFLOW,
    "export PATH": AIRFLOW,
    "mkdir -p ~/airflow": AIRFLOW,
    "airflow": AIRFLOW,
    "cp outputs/taxi.py": AIRFLOW,
    "uvx": "it needs a network",
    "osv-scanner": "it needs a network",
}


def commands(block):
    """The commands of a block: one a line, or over several with a backslash at the end of each but the last."""
    return block.text.replace("\\\n", "").splitlines()


def prose(page):
    """A page without its fenced blocks."""
    return FENCE.sub("", PAGES[page])


def code_in(text):
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", text)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout with the reader's files in it, and this environment."""
    folder = tmp_path_factory.mktemp("docs") / "checkout"
    ignore = shutil.ignore_patterns(".venv*", ".uv", ".git", "outputs", "_build", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=ignore)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def environment():
    """Without what a `make test ARGS=...` around this would hand down to the `make run` inside."""
    return {k: v for k, v in cli.environment().items() if k not in ("ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS")}


def shell(command, folder):
    return subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.slow
def test_every_command_works_in_the_order_of_the_pages(checkout):
    ran = set()
    for block in BLOCKS:
        if block.language == "bash" and block.info != "norun":
            for command in commands(block):
                if command not in ran:  # two pages may show the same one
                    done = shell(command, checkout)
                    assert done.returncode == 0, f"{block.page.name}: {command}\n{done.stdout}\n{done.stderr}"
                    ran.add(command)
        elif block.language == "python" and block.info == "run":
            done = subprocess.run(
                [sys.executable, "-c", block.text],
                cwd=checkout,
                env=cli.environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert "'probability': <tf.Tensor: shape=(1,)" in done.stdout
    assert len(ran) >= 30
    assert len(cli.served_versions(checkout / "outputs/taxi")) >= 2, "make run has pushed, and so has the Keras model"
    for recipe in ("my-linear", "fruit-logistic", "paper", "prototype", "prices"):
        assert cli.served_versions(checkout / "outputs" / recipe), recipe


def test_what_is_not_run_is_a_short_list_of_valid_commands():
    for block in BLOCKS:
        if block.language == "bash" and block.info == "norun":
            assert subprocess.run(["bash", "-n", "-c", block.text], check=False).returncode == 0
            for command in commands(block):
                assert any(command.startswith(start) for start in NOT_RUN), command


def test_a_file_that_two_pages_show_is_the_same_on_both():
    for block in BLOCKS:
        if block.info.startswith("file="):
            assert block.text == FILES[block.info.removeprefix("file=")], block.page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page):
    # What a run or a reader makes.
    made = {
        "serving/",
        "runs/",
        "logs/",
        "checkpoints/",
        "broken/",
        "artifacts/",
        "cluster/",
        "best/",
        "data/samples/fruit/schema.pbtxt",
        "data/samples/fruit/fruit.csv",
        "data/datasets/sales.py",
        "data/datasets/opinions.py",
    }
    bases = (ROOT, ROOT / "tests")
    named = {code for code in code_in(prose(page)) if re.fullmatch(r"[\w.]+/[\w./]*|\w+\.(?:py|toml|lock)", code)}
    for path in named - made - FILES.keys():
        parts = Path(path).parts
        if parts[0] not in ("outputs", "object-storage") and path not in ("component.py", "executor.py", "logic.py"):
            assert any((base / path).exists() for base in bases), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page):
    if page.name == "CHANGELOG.md":  # it names those of earlier releases too
        return
    for name in re.findall(r"(?<![\w./-])((?:pipeline|components|trainer_module)(?:\.[a-z_]\w*)+)", PAGES[page]):
        module = name.split(".")
        while not (ROOT.joinpath(*module).is_dir() or ROOT.joinpath(*module).with_suffix(".py").exists()):
            module.pop()
        rest = name.split(".")[len(module) :]
        file = ROOT.joinpath(*module)
        text = ((file / "__init__.py") if file.is_dir() else file.with_suffix(".py")).read_text()
        assert len(module) > 1 and (not rest or re.search(rf"\b{rest[0]}\b", text)), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_a_page_names_exists(page):
    known = {key for key, _ in reading.manual()}
    tables = {key.rpartition(".")[0] for key in known}
    recorded = {f"train.{key}" for key in re.findall(r"^\| `(\w+)`", section("reference/run-json.md", "train"), re.M)}
    for code in [*code_in(prose(page)), *re.findall(r"--set ([^=\s]+)=", PAGES[page])]:
        key = code.partition("=")[0]
        if re.fullmatch(r"(train|tune|run|metadata|kubeflow|airflow)\.(?!json|sqlite)[a-z_.]+", key):
            assert key in known | recorded or key.removesuffix(".") in tables, key


def section(page, heading):
    """The text below a heading of a page, up to the next heading of that level."""
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", (DOCS / page).read_text(), re.M | re.S)[1]


def test_every_option_that_a_page_names_exists():
    known = set(re.findall(r"`(--[a-z-]+)", (DOCS / "reference/command-line.md").read_text()))
    others = {"--conf", "--offline-vulnerabilities", "--download-offline-databases"}  # of Airflow and osv-scanner
    for page in PAGES:
        said = {option for code in code_in(prose(page)) for option in re.findall(r"^--[a-z-]+", code)}
        assert said <= known | others, page.name


def test_the_readme_links_to_pages_and_headings_that_exist():
    links = re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", PAGES[README])
    assert len(links) > 20
    for path, anchor in links:
        target = ROOT / path
        assert target.exists(), path
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings(target)}


def headings(page):
    return re.findall(r"^#+ (.*)$", page.read_text(), re.M)


def test_every_page_is_in_the_navigation():
    index = "".join(PAGES[page] for page in PAGES if page.name == "index.md")
    for page in DOCS.rglob("*.md"):
        name = str(page.relative_to(DOCS).with_suffix(""))
        assert name in index or page.name == "index.md" or page.parent.name == "decisions", name


def test_the_generated_parts_are_those_of_the_code():
    generated = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    assert len(generated) >= 3
    for page, text in generated.items():
        assert page.read_text() == text, f"{page.name} is stale: run `make reference`"


def test_the_two_pictures_of_the_dag_are_one_and_have_every_node(tmp_path):
    pictures = {block.text for block in BLOCKS if block.language == "text" and "─►" in block.text}
    [picture] = pictures
    config = pipeline_config.load(None, (), {"output_dir": str(tmp_path)})
    for node in create_pipeline(config).components:
        assert node.id in picture


def test_the_rooms_in_the_picture_of_the_architecture_are_those_of_the_contracts():
    contracts = tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [picture] = [block.text for block in BLOCKS if block.language == "text" and "trainer_module/\n" in block.text]
    drawn = dict(re.findall(r"^(\w+)/\n((?:  .*\n)+)", picture, re.M))
    for contract in contracts:
        for package in contract.get("containers", []):
            rooms = set(re.findall(r"\w+", " ".join(contract["layers"]))) - {"__main__"}
            assert rooms <= set(re.findall(r"\w+", drawn[package])), package


def test_the_exit_codes_are_those_of_the_code():
    codes = {value for name, value in inspect.getmembers(errors) if name.isupper() and isinstance(value, int)}
    assert {
        int(code) for code in re.findall(r"^\| (\d+) \|", section("reference/exit-codes.md", "python -m pipeline"), re.M)
    } == codes


@pytest.mark.parametrize(("heading", "record"), [("Keys", RunRecord), ("nodes", NodeRecord), ("gates", GateRecord)])
def test_the_keys_of_the_record_are_those_of_the_code(heading, record):
    rows = re.findall(r"^\| (`.*?) \|", section("reference/run-json.md", heading), re.M)
    assert {key for row in rows for key in code_in(row)} == {field.name for field in msgspec.structs.fields(record)}


def test_the_keys_of_a_trial_are_those_of_the_code():
    rows = re.findall(r"^\| (`.*?) \|", section("reference/run-json.md", "trials"), re.M)
    said = {key for row in rows for key in code_in(row)}
    # The record leaves out what only the plot needs.
    assert said == {field.name for field in dataclasses.fields(TrialSummary)} - {"direction", "curve"}


def test_every_word_that_declares_a_dataset_is_in_the_reference():
    import data

    documented = set(re.findall(r"autoclass:: data\.(\w+)", PAGES[DOCS / "reference/datasets.md"]))
    assert documented == {name for name in data.__all__ if dataclasses.is_dataclass(getattr(data, name))}


def test_every_dataset_that_a_page_declares_is_valid():
    from data import Dataset

    declarations = [block.text for block in BLOCKS if block.language == "python" and "DATASET = Dataset(" in block.text]
    assert len(declarations) >= 3
    for text in declarations:
        names: dict[str, object] = {}
        exec(text, names)
        assert isinstance(names["DATASET"], Dataset)


def rows(text):
    """First cell of a table row -> the names and the types with their shapes in the other cells, in any order."""
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {
        first: ({*code_in(" ".join(others))}, {*re.findall(r"(?:float|int)\d+ \[[^\]]*\]", " ".join(others))})
        for first, *others in table
    }


def test_the_signatures_are_those_of_the_code():
    page, code = rows(PAGES[DOCS / "reference/signatures.md"]), rows(signatures.__doc__)
    for name in (signatures.SERVING_DEFAULT, signatures.PREDICT_RAW, signatures.TRANSFORM_LABELS):
        assert f"`{name}`" in page and f"`{name}`" in code
    assert page[f"`{signatures.SERVING_DEFAULT}`"][0] == {signatures.EXAMPLES, "tf.Example"}
    tasks = [task.replace("_", " ").replace("multiclass", "multi-class") for task in signatures.SERVED_PREDICTION]
    for task, prediction in zip(tasks, signatures.SERVED_PREDICTION.values(), strict=True):
        assert page[task] == code[task]
        assert prediction in page[task][0]


@pytest.mark.parametrize("module", ["trainer_module.cluster.role", "trainer_module.cluster.tf_config"])
def test_the_options_of_the_programs_of_a_cluster_are_those_of_the_code(module):
    done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    written = re.search(rf"^### python -m {re.escape(module)}.*?\n(.*?)(?=^###|\Z)", PAGES[COMMAND_LINE], re.M | re.S)[1]
    options = set(re.findall(r"^  (?:-h, )?(--\w+)", done.stdout, re.M)) - {"--help"}
    assert set(re.findall(r"^\| `(--\w+)", written, re.M)) == options


def test_the_environment_variables_are_those_of_the_code():
    written = set(code_in(section("reference/command-line.md", "Environment variables"))) - {"--debug"}
    assert written == {errors.DEBUG, uri.USER, uri.PASSWORD, tf_config.VARIABLE}


def test_the_newest_entry_of_the_changelog_is_of_this_version():
    version = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[1] == version


def test_the_changelog_names_every_word_that_was_renamed():
    text = (ROOT / "CHANGELOG.md").read_text()
    for word in [*renamed.NAMES, *(argument for former in renamed.ARGUMENTS.values() for argument in former)]:
        assert f"`{word}`" in text, word


def test_the_names_of_today_exist_and_those_of_then_do_not():
    import tensorflow as tf

    text = "".join(PAGES[DOCS / f"guides/{name}.md"] for name in ("model-from-a-paper", "keras-prototype", "canned-estimator"))
    then, now = [], []
    for row in re.findall(r"^\| (`(?:tf|keras)\..*)\|(.*)\|$", text, re.M):
        then += re.findall(r"tf\.contrib[\w.]*", row[0])
        now += re.findall(r"\btf(?:\.\w+)+", row[1])
    assert len(set(then)) >= 8
    assert len(set(now)) >= 15
    for name in set(then):
        assert not hasattr(tf, name.split(".")[1]), name
    for name in set(now):
        attribute = tf
        for part in name.split(".")[1:]:
            attribute = getattr(attribute, part)
