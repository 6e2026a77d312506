"""Shards: every worker its own rows, together all of them."""

import itertools

import pytest

from tests.support.input_rows import batches, ids, split, write
from trainer_module.inputs import NoRecordsError, Shard, files
from trainer_module.inputs.shards import share


def everyones(patterns, count, **settings):
    """The rows of one pass of every worker, in order."""
    return [ids(batches(patterns, training=False, shard=Shard(i, count), **settings)) for i in range(count)]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [((100,), 3), ((40, 40, 20), 2), ((1, 2, 3, 4), 3), ((0, 7, 0, 9), 3), ((2,) * 16, 2), ((1, 1, 1), 3), ((3,), 3)],
    ids=str,
)
def test_shards_are_everything_have_nothing_in_common_and_none_is_empty(tmp_path, small_steps, sizes, count):
    shares = everyones(split(tmp_path, *sizes), count)
    assert all(shares)
    assert sorted(itertools.chain(*shares)) == list(range(sum(sizes)))


def test_files_are_shared_where_the_shares_come_out_even(tmp_path):
    assert everyones(split(tmp_path, 3, 3, 3, 3), 2) == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_a_file_without_records_is_nobodys_share(tmp_path):
    assert everyones(split(tmp_path, 3, 0, 0, 3), 2) == [[0, 1, 2], [3, 4, 5]]


def test_files_are_shared_where_there_are_many(tmp_path):
    found = files.find(split(tmp_path, *[1] * 17))
    assert [len(share(found, Shard(i, 2)).files) for i in range(2)] == [9, 8]


def test_records_are_shared_where_there_are_too_few_files(tmp_path):
    assert everyones(split(tmp_path, 7), 3) == [[0, 3, 6], [1, 4], [2, 5]]
    found = files.find(split(tmp_path, 3, 3, 3))
    assert [share(found, Shard(i, 2)).rows() for i in range(2)] == [5, 4]


def test_the_rows_of_all_workers_fit_into_memory_or_those_of_none(tmp_path):
    found = files.find(split(tmp_path, 7))
    for most, rows in ((2, [None] * 3), (3, [3, 2, 2])):
        assert [share(found, Shard(i, 3)).rows_that_fit(most) for i in range(3)] == rows


def test_a_share_says_how_many_rows_it_has(tmp_path):
    found = files.find(split(tmp_path, 5, 6))
    for count, rows in ((2, [5, 6]), (3, [4, 4, 3])):
        assert [share(found, Shard(i, count)).rows() for i in range(count)] == rows


@pytest.mark.parametrize(("sizes", "count"), [((40, 40), 2), ((61, 20), 3)], ids=["files", "records"])
def test_in_every_epoch_the_workers_train_on_every_row_once(tmp_path, way, small_steps, sizes, count):
    patterns, epochs = split(tmp_path, *sizes), [[], []]
    for i in range(count):
        rows = share(files.find(patterns), Shard(i, count)).rows()
        order = ids(batches(patterns, rows, at_most=2, shard=Shard(i, count), **way))
        for epoch, part in zip(epochs, (order[:rows], order[rows:]), strict=True):
            epoch += part
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
        everyones(split(tmp_path, 2, 1), 4)


@pytest.mark.parametrize("wrong", [(-1, 2), (2, 2), (0, 0)], ids=str)
def test_a_shard_that_does_not_exist_is_refused(wrong):
    with pytest.raises(ValueError, match="Shard"):
        Shard(*wrong)
