"""Shortens the texts of errors for reports that a person reads."""

from __future__ import annotations


def first_paragraph(text: str) -> str:
    """Returns the first paragraph of an error's text, without a traceback."""
    return text.strip().split("\n\n")[0].split("\nTraceback")[0].strip()
