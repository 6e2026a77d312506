"""The header of a CSV file: every error names the file, the column and the fix."""

import pytest

from tests.support.trips import HEADER, ROW, refusal


def test_a_missing_file_is_named(tmp_path):
    assert "cannot be read" in refusal(str(tmp_path / "none.csv"))


def test_an_empty_file_has_no_header(write_file):
    assert refusal(write_file("")) == " is empty: it has no header."


def test_a_blank_first_line_is_no_header(write_file):
    assert refusal(write_file("\n" + HEADER + ROW)) == ", row 1: the line is blank. The first line must be the header."


def test_the_error_for_a_missing_column_lists_the_header(write_file):
    assert refusal(write_file("fare,seconds,tip\n1,2,0\n")) == (
        ", row 1: the column 'payment' is missing. The header has: fare, seconds, tip."
    )


def test_the_error_for_a_missing_column_suggests_one_with_a_similar_name(write_file):
    message = refusal(write_file(HEADER.replace("payment", "payments") + ROW))
    assert message.startswith(", row 1: the column 'payment' is missing. Is it 'payments', under another name?")


def test_several_missing_columns_are_all_named(write_file):
    assert "the columns 'seconds', 'tip' are missing" in refusal(write_file("fare,payment\n1,Cash\n"))


def test_a_column_that_appears_twice_is_named(write_file):
    assert refusal(write_file("fare,seconds,payment,tip,fare\n1,2,Cash,0,3\n")) == (
        ", row 1: the column 'fare' appears twice. Rename or remove one of them."
    )


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_a_wrong_delimiter_is_named(write_file, delimiter, name):
    message = refusal(write_file((HEADER + ROW).replace(",", delimiter)))
    assert message == f", row 1: the columns are separated by {name}. Separate them by commas."


def test_a_header_that_is_not_utf_8_is_named(write_file):
    message = refusal(write_file((HEADER.strip() + ",café\n" + ROW.strip() + ",1\n").encode("latin-1")))
    assert message == ", row 1: the header is not UTF-8. Save the file as UTF-8."


def test_a_utf_16_file_is_named(write_file):
    assert "is not UTF-8" in refusal(write_file((HEADER + ROW).encode("utf-16")))


@pytest.mark.parametrize(
    "content",
    [HEADER.replace("fare", "fa\0re") + ROW, (HEADER + ROW).replace("\n", "\r")],
    ids=["a null byte in the header", "bare carriage returns"],
)
def test_a_header_that_is_not_csv_is_refused(write_file, content):
    assert refusal(write_file(content))


def test_a_plain_file_whose_name_ends_in_gz_is_named(write_file):
    assert "cannot be read: Not a gzipped file" in refusal(write_file(HEADER + ROW, "trips.csv.gz"))
