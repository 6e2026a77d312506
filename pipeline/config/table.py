"""The base of all tables of a configuration."""

from __future__ import annotations

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""


# Ends the description of a setting whose default is in the dataset's file, because it depends on the amount of data.
FROM_DATASET = "; by default what the dataset suggests"
