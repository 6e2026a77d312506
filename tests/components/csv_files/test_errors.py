"""The error of unreadable data, and how it comes back from a worker of Beam."""

import pytest

from components.csv_files.errors import InputDataError, message_in


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("InputDataError: a.csv, row 2: wrong.", "a.csv, row 2: wrong."),
        ("RuntimeError: InputDataError: a.csv, row 2: wrong. [while running 'Read']", "a.csv, row 2: wrong."),
        ("Traceback ...\ncomponents.csv_files.errors.InputDataError: a.csv is empty.\n\nMore", "a.csv is empty."),
        ("ValueError: a.csv, row 2: wrong.", None),
    ],
)
def test_the_message_is_found_in_the_text_of_a_beam_worker(text, message):
    assert message_in(text) == message


def test_the_message_is_found_in_the_text_of_the_error_itself():
    error = InputDataError("a.csv is empty.")
    assert message_in(f"{type(error).__name__}: {error}") == "a.csv is empty."
