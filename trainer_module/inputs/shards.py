"""The rows of one worker of a cluster: some of the files, or every n-th record of all files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from trainer_module.inputs import files, records

# If workers read whole files, they may differ by one file. With this many files per worker that is at most an eighth.
_ENOUGH_FILES = 8


@dataclass(frozen=True)
class Shard:
    """The position of one worker among those that share the rows.

    Attributes:
        index: number of the worker, from 0.
        count: number of workers.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f"Shard {self.index} of {self.count}: its index must be at least 0 and less than the count.")

    def row_count(self, rows: int) -> int:
        """Returns how many of `rows` this worker gets if the workers take rows in turn."""
        return len(range(self.index, rows, self.count))


WHOLE = Shard(0, 1)


@dataclass(frozen=True)
class Share:
    """The records that one worker reads.

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
        """Counts the records by reading them."""
        return self.part.row_count(files.count(self.files))

    def rows_that_fit(self, max_rows: int) -> int | None:
        """Returns the number of records; None if any worker would have more than `max_rows`. Equal for all workers."""
        total = files.count(self.files, at_most=max_rows * self.part.count)
        return self.part.row_count(total) if total <= max_rows * self.part.count else None

    def stored_bytes(self) -> int:
        """Returns how many bytes the records take in their files, compressed."""
        return files.stored_bytes(self.files) // self.part.count


def share(paths: Sequence[str], shard: Shard) -> Share:
    """Returns the records of one worker: whole files if all workers then get about the same number, else every n-th record.

    Each record belongs to exactly one worker, and each worker has at least one record.

    Args:
        paths: all files, sorted; some may hold no record.
        shard: the worker.

    Raises:
        trainer_module.inputs.files.NoRecordsError: there are fewer records than shards.
        trainer_module.inputs.files.DamagedFileError: one of the files cannot be read.
    """
    filled = files.with_records(paths)
    if len(filled) % shard.count == 0 or len(filled) >= _ENOUGH_FILES * shard.count:
        return Share(filled[shard.index :: shard.count])
    if files.count(filled, at_most=shard.count) < shard.count:
        raise files.NoRecordsError(f"{', '.join(filled)}: fewer rows than workers, {shard.count}. Use fewer workers.")
    return Share(filled, shard)
