"""What all tables of a configuration are."""

from __future__ import annotations

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""


# Ends what a setting's description says that is sensible only for an amount of data: its default stands in the dataset's file.
FROM_DATASET = "; by default what the dataset suggests"
