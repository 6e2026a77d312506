"""The programs of a cluster: built from the Go modules beside this file, once a machine."""

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
# Program -> (folder of its module, package, value of a variable that the linker is to set).
_PROGRAMS = {
    "etcd": ("cluster", "./etcd", ""),
    # Without it the server says that it is version 0.0.0, which clients do not believe.
    "kube-apiserver": ("cluster", "./apiserver", "-X k8s.io/component-base/version.gitVersion=v1.32.0"),
    "workflow-controller": ("argo", "./controller", ""),
    "argo": ("argo", f"{_ARGO}/cmd/argo", ""),
}
_MANIFESTS = "manifests"


class MissingToolError(Exception):
    """The machine lacks what the programs are built with; the text says what."""


@dataclass(frozen=True)
class Tools:
    """Programs, by their paths."""

    folder: Path

    def __getitem__(self, name):
        return str(self.folder / name)

    @property
    def manifests(self):
        """What a cluster must know before Argo's controller starts: its kinds of objects."""
        return sorted((self.folder / _MANIFESTS).glob("*.yaml"))


def built(say, cache=None):
    """Returns the programs, of the cache or built now: about 7 minutes on 2 cores, and 3 GB of modules to download.

    Args:
        say: is called with a text before something takes long.
        cache: folder for them; by default the user's cache folder. They are built anew where the modules have changed.

    Raises:
        MissingToolError: there is no Go here.
        RuntimeError: it cannot build them.
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
                say(f"Building etcd, the Kubernetes API server and Argo into {folder}: once, about 7 minutes on 2 cores.")
                _build(folder)
    return Tools(folder)


def _build(folder):
    """Builds all programs, and the folder is there when they are."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        made = Path(unfinished, folder.name)
        for name, (module, package, linked) in _PROGRAMS.items():
            _go(module, "build", "-trimpath", "-ldflags", f"-s -w {linked}", "-o", str(made / name), package)
        source = _go(module, "list", "-m", "-f", "{{.Dir}}", _ARGO).strip()
        (made / _MANIFESTS).mkdir()
        for manifest in Path(source, "manifests", "base", "crds", "minimal").glob("argoproj.io_*.yaml"):
            shutil.copyfile(manifest, made / _MANIFESTS / manifest.name)
        made.rename(folder)


def _go(module, *arguments):
    # No C compiler, no other Go than the one that is here, and nothing but what go.sum names.
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(
        ["go", *arguments], cwd=_SOURCES / module, env=os.environ | settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if not line.startswith("go: downloading")]
        raise RuntimeError(f"`go {arguments[0]}` of {module} failed:\n" + "\n".join(said[-20:]))
    return done.stdout


def _digest():
    """Hashes all that decides what is built."""
    digest = hashlib.sha256(repr(_PROGRAMS).encode())
    for file in sorted(_SOURCES.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(_SOURCES)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
