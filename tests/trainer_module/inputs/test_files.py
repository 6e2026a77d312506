"""The files of a split: complete, empty, damaged and missing."""

import gzip

import pytest

from tests.support.input_rows import batches, split, write
from trainer_module.inputs import DamagedFileError, NoRecordsError, files, records

MODES = pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])


@MODES
def test_a_pattern_that_matches_no_file_is_named(tmp_path, training):
    with pytest.raises(FileNotFoundError, match="nothing-"):
        batches([str(tmp_path / "nothing-*")], training=training)


@MODES
def test_a_split_without_rows_is_named(tmp_path, training):
    with pytest.raises(NoRecordsError, match=r"no rows in .*examples-00.gz, .*examples-01.gz\. Give the split more"):
        batches(split(tmp_path, 0, 0), training=training)


def test_records_are_counted(tmp_path, small_steps):
    paths = files.find(split(tmp_path, 40, 0, 9))
    assert files.count(paths) == 49
    assert files.count(paths[1:2]) == 0
    for at_most in (49, 50, 1000):
        assert files.count(paths, at_most) == 49
    for at_most in (0, 15, 16, 17, 48):
        assert at_most < files.count(paths, at_most) <= 49


def test_counting_stops_soon_when_there_are_too_many(tmp_path, small_steps):
    assert files.count(files.find(split(tmp_path, 400)), at_most=20) == 2 * records.BLOCK


def test_stored_bytes_are_the_sizes_of_the_files(tmp_path):
    paths = files.find(split(tmp_path, 40, 9))
    assert files.stored_bytes(paths) == sum(f.stat().st_size for f in tmp_path.glob("*.gz"))


def cut(content):
    """The last records are missing, and a part of another. TensorFlow notices this."""
    return content[: len(content) // 2]


def cut_between_records(content):
    """Only the size and checksum of the gzip file are missing. TensorFlow notices no cut between two records."""
    return content[:-9]


def flip(content):
    """The checksum of a record does not match its content."""
    plain = bytearray(gzip.decompress(content))
    plain[1000] ^= 1
    return gzip.compress(bytes(plain))


def unpacked(content):
    return gzip.decompress(content)


@pytest.mark.parametrize("damage", [cut, cut_between_records, flip, unpacked])
def test_a_damaged_file_is_named(tmp_path, damage):
    patterns = split(tmp_path, 40, 40, 40)
    file = tmp_path / "examples-01.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DamagedFileError, match=f"^{file} is not a complete gzipped TFRecord file"):
        batches(patterns, at_most=1)


def test_a_cut_is_found_wherever_it_is(tmp_path):
    whole = write(tmp_path / "whole.gz", range(9))
    content = (tmp_path / "whole.gz").read_bytes()
    assert files.count([whole]) == 9
    for size in range(len(content) - 35, len(content)):  # in the last two records or the end of the file
        (tmp_path / "cut.gz").write_bytes(content[:size])
        with pytest.raises(DamagedFileError, match=r"cut\.gz"):
            files.count([whole, str(tmp_path / "cut.gz")])


def test_a_damaged_file_is_found_by_an_evaluation_too(tmp_path):
    file = write(tmp_path / "examples.gz", range(3))
    (tmp_path / "examples.gz").write_bytes(b"These are not records." * 10)
    with pytest.raises(DamagedFileError, match=file):
        batches([file], training=False)
