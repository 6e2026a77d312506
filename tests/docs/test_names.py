"""Every path, module, setting, option and link that a page names exists."""

import re
from pathlib import Path

import pytest
import tensorflow as tf
import tomli

from pipeline.config import pipeline_config, reading
from pipeline.dag import create_pipeline
from tests.support.pages import BLOCKS, DOCS, FILES, PAGES, README, ROOT, code_in, prose, section

# A setting between backticks. `train.json` and the like are files, `data.datasets` is a folder of Python modules.
SETTING = re.compile(r"(data|train|tune|run|metadata|kubeflow|airflow)\.(?!json|sqlite|csv|datasets|samples|discovery)[a-z_.]+")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page):
    # Files and folders that a run or the reader creates.
    created = {
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
    for path in named - created - FILES.keys():
        if Path(path).parts[0] not in ("outputs", "object-storage") and path not in ("component.py", "executor.py", "logic.py"):
            assert any((base / path).exists() for base in bases), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page):
    if page.name == "CHANGELOG.md":  # it also names modules of earlier releases
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
        if SETTING.fullmatch(key):
            assert key in known | recorded or key.removesuffix(".") in tables, key


def test_every_option_that_a_page_names_exists():
    known = set(re.findall(r"`(--[a-z-]+)", (DOCS / "reference/command-line.md").read_text()))
    others = {"--conf", "--offline-vulnerabilities", "--download-offline-databases"}  # options of Airflow and osv-scanner
    for page in PAGES:
        named = {option for code in code_in(prose(page)) for option in re.findall(r"^--[a-z-]+", code)}
        assert named <= known | others, page.name


def test_the_readme_links_to_pages_and_headings_that_exist():
    links = re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", PAGES[README])
    assert len(links) > 20
    for path, anchor in links:
        target = ROOT / path
        assert target.exists(), path
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings(target)}


def headings(page):
    """Returns the texts of all headings of a page."""
    return re.findall(r"^#+ (.*)$", page.read_text(), re.M)


def test_every_page_is_in_the_navigation():
    index = "".join(PAGES[page] for page in PAGES if page.name == "index.md")
    for page in DOCS.rglob("*.md"):
        name = str(page.relative_to(DOCS).with_suffix(""))
        assert name in index or page.name == "index.md" or page.parent.name == "decisions", name


def test_all_pictures_of_the_dag_are_equal_and_show_every_node(tmp_path):
    pictures = {block.text for block in BLOCKS if block.language == "text" and "─►" in block.text}
    [picture] = pictures
    config = pipeline_config.load(None, (), {"output_dir": str(tmp_path)})
    for node in create_pipeline(config).components:
        assert node.id in picture


def test_the_picture_of_the_architecture_shows_every_package_of_the_import_contracts():
    contracts = tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [picture] = [block.text for block in BLOCKS if block.language == "text" and "trainer_module/\n" in block.text]
    drawn = dict(re.findall(r"^(\w+)/\n((?:  .*\n)+)", picture, re.M))
    for contract in contracts:
        for package in contract.get("containers", []):
            packages = set(re.findall(r"\w+", " ".join(contract["layers"]))) - {"__main__"}
            assert packages <= set(re.findall(r"\w+", drawn[package])), package


def test_the_current_tensorflow_names_exist_and_the_former_ones_do_not():
    text = "".join(PAGES[DOCS / f"guides/{name}.md"] for name in ("model-from-a-paper", "keras-prototype", "canned-estimator"))
    former, current = [], []
    for row in re.findall(r"^\| (`(?:tf|keras)\..*)\|(.*)\|$", text, re.M):
        former += re.findall(r"tf\.contrib[\w.]*", row[0])
        current += re.findall(r"\btf(?:\.\w+)+", row[1])
    assert len(set(former)) >= 8
    assert len(set(current)) >= 15
    for name in set(former):
        assert not hasattr(tf, name.split(".")[1]), name
    for name in set(current):
        attribute = tf
        for part in name.split(".")[1:]:
            attribute = getattr(attribute, part)
