"""Texts of errors, as reports quote them."""

import pytest

from trainer_module.error_text import first_paragraph


@pytest.mark.parametrize(
    ("text", "paragraph"),
    [
        ("no rows", "no rows"),
        ("\n  no rows\n", "no rows"),
        ("no rows\nin the file", "no rows\nin the file"),
        ("no rows\n\nMore text.", "no rows"),
        ("no rows\nTraceback (most recent call last):\n  File", "no rows"),
        ("", ""),
    ],
)
def test_of_an_error_only_the_first_paragraph_is_quoted_and_no_traceback(text, paragraph):
    assert first_paragraph(text) == paragraph
