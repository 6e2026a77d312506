"""The error for a bad row of a CSV file names the row, the column, the problem and the fix."""

import gzip
import random

import pytest

from components.csv_files import diagnosis
from tests.support.trips import HEADER, ROW, TRIPS, refusal


@pytest.mark.parametrize(
    ("row", "column", "cell", "kind"),
    [
        ("cheap,60,Cash,0", "fare", "cheap", "a number"),
        ("$1.50,60,Cash,0", "fare", "$1.50", "a number"),
        (" ,60,Cash,0", "fare", " ", "a number"),
        ("1,12.0,Cash,0", "seconds", "12.0", "a whole number"),
        ("1,long,Cash,0", "seconds", "long", "a whole number"),
        ("1,9223372036854775808,Cash,0", "seconds", "9223372036854775808", "a whole number"),
        ("1,+5,Cash,0", "seconds", "+5", "a whole number"),
        ("1,1_000,Cash,0", "seconds", "1_000", "a whole number"),
        ("1_0.5,60,Cash,0", "fare", "1_0.5", "a number"),
        ("1,60,Cash,yes", "tip", "yes", "a number"),
    ],
)
def test_a_cell_of_the_wrong_type_is_named_with_row_and_column(write_file, row, column, cell, kind):
    assert refusal(write_file(HEADER + ROW + row + "\n" + ROW)) == (
        f", row 3, column '{column}': '{cell}' is not {kind}. Leave a cell empty if its value is missing."
    )


def test_a_long_cell_is_shortened_in_the_error(write_file):
    assert f"'{'x' * 40}' is not a number" in refusal(write_file(HEADER + "x" * 5000 + ",60,Cash,0\n"))


@pytest.mark.parametrize("before", ['1,2,"a\nb\nc",0\n', "1,2,a,0\n"])
def test_a_row_with_quoted_newlines_counts_as_one(write_file, before):
    assert refusal(write_file(HEADER + before + "1,x,Cash,0\n")).startswith(", row 3, column 'seconds': 'x'")


def test_the_row_counts_from_the_start_of_the_file_in_every_block(write_file):
    assert refusal(write_file(HEADER + ROW * 500 + "1,x,Cash,0\n"), block_bytes=256).startswith(
        ", row 502, column 'seconds': 'x'"
    )


def test_row_numbers_count_blank_lines_and_the_header(write_file):
    path = write_file(HEADER + ROW + "\n" + '1,2,"a\nb",0\n' + "\n\n" + ROW)
    assert [diagnosis.row_number(path, index) for index in range(3)] == [2, 4, 7]


@pytest.mark.parametrize(("row", "cells"), [("1,2,Cash\n", 3), ("1,2,Cash,0,9\n", 5), ('1,2,"Cash,0\n', 3)])
def test_a_row_with_too_few_or_too_many_cells_is_named(write_file, row, cells):
    assert refusal(write_file(HEADER + ROW + row)) == (
        f", row 3: {cells} cells, but the header has 4 columns. Is a comma or a quote missing, or unquoted?"
    )


def test_a_cell_that_is_not_utf_8_is_named_with_row_and_byte(write_file):
    message = refusal(write_file((HEADER + ROW + "1,2,café,0\n").encode("latin-1")))
    assert message == ", row 3: the byte 0xe9 is not UTF-8. Save the file as UTF-8."


def test_an_error_without_a_bad_row_keeps_its_own_text(write_file):
    path = write_file(HEADER + ROW)
    error = diagnosis.diagnose(path, HEADER.strip().split(","), TRIPS.source_types, ValueError("the disk is odd"))
    assert str(error) == f"{path} cannot be read: the disk is odd"


def random_rows(count: int) -> bytes:
    numbers = random.Random(1)
    return (HEADER + "".join(f"{numbers.random()},{numbers.getrandbits(40)},Cash,0\n" for _ in range(count))).encode()


@pytest.mark.parametrize("count", [1, 20_000], ids=["in the first bytes", "far from the start"])
def test_a_truncated_gzip_file_is_named(write_file, count):
    compressed = gzip.compress(random_rows(count))
    message = refusal(write_file(compressed[: len(compressed) // 2], "trips.csv.gz"))
    assert "ended before the end-of-stream marker" in message


def test_the_error_for_a_truncated_gzip_file_names_the_last_readable_row(write_file):
    compressed = gzip.compress(random_rows(20_000))
    message = refusal(write_file(compressed[: len(compressed) // 2], "trips.csv.gz"))
    assert message.startswith(" is damaged after row ")
    assert 5_000 < int(message.split()[4].rstrip(":")) < 15_000


def test_a_gzip_file_with_a_wrong_checksum_is_damaged(write_file):
    compressed = bytearray(gzip.compress(random_rows(10)))
    compressed[-6] ^= 0xFF
    message = refusal(write_file(bytes(compressed), "trips.csv.gz"))
    assert message.startswith(" is damaged after row 11: CRC check failed")


def test_a_gzip_file_with_garbage_inside_is_refused(write_file):
    compressed = bytearray(gzip.compress(random_rows(20_000)))
    middle = len(compressed) // 2
    compressed[middle : middle + 40] = b"\xff" * 40
    assert refusal(write_file(bytes(compressed), "trips.csv.gz"))
