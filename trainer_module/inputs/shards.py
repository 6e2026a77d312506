"""The rows of one worker of a cluster: its share of the files, or of their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from trainer_module.inputs import files, records

# Shares of whole files differ by one file. With this many files each, that is an eighth of a share at most.
_ENOUGH_FILES = 8


@dataclass(frozen=True)
class Shard:
    """The part of one worker.

    Attributes:
        index: number of the part, from 0.
        count: number of parts.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f"Shard {self.index} of {self.count}: its index must be at least 0 and less than the count.")

    def of(self, rows: int) -> int:
        """Returns how many of `rows` this part gets, if the parts take rows in turn."""
        return len(range(self.index, rows, self.count))


WHOLE = Shard(0, 1)


@dataclass(frozen=True)
class Share:
    """The records of a shard.

    Attributes:
        files: the files that are read, sorted; each holds a record.
        part: of their records, in the order in which they are read.
    """

    files: Sequence[str]
    part: Shard = WHOLE

    def blocks(self, order: tf.Tensor | None = None) -> tf.data.Dataset:
        """Returns the records in vectors [<= records.BLOCK]; `order` is another order of `files`."""
        turns = records.turns(self.files if order is None else order)
        if self.part != WHOLE:
            turns = turns.rebatch(records.TURN * self.part.count).map(lambda turn: turn[self.part.index :: self.part.count])
        return turns.rebatch(records.BLOCK)

    def rows(self) -> int:
        """Returns the number of records, by reading them."""
        return self.part.of(files.count(self.files))

    def rows_that_fit(self, most: int) -> int | None:
        """Returns the number of records, if no part has more than `most`; all workers of a cluster come to the same answer."""
        everyones = files.count(self.files, at_most=most * self.part.count)
        return self.part.of(everyones) if everyones <= most * self.part.count else None

    def stored_bytes(self) -> int:
        """Returns how many bytes the records take in their files, compressed."""
        return files.stored_bytes(self.files) // self.part.count


def share(found: Sequence[str], shard: Shard) -> Share:
    """Returns what a shard reads of files: some of them where the shares come out even, else every `shard.count`-th record.

    Shares have no record in common, together they are everything, and none is empty.

    Args:
        found: all files, sorted; some may be without a record.
        shard: whose share.

    Raises:
        trainer_module.inputs.files.NoRecordsError: there are fewer records than shards.
        trainer_module.inputs.files.DamagedFileError: one of the files cannot be read.
    """
    filled = files.with_records(found)
    if len(filled) % shard.count == 0 or len(filled) >= _ENOUGH_FILES * shard.count:
        return Share(filled[shard.index :: shard.count])
    if files.count(filled, at_most=shard.count) < shard.count:
        raise files.NoRecordsError(f"{', '.join(filled)}: fewer rows than workers, {shard.count}. Use fewer.")
    return Share(filled, shard)
