"""The fingerprint of code changes when imported project code changes, and only then; that of settings with their values."""

import importlib

import pytest

from trainer_module import fingerprint


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A package outside the repository: `own("sub/module.py", text)` writes a file in it, `own.code(...)` hashes modules."""

    class Package:
        name = f"own_{tmp_path.name}"
        folder = tmp_path / name

        def __call__(self, path: str, text: str) -> None:
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            for package in (p for p in file.parents if p.is_relative_to(self.folder)):
                (package / "__init__.py").touch()
            file.write_text(text.replace("own", self.name))

        def code(self, *modules: str) -> str:
            fingerprint.code.cache_clear()
            importlib.invalidate_caches()
            return fingerprint.code(*(m.replace("own", self.name) for m in modules))

    monkeypatch.syspath_prepend(str(tmp_path))
    yield Package()
    fingerprint.code.cache_clear()


def changes(own, module: str, path: str) -> bool:
    """Whether an edit of `path` changes the hash of `module`."""
    before = own.code(module)
    own(path, "EDITED = True\n")
    return own.code(module) != before


def test_code_is_16_hexadecimal_digits(own):
    own("top.py", "X = 1\n")
    assert len(own.code("own.top")) == 16
    assert int(own.code("own.top"), 16) > 0


def test_unchanged_code_keeps_its_fingerprint(own):
    own("top.py", "import own.leaf\n")
    own("leaf.py", "X = 1\n")
    assert own.code("own.top") == own.code("own.top")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("own.top", "import own.leaf\n"),
        ("own.top", "import own.leaf as other\n"),
        ("own.top", "from own import leaf\n"),
        ("own.top", "from own.leaf import X\n"),
        ("own.top", "from own.leaf import *\n"),
        ("own.top", "from . import leaf\n"),
        ("own.top", "from .leaf import X\n"),
        ("own.sub.top", "from .. import leaf\n"),
        ("own.sub.top", "from ..leaf import X\n"),
        ("own.sub.deep.top", "from ...leaf import X\n"),
        ("own.top", "def late():\n    import own.leaf\n"),
        ("own.top", "class Late:\n    def late(self):\n        from own.leaf import X\n"),
        ("own.top", "if False:\n    from own import leaf\n"),
    ],
)
def test_an_edit_of_an_imported_module_changes_the_fingerprint(own, module, text):
    own(f"{module.partition('.')[2].replace('.', '/')}.py", text)
    own("leaf.py", "X = 1\n")
    assert changes(own, module, "leaf.py")


@pytest.mark.parametrize(
    ("module", "path", "text"),
    [
        ("own.sub.deep.top", "sub/deep/top.py", "from ..leaf import X\n"),
        ("own.sub", "sub/__init__.py", "from . import leaf\n"),
        ("own.sub.deep", "sub/deep/__init__.py", "from ..leaf import X\n"),
    ],
    ids=["two levels up", "in a package", "one level up in a package"],
)
def test_a_relative_import_counts_from_its_own_package(own, module, path, text):
    own(path, text)
    own("sub/leaf.py", "X = 1\n")
    own("leaf.py", "X = 1\n")
    assert not changes(own, module, "leaf.py")
    assert changes(own, module, "sub/leaf.py")


def test_an_edit_of_the_module_itself_changes_the_fingerprint(own):
    own("top.py", "X = 1\n")
    assert changes(own, "own.top", "top.py")


def test_an_edit_of_an_indirectly_imported_module_changes_the_fingerprint(own):
    own("top.py", "from own import middle\n")
    own("middle.py", "from own.sub import leaf\n")
    own("sub/leaf.py", "X = 1\n")
    assert changes(own, "own.top", "sub/leaf.py")


def test_modules_that_import_each_other_have_one_fingerprint(own):
    own("top.py", "import own.leaf\n")
    own("leaf.py", "import own.top\n")
    assert own.code("own.top") == own.code("own.leaf")


def test_an_edit_of_an_imported_package_changes_the_fingerprint(own):
    own("top.py", "from own.sub import X\n")
    own("sub/__init__.py", "X = 1\n")
    assert changes(own, "own.top", "sub/__init__.py")


def test_an_edit_of_the_package_of_an_imported_module_changes_the_fingerprint(own):
    own("top.py", "import own.sub.leaf\n")
    own("sub/leaf.py", "X = 1\n")
    assert changes(own, "own.top", "sub/__init__.py")


def test_an_edit_of_an_unrelated_module_does_not_change_the_fingerprint(own):
    own("top.py", "import own.leaf\n")
    own("leaf.py", "X = 1\n")
    own("unrelated.py", "X = 1\n")
    assert not changes(own, "own.top", "unrelated.py")


def test_an_import_in_a_comment_or_docstring_does_not_count(own):
    own("top.py", '"""import own.leaf"""\n# import own.leaf\n')
    own("leaf.py", "X = 1\n")
    assert not changes(own, "own.top", "leaf.py")


def test_installed_modules_and_the_standard_library_do_not_count(own):
    own("top.py", "X = 1\n")
    alone = own.code("own.top")
    assert own.code("own.top", "json", "msgspec") == alone


def test_no_module_is_executed(own):
    own("top.py", "import own.leaf\nraise RuntimeError\n")
    own("leaf.py", "raise RuntimeError\n")
    assert changes(own, "own.top", "leaf.py")


def test_the_order_of_modules_does_not_matter(own):
    own("a.py", "X = 1\n")
    own("b.py", "X = 2\n")
    assert own.code("own.a", "own.b") == own.code("own.b", "own.a")


def test_equal_files_with_other_names_have_another_fingerprint(own):
    own("a.py", "X = 1\n")
    own("b.py", "X = 1\n")
    assert own.code("own.a") != own.code("own.b")


def test_the_order_of_settings_does_not_matter():
    one = fingerprint.settings(steps=3, hp={"lr": 0.1, "units": [4, 2]})
    other = fingerprint.settings(hp={"units": [4, 2], "lr": 0.1}, steps=3)
    assert one == other
    assert len(one) == 16


@pytest.mark.parametrize("changed", [{"steps": 4}, {"steps": "3"}, {"step": 3}, {"steps": 3, "seed": None}, {"steps": [3]}, {}])
def test_other_settings_have_another_fingerprint(changed):
    assert fingerprint.settings(**changed) != fingerprint.settings(steps=3)
