"""Plain and gzipped files are opened as bytes, on every file system that Beam knows."""

import gzip

import pytest

from components.csv_files.format import open_file


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b"x,y\n"), ("a.csv.gz", gzip.compress(b"x,y\n"))], ids=["plain", "gzipped"]
)
def test_a_file_is_opened_decompressed(write_file, name, content):
    with open_file(write_file(content, name)) as stream:
        assert stream.readlines() == [b"x,y\n"]


def test_a_truncated_gzip_file_raises_an_error_at_its_end(write_file):
    compressed = gzip.compress(bytes(range(256)) * 100)
    with open_file(write_file(compressed[:-20], "a.csv.gz")) as stream, pytest.raises(EOFError):
        stream.read()


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        open_file(str(tmp_path / "none.csv"))
