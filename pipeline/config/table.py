"""The base of the tables of a configuration that take over no settings of a Trainer or a Tuner."""

from __future__ import annotations

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""
