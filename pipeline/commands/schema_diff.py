"""The difference between two schemas, for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator


def lines(old_text: str, new_text: str) -> Iterator[str]:
    """Yields the changed lines, feature by feature. (A plain diff mixes features up, because their texts are alike.)

    Args:
        old_text: a schema in text format; empty if there was none.
        new_text: the new schema.
    """
    old, new = _blocks(old_text), _blocks(new_text)
    for name in old | new:
        compared = list(difflib.ndiff(old.get(name, "").splitlines(), new.get(name, "").splitlines()))
        if any(line[0] in "+-" for line in compared):
            yield f"{name}:"
            yield from (line for line in compared if line[0] != "?")


def _blocks(text: str) -> dict[str, str]:
    """Returns feature or domain -> its text."""
    from google.protobuf import text_format

    from components.reviewed_schema_gen.logic import parse

    schema = parse(text) if text else None
    features = {f"feature '{f.name}'": f for f in schema.feature} if schema else {}
    domains = {f"string domain '{d.name}'": d for d in schema.string_domain} if schema else {}
    return {name: text_format.MessageToString(block) for name, block in (features | domains).items()}
