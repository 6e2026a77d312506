"""Builds the programs of a cluster from the Go modules in the folder `go`, once per machine."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_SOURCES = Path(__file__).parent / "go"
_ARGO = "github.com/argoproj/argo-workflows/v3"
# Program -> (folder of its module, package, linker flags).
_PROGRAMS = {
    "etcd": ("cluster", "./etcd", ""),
    # Without this flag the server reports version 0.0.0, which clients reject.
    "kube-apiserver": ("cluster", "./apiserver", "-X k8s.io/component-base/version.gitVersion=v1.32.0"),
    "workflow-controller": ("argo", "./controller", ""),
    "argo": ("argo", f"{_ARGO}/cmd/argo", ""),
}
_MANIFESTS = "manifests"


class MissingToolError(Exception):
    """The machine lacks a program that the build needs. The message names it."""


@dataclass(frozen=True)
class Tools:
    """The built programs. `tools[name]` is the path of a program."""

    folder: Path

    def __getitem__(self, name):
        return str(self.folder / name)

    @property
    def manifests(self):
        """Files that define Argo's custom resources, which a cluster must know before Argo's controller starts."""
        return sorted((self.folder / _MANIFESTS).glob("*.yaml"))


def built(show, cache=None):
    """Returns the programs. Builds them if the cache has none: 7 minutes on 2 cores, and a download of 3 GB of modules.

    Args:
        show: function that shows a text to the user. It is called before the build.
        cache: folder for the programs; default: the user's cache folder. Its key is a hash of the modules, so changed modules
            are built again.

    Raises:
        MissingToolError: Go is not installed.
        RuntimeError: the build failed.
    """
    cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "estimator-pipeline"
    folder = cache / f"kubernetes-{_digest()}"
    if not folder.exists():
        if not shutil.which("go"):
            raise MissingToolError(
                "The servers of a Kubernetes cluster are built from Go modules, and `go` is not on the PATH: "
                "install Go 1.23 or newer, or name an existing cluster with E2E_KUBECONFIG."
            )
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                show(f"Building etcd, the Kubernetes API server and Argo into {folder}: once, about 7 minutes on 2 cores.")
                _build(folder)
    return Tools(folder)


def _build(folder):
    """Builds all programs into a temporary folder and renames it, so that `folder` is either complete or absent."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        built_folder = Path(temporary, folder.name)
        for name, (module, package, linked) in _PROGRAMS.items():
            _go(module, "build", "-trimpath", "-ldflags", f"-s -w {linked}", "-o", str(built_folder / name), package)
        source = _go(module, "list", "-m", "-f", "{{.Dir}}", _ARGO).strip()
        (built_folder / _MANIFESTS).mkdir()
        for manifest in Path(source, "manifests", "base", "crds", "minimal").glob("argoproj.io_*.yaml"):
            shutil.copyfile(manifest, built_folder / _MANIFESTS / manifest.name)
        built_folder.rename(folder)


def _go(module, *arguments):
    """Runs `go` in the folder of a module. Returns its output."""
    # Build without a C compiler, with the installed Go and no other, and only from modules that go.sum lists.
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(
        ["go", *arguments], cwd=_SOURCES / module, env=os.environ | settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if not line.startswith("go: downloading")]
        raise RuntimeError(f"`go {arguments[0]}` of {module} failed:\n" + "\n".join(lines[-20:]))
    return done.stdout


def _digest():
    """Returns a hash of everything that determines the programs."""
    digest = hashlib.sha256(repr(_PROGRAMS).encode())
    for file in sorted(_SOURCES.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(_SOURCES)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
