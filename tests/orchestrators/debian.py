"""Programs of Debian's packages: where they are installed, else unpacked into a cache, once a machine. Nothing is installed."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

_INSTALLED = "install ok installed"
_MINUTES = 5


class MissingPackageError(Exception):
    """A package cannot be had here; the text says why, and the way out."""


@dataclass(frozen=True)
class Programs:
    """What packages hold.

    Attributes:
        root: the folder that stands for `/`.
    """

    root: Path

    def glob(self, pattern):
        """Returns the files or folders of a pattern, such as `usr/lib/postgresql/*/bin`."""
        return sorted(self.root.glob(pattern))

    @property
    def environment(self):
        """What a program needs to find its libraries."""
        if self.root == Path("/"):
            return dict(os.environ)
        libraries = self.root / "usr" / "lib"
        return {**os.environ, "LD_LIBRARY_PATH": f"{libraries / (sysconfig.get_config_var('MULTIARCH') or '')}:{libraries}"}


def programs(*packages):
    """Returns the programs of packages.

    Raises:
        MissingPackageError: they are not installed, and cannot be downloaded.
    """
    if not shutil.which("apt-get"):
        raise MissingPackageError(f"{' and '.join(packages)} are packages of Debian's, and apt-get is not on the PATH.")
    if all(map(_is_installed, packages)):
        return Programs(Path("/"))
    folder = _cache() / f"debian-{'-'.join(packages)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _unpack(packages, folder)
    return Programs(folder)


def _is_installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True, check=False)
    return done.stdout == _INSTALLED


def _cache():
    """Returns where to unpack. A server that is not to run as root must be able to look into it, and so not at home."""
    if os.geteuid() == 0:
        return Path("/var/cache/estimator-pipeline")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "estimator-pipeline"


def _unpack(packages, folder):
    """Downloads what is not installed of the packages and of all that they depend on, and unpacks it."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        downloads, made = Path(unfinished), Path(unfinished, folder.name)
        _apt("-qq", "download", *_missing(packages), folder=downloads)
        for file in downloads.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", file, made], check=True)
        made.chmod(0o755)
        made.rename(folder)


def _missing(packages):
    """Returns `name=version` of all packages that installing some would bring."""
    arguments = ("-qq", "--print-uris", "--no-install-recommends", "install", *packages)
    try:
        uris = _apt(*arguments)
    except MissingPackageError:
        if os.geteuid() != 0:
            raise
        _apt("-qq", "update")  # a new machine has no lists of packages, or old ones
        uris = _apt(*arguments)
    files = [line.split()[1] for line in uris.splitlines()]  # 'URI' NAME_VERSION_ARCHITECTURE.deb SIZE HASH
    return [unquote("=".join(file.split("_")[:2])) for file in files]


def _apt(*arguments, folder=None):
    command, done = ["apt-get", *arguments], None
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60 * _MINUTES, check=False)
    if done is None or done.returncode:
        why = (done.stderr.strip().splitlines() or ["no answer"])[0] if done else f"no answer in {_MINUTES} minutes"
        raise MissingPackageError(f"`{' '.join(command)}` failed: {why}. Install these packages, then run the tests again.")
    return done.stdout
