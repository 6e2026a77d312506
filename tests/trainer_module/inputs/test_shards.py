"""Shards: every row of a split belongs to exactly one worker."""

import itertools

import pytest

from tests.support.input_rows import batches, ids, split, write
from trainer_module.inputs import NoRecordsError, Shard, files
from trainer_module.inputs.shards import share


def rows_by_worker(patterns, count, **settings):
    """For each worker, the ids of its rows in one pass, in order."""
    return [ids(batches(patterns, training=False, shard=Shard(i, count), **settings)) for i in range(count)]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [((100,), 3), ((40, 40, 20), 2), ((1, 2, 3, 4), 3), ((0, 7, 0, 9), 3), ((2,) * 16, 2), ((1, 1, 1), 3), ((3,), 3)],
    ids=str,
)
def test_every_row_is_in_one_shard_and_no_shard_is_empty(tmp_path, small_steps, sizes, count):
    shares = rows_by_worker(split(tmp_path, *sizes), count)
    assert all(shares)
    assert sorted(itertools.chain(*shares)) == list(range(sum(sizes)))


def test_whole_files_are_shared_out_where_that_gives_equal_shares(tmp_path):
    assert rows_by_worker(split(tmp_path, 3, 3, 3, 3), 2) == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_a_file_without_records_is_in_no_shard(tmp_path):
    assert rows_by_worker(split(tmp_path, 3, 0, 0, 3), 2) == [[0, 1, 2], [3, 4, 5]]


def test_whole_files_are_shared_out_where_there_are_many(tmp_path):
    paths = files.find(split(tmp_path, *[1] * 17))
    assert [len(share(paths, Shard(i, 2)).files) for i in range(2)] == [9, 8]


def test_records_are_shared_out_where_there_are_too_few_files(tmp_path):
    assert rows_by_worker(split(tmp_path, 7), 3) == [[0, 3, 6], [1, 4], [2, 5]]
    paths = files.find(split(tmp_path, 3, 3, 3))
    assert [share(paths, Shard(i, 2)).rows() for i in range(2)] == [5, 4]


def test_either_all_workers_keep_their_rows_in_memory_or_no_worker_does(tmp_path):
    paths = files.find(split(tmp_path, 7))
    for max_rows, rows in ((2, [None] * 3), (3, [3, 2, 2])):
        assert [share(paths, Shard(i, 3)).rows_that_fit(max_rows) for i in range(3)] == rows


def test_a_share_says_how_many_rows_it_has(tmp_path):
    paths = files.find(split(tmp_path, 5, 6))
    for count, rows in ((2, [5, 6]), (3, [4, 4, 3])):
        assert [share(paths, Shard(i, count)).rows() for i in range(count)] == rows


@pytest.mark.parametrize(("sizes", "count"), [((40, 40), 2), ((61, 20), 3)], ids=["files", "records"])
def test_in_every_epoch_the_workers_train_on_every_row_once(tmp_path, way, small_steps, sizes, count):
    patterns, epochs = split(tmp_path, *sizes), [[], []]
    for i in range(count):
        rows = share(files.find(patterns), Shard(i, count)).rows()
        order = ids(batches(patterns, rows, at_most=2, shard=Shard(i, count), **way))
        for epoch, worker_rows in zip(epochs, (order[:rows], order[rows:]), strict=True):
            epoch += worker_rows
    for epoch in epochs:
        assert sorted(epoch) == list(range(sum(sizes)))


def test_shards_shuffle_differently(tmp_path, way):
    for i in range(2):
        write(tmp_path / f"same-{i}.gz", range(50))
    mine, theirs = (ids(batches([str(tmp_path / "same-*")], at_most=5, shard=Shard(i, 2), **way)) for i in range(2))
    assert sorted(mine) == sorted(theirs) == list(range(50))
    assert mine != theirs


def test_fewer_rows_than_workers_are_refused(tmp_path):
    with pytest.raises(NoRecordsError, match=r"examples-00.gz.*fewer rows than workers, 4"):
        rows_by_worker(split(tmp_path, 2, 1), 4)


@pytest.mark.parametrize("wrong", [(-1, 2), (2, 2), (0, 0)], ids=str)
def test_a_shard_that_does_not_exist_is_refused(wrong):
    with pytest.raises(ValueError, match="Shard"):
        Shard(*wrong)
