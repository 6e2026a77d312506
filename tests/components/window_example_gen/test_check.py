"""The check of the files of a series at the start of a run."""

import dataclasses

import pytest

from components.csv_files.errors import InputDataError
from components.window_example_gen.check import check_files
from tests.support.windows import SMALL, dataset_of

LONG = dataclasses.replace(SMALL, id="shop", eval_share=0.3)


def table(days, shop="A"):
    return "".join(f"2020-01-{d:02},{shop},{d}\n" for d in days)


def check(*files, series=LONG, path="", **options):
    check_files(path or files[0], files, dataset_of(series), **({"max_bytes": 1 << 20} | options))


def test_a_good_file_passes_the_check(write_file):
    check(write_file("day,shop,sold\n" + table(range(1, 21))))


def test_the_error_for_a_series_that_is_too_short_names_the_needed_steps(write_file):
    path = write_file("day,shop,sold\n" + table(range(1, 9)))
    with pytest.raises(InputDataError) as error:
        check(path, series=dataclasses.replace(LONG, season=4))
    assert str(error.value) == (
        f"{path}: too short for a single window in the 'eval' split. A window needs 6 steps of 'D' in a row: 5 up to its "
        "origin (inputs=2, season=4) and 1 after it (outputs). The data has 8, from 2020-01-01 to 2020-01-08; the longest "
        "series has 2 in that split (eval_share=0.3, embargo=0). "
        "Take fewer inputs or outputs, a shorter season, a larger eval_share, or more data."
    )


def test_a_training_split_that_is_too_short_is_refused(write_file):
    path = write_file("day,shop,sold\n" + table(range(1, 21)))
    with pytest.raises(InputDataError, match=r"in the 'train' split.* has 1 in that split .*a smaller eval_share"):
        check(path, series=dataclasses.replace(LONG, eval_share=0.97))


def test_many_short_series_do_not_replace_a_long_one(write_file):
    path = write_file("day,shop,sold\n" + table(range(1, 20, 2), "A") + table(range(2, 21, 2), "B"))
    check(path)
    path = write_file("day,shop,sold\n" + "".join(table([d, d + 1], f"{d}") for d in range(1, 21, 2)))
    with pytest.raises(InputDataError, match="the longest series has 2 in that split"):
        check(path)


def test_a_stride_that_skips_the_only_origin_is_refused(write_file):
    path = write_file("day,shop,sold\n" + table(range(1, 13)))  # the evaluation split has three steps
    check(path)
    with pytest.raises(InputDataError, match="2 more for a stride of 3"):
        check(path, series=dataclasses.replace(LONG, stride=3))


def test_the_check_reads_a_bounded_part_of_each_file(write_file):
    path = write_file("day,shop,sold\n" + table([1, 2, 3]) * 20 + "never,A,1\n")
    check(path, max_bytes=128, block_bytes=64)
    with pytest.raises(InputDataError, match="'never' is not a time"):
        check(path, block_bytes=64)


def test_a_file_without_rows_or_without_values_is_refused(write_file):
    path = write_file("day,shop,sold\n")
    with pytest.raises(InputDataError, match="has a header but no rows"):
        check(path)
    path = write_file("day,shop,sold\n2020-01-01,A,\n")
    with pytest.raises(InputDataError, match="column 'sold': it has no value"):
        check(path)


def test_all_files_are_checked_together(write_file):
    files = [write_file("day,shop,sold\n" + table(days), f"{n}.csv") for n, days in enumerate((range(1, 11), range(11, 21)))]
    check(*files)
