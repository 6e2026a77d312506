"""Finds the programs of Debian packages.

Uses installed packages. Others are downloaded and unpacked into a cache, once per machine. Nothing is installed.
"""

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
    """A package is neither installed nor downloadable. The message says why, and what to do."""


@dataclass(frozen=True)
class Programs:
    """The files of some packages.

    Attributes:
        root: `/` if the packages are installed, otherwise the folder they are unpacked in.
    """

    root: Path

    def glob(self, pattern):
        """Returns the files and folders that match a pattern such as `usr/lib/postgresql/*/bin`, sorted."""
        return sorted(self.root.glob(pattern))

    @property
    def environment(self):
        """Returns environment variables with which a program finds its shared libraries."""
        if self.root == Path("/"):
            return dict(os.environ)
        libraries = self.root / "usr" / "lib"
        return {**os.environ, "LD_LIBRARY_PATH": f"{libraries / (sysconfig.get_config_var('MULTIARCH') or '')}:{libraries}"}


def programs(*packages):
    """Returns the programs of packages; downloads and unpacks them first if necessary.

    Raises:
        MissingPackageError: a package is not installed and cannot be downloaded.
    """
    if not shutil.which("apt-get"):
        raise MissingPackageError(f"{' and '.join(packages)} are Debian packages, but apt-get is not on the PATH.")
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
    """Returns the cache folder. Root uses one outside its home, because a server that runs as another user must read it."""
    if os.geteuid() == 0:
        return Path("/var/cache/estimator-pipeline")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "estimator-pipeline"


def _unpack(packages, folder):
    """Downloads and unpacks the packages and their dependencies, except those that are installed."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        downloads, unpacked = Path(temporary), Path(temporary, folder.name)
        _apt("-qq", "download", *_missing(packages), folder=downloads)
        for file in downloads.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", file, unpacked], check=True)
        unpacked.chmod(0o755)
        unpacked.rename(folder)


def _missing(packages):
    """Returns `name=version` of every package that installing `packages` would install."""
    arguments = ("-qq", "--print-uris", "--no-install-recommends", "install", *packages)
    try:
        uris = _apt(*arguments)
    except MissingPackageError:
        if os.geteuid() != 0:
            raise
        _apt("-qq", "update")  # a new machine has no package lists, or old ones
        uris = _apt(*arguments)
    files = [line.split()[1] for line in uris.splitlines()]  # a line: 'URI' NAME_VERSION_ARCHITECTURE.deb SIZE HASH
    return [unquote("=".join(file.split("_")[:2])) for file in files]


def _apt(*arguments, folder=None):
    """Runs apt-get, at most five minutes. Returns its output, or raises MissingPackageError."""
    command, done = ["apt-get", *arguments], None
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60 * _MINUTES, check=False)
    if done is None or done.returncode:
        why = (done.stderr.strip().splitlines() or ["no answer"])[0] if done else f"no answer in {_MINUTES} minutes"
        raise MissingPackageError(f"`{' '.join(command)}` failed: {why}. Install these packages, then run the tests again.")
    return done.stdout
