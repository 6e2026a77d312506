"""CSV in, typed batches out; and for everything that can be wrong with a file, the place and the way out."""

import csv
import gzip
import math
import random
from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tfx_bsl.coders import example_coder

from components.csv_files import reader
from components.csv_files.reader import InputDataError
from data import BinaryLabel, Dataset, MulticlassLabel, Numeric, NumericLabel, RatioLabel, Vocabulary

TRIPS = Dataset(
    name="trips",
    features=(Numeric("fare"), Numeric("seconds", dtype="int64"), Vocabulary("payment")),
    label=RatioLabel("generous", numerator="tip", denominator="fare", threshold=0.2),
    sample="trips.csv",
)
HEADER = "fare,seconds,payment,tip\n"
ROW = "1.5,60,Cash,0\n"


@pytest.fixture
def file(tmp_path):
    """Returns a function that writes a file of the folder and returns its path."""

    def write(content: str | bytes, name: str = "trips.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def rows(path: str) -> list[tuple]:
    return [tuple(row.values()) for batch in reader.read(path, TRIPS) for row in batch.to_pylist()]


def refusal(path: str) -> str:
    with pytest.raises(InputDataError) as error:
        rows(path)
    assert str(error.value).startswith(path)
    return str(error.value).removeprefix(path)


# What can be read.


def test_columns_have_their_declared_types(file):
    (batch,) = reader.read(file(HEADER + "2,60,007,1\n"), TRIPS)
    assert batch.schema.names == ["fare", "seconds", "payment", "tip"]
    assert batch.schema.types == [pa.float32(), pa.int64(), pa.string(), pa.float32()]
    assert batch.to_pylist() == [{"fare": 2.0, "seconds": 60, "payment": "007", "tip": 1.0}]


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROW,
        HEADER + ROW.strip(),
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        '\ufeff"fare","seconds","payment","tip"\r\n"1.5","60","Cash","0"\r\n',
        HEADER + "\n" + ROW + "\n",
    ],
    ids=["plain", "no final newline", "byte order mark", "CRLF", "as Excel writes it", "blank lines"],
)
def test_ways_of_writing_the_same_rows(file, content):
    assert rows(file(content)) == [(1.5, 60, "Cash", 0.0)]


def test_a_gzipped_file_is_read(file):
    assert rows(file(gzip.compress((HEADER + ROW * 2).encode()), "trips.csv.gz")) == [(1.5, 60, "Cash", 0.0)] * 2


def test_a_quoted_cell_may_hold_commas_quotes_and_newlines(file):
    assert rows(file(HEADER + '1,2,"a, ""b""\nc",0\n' + ROW)) == [(1.0, 2, 'a, "b"\nc', 0.0), (1.5, 60, "Cash", 0.0)]


def test_text_beyond_ascii_is_read(file):
    assert rows(file(HEADER + "1,2,Café ☕,0\n"))[0][2] == "Café ☕"


def test_an_empty_cell_is_a_missing_value_of_any_type(file):
    assert rows(file(HEADER + ',,,\n1,2,"",0\n')) == [(None, None, None, None), (1.0, 2, None, 0.0)]


def test_words_that_elsewhere_mean_missing_are_text(file):
    assert [row[2] for row in rows(file(HEADER + "1,2,NA,0\n1,2,null,0\n1,2, ,0\n"))] == ["NA", "null", " "]


def test_an_undeclared_column_is_read_as_text(file):
    (batch,) = reader.read(file("fare,zip,seconds,payment,tip\n1,00123,2,Cash,0\n"), TRIPS)
    assert batch.schema.field("zip").type == pa.string()
    assert batch.column(1).to_pylist() == ["00123"]


def test_columns_may_stand_in_any_order(file):
    (batch,) = reader.read(file("tip,payment,fare,seconds\n0,Cash,1.5,60\n"), TRIPS)
    assert batch.to_pylist() == [{"tip": 0.0, "payment": "Cash", "fare": 1.5, "seconds": 60}]


def test_whole_numbers_are_exact_up_to_64_bits(file):
    bounds = [-(2**63), 2**53 + 1, 2**63 - 1]
    assert [row[1] for row in rows(file(HEADER + "".join(f"1,{n},Cash,0\n" for n in bounds)))] == bounds


def test_many_blocks_give_the_rows_of_one(file, monkeypatch):
    path = file(HEADER + "".join(f'{i}.5,{i},"trip\n{i}",{i % 2}\n' for i in range(200)))
    whole = rows(path)
    monkeypatch.setattr(reader, "BLOCK_BYTES", 256)
    assert len(list(reader.read(path, TRIPS))) > 10
    assert rows(path) == whole
    assert whole[199] == (199.5, 199, "trip\n199", 1.0)


CELLS = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1)
ROWS = st.lists(
    st.tuples(
        st.none() | st.floats(width=32, allow_nan=False),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | CELLS,
        st.sampled_from([0.0, 1.0]),
    ),
    min_size=1,
)


@settings(deadline=None, max_examples=60, derandomize=True, database=None)
@given(ROWS)
def test_what_python_writes_is_read_back_equal(tmp_path_factory, written):
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([("fare", "seconds", "payment", "tip"), *written])
    assert rows(str(path)) == written


# What cannot be read.


def test_a_missing_file_is_named(tmp_path):
    assert "cannot be read" in refusal(str(tmp_path / "none.csv"))


def test_an_empty_file_has_no_header(file):
    assert refusal(file("")) == " is empty: not even a header."


def test_a_missing_column_is_named_with_what_the_header_has(file):
    assert refusal(file("fare,seconds,tip\n1,2,0\n")) == (
        ", row 1: the column 'payment' is missing. The header has: fare, seconds, tip."
    )


def test_a_missing_column_is_answered_with_one_of_a_like_name(file):
    message = refusal(file(HEADER.replace("payment", "payments") + ROW))
    assert message.startswith(", row 1: the column 'payment' is missing. Is it 'payments', under another name?")


def test_several_missing_columns_are_all_named(file):
    assert "the columns 'seconds', 'tip' are missing" in refusal(file("fare,payment\n1,Cash\n"))


def test_a_column_that_stands_there_twice_is_named(file):
    assert refusal(file("fare,seconds,payment,tip,fare\n1,2,Cash,0,3\n")) == (
        ", row 1: the column 'fare' stands there twice. Rename or remove one of them."
    )


@pytest.mark.parametrize(("delimiter", "what"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_a_wrong_delimiter_is_named(file, delimiter, what):
    message = refusal(file((HEADER + ROW).replace(",", delimiter)))
    assert message == f", row 1: the columns are separated by {what}. Separate them by commas."


@pytest.mark.parametrize(
    ("row", "column", "cell", "kind"),
    [
        ("cheap,60,Cash,0", "fare", "cheap", "a number"),
        ("$1.50,60,Cash,0", "fare", "$1.50", "a number"),
        (" ,60,Cash,0", "fare", " ", "a number"),
        ("1,12.0,Cash,0", "seconds", "12.0", "a whole number"),
        ("1,long,Cash,0", "seconds", "long", "a whole number"),
        ("1,9223372036854775808,Cash,0", "seconds", "9223372036854775808", "a whole number"),
        ("1,+5,Cash,0", "seconds", "+5", "a whole number"),
        ("1,1_000,Cash,0", "seconds", "1_000", "a whole number"),
        ("1_0.5,60,Cash,0", "fare", "1_0.5", "a number"),
        ("1,60,Cash,yes", "tip", "yes", "a number"),
    ],
)
def test_a_cell_of_the_wrong_type_is_named_with_row_and_column(file, row, column, cell, kind):
    assert refusal(file(HEADER + ROW + row + "\n" + ROW)) == (
        f", row 3, column '{column}': '{cell}' is not {kind}. Leave a cell empty if its value is missing."
    )


def test_a_long_cell_is_cut_short(file):
    assert f"'{'x' * 40}' is not a number" in refusal(file(HEADER + "x" * 5000 + ",60,Cash,0\n"))


@pytest.mark.parametrize("before", ['1,2,"a\nb\nc",0\n', "1,2,a,0\n"])
def test_a_row_with_quoted_newlines_counts_as_one(file, before):
    assert refusal(file(HEADER + before + "1,x,Cash,0\n")).startswith(", row 3, column 'seconds': 'x'")


def test_the_row_counts_from_the_start_of_the_file_in_every_block(file, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 256)
    assert refusal(file(HEADER + ROW * 500 + "1,x,Cash,0\n")).startswith(", row 502, column 'seconds': 'x'")


@pytest.mark.parametrize(("row", "cells"), [("1,2,Cash\n", 3), ("1,2,Cash,0,9\n", 5), ('1,2,"Cash,0\n', 3)])
def test_a_row_with_too_few_or_too_many_cells_is_named(file, row, cells):
    assert refusal(file(HEADER + ROW + row)) == (
        f", row 3: {cells} cells, but the header has 4 columns. Is a comma or a quote missing, or unquoted?"
    )


def test_a_header_that_is_not_utf_8_is_named(file):
    message = refusal(file((HEADER.strip() + ",café\n" + ROW.strip() + ",1\n").encode("latin-1")))
    assert message == ", row 1: the header is not UTF-8. Save the file as UTF-8."


def test_a_cell_that_is_not_utf_8_is_named_with_row_and_byte(file):
    message = refusal(file((HEADER + ROW + "1,2,café,0\n").encode("latin-1")))
    assert message == ", row 3: the byte 0xe9 is not UTF-8. Save the file as UTF-8."


def test_a_utf_16_file_is_named(file):
    assert "is not UTF-8" in refusal(file((HEADER + ROW).encode("utf-16")))


@pytest.mark.parametrize(
    "content",
    [HEADER.replace("fare", "fa\0re") + ROW, (HEADER + ROW).replace("\n", "\r")],
    ids=["a null byte in the header", "bare carriage returns"],
)
def test_a_header_that_is_no_csv_is_named(file, content):
    assert refusal(file(content))


def random_rows(count: int) -> bytes:
    numbers = random.Random(1)
    return (HEADER + "".join(f"{numbers.random()},{numbers.getrandbits(40)},Cash,0\n" for _ in range(count))).encode()


@pytest.mark.parametrize("count", [1, 20_000], ids=["in the first bytes", "far behind"])
def test_a_truncated_gzip_file_is_named(file, count):
    packed = gzip.compress(random_rows(count))
    message = refusal(file(packed[: len(packed) // 2], "trips.csv.gz"))
    assert "ended before the end-of-stream marker" in message


def test_a_truncated_gzip_file_says_how_far_it_can_be_read(file):
    packed = gzip.compress(random_rows(20_000))
    message = refusal(file(packed[: len(packed) // 2], "trips.csv.gz"))
    assert message.startswith(" is damaged after row ")
    assert 5_000 < int(message.split()[4].rstrip(":")) < 15_000


def test_a_gzip_file_with_a_wrong_checksum_is_damaged(file):
    packed = bytearray(gzip.compress(random_rows(10)))
    packed[-6] ^= 0xFF
    message = refusal(file(bytes(packed), "trips.csv.gz"))
    assert message.startswith(" is damaged after row 11: CRC check failed")


def test_a_gzip_file_with_garbage_inside_is_refused(file):
    packed = bytearray(gzip.compress(random_rows(20_000)))
    middle = len(packed) // 2
    packed[middle : middle + 40] = b"\xff" * 40
    assert refusal(file(bytes(packed), "trips.csv.gz"))


def test_a_file_that_is_only_called_gz_is_named(file):
    assert "cannot be read: Not a gzipped file" in refusal(file(HEADER + ROW, "trips.csv.gz"))


# Files and folders.


def found(path) -> list[str]:
    folder, pattern = reader.find(str(path))
    return sorted(p.name for p in Path(folder).glob(pattern))


def test_a_file_is_found_by_its_name(file, tmp_path):
    file(HEADER + ROW, "other.csv")
    assert reader.find(file(HEADER + ROW)) == (str(tmp_path), "trips.csv")


def test_a_file_in_the_current_folder_is_found(file, tmp_path, monkeypatch):
    file(HEADER + ROW)
    monkeypatch.chdir(tmp_path)
    assert reader.find("trips.csv") == (".", "trips.csv")


def test_every_csv_file_of_a_folder_is_found_and_no_other(file, tmp_path):
    for name in ("a.csv", "b.csv", "readme.txt"):
        file(HEADER + ROW, name)
    assert found(tmp_path) == ["a.csv", "b.csv"]


def test_gzipped_files_of_a_folder_are_found_and_no_other(file, tmp_path):
    for name in ("b.csv.gz", "c.csv.bak"):
        file(HEADER + ROW, name)
    assert found(tmp_path) == ["b.csv.gz"]


def test_plain_beside_gzipped_files_are_refused(file, tmp_path):
    for name in ("a.csv", "b.csv.gz"):
        file(HEADER + ROW, name)
    with pytest.raises(InputDataError, match=r"\*\.csv and \*\.csv\.gz"):
        reader.find(str(tmp_path))


def test_a_path_to_nothing_is_named(tmp_path):
    with pytest.raises(InputDataError, match=r"There is no file or folder .*none\. `--data` takes a CSV file"):
        reader.find(str(tmp_path / "none"))


def test_a_folder_without_csv_files_is_named(file, tmp_path):
    file("hello", "readme.txt")
    with pytest.raises(InputDataError, match=rf"The folder {tmp_path} holds no file named \*\.csv or \*\.csv\.gz\."):
        reader.find(str(tmp_path))


def check(path, at_most_bytes: int = 1 << 20) -> None:
    reader.check(str(path), TRIPS, at_most_bytes)


def test_a_good_file_passes_the_check(file):
    check(file(HEADER + ROW))


def test_a_file_whose_name_has_brackets_passes_the_check(file):
    check(file(HEADER + ROW, "trips[1].csv"))


@pytest.mark.parametrize("content", [HEADER, HEADER.strip()], ids=["with a final newline", "without"])
def test_a_header_without_rows_is_refused_by_the_check(file, content):
    path = file(content)
    with pytest.raises(InputDataError) as error:
        check(path)
    assert str(error.value) == f"{path} has a header but no rows."


def test_a_header_without_rows_beside_another_file_is_nothing_to_refuse(file, tmp_path):
    file(HEADER, "a.csv")
    file(HEADER + ROW, "b.csv")
    check(tmp_path)


def test_the_check_reads_every_file_of_a_folder(file, tmp_path):
    file(HEADER + ROW, "a.csv")
    file(HEADER + "x,2,Cash,0\n", "b.csv")
    with pytest.raises(InputDataError, match=r"b\.csv, row 2, column 'fare': 'x'"):
        check(tmp_path)


def test_the_check_leaves_what_lies_behind_its_limit_to_the_reading(file, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 256)
    path = file(HEADER + ROW * 500 + "x,2,Cash,0\n")
    check(path, at_most_bytes=1024)
    with pytest.raises(InputDataError, match="row 502"):
        check(path, at_most_bytes=1 << 20)


# tf.Examples.


def examples(path: str) -> list[dict[str, list]]:
    encoder = example_coder.RecordBatchToExamplesEncoder()
    serialised = [e for batch in reader.read(path, TRIPS) for e in encoder.encode(reader.as_lists(batch))]
    return [values(tf.train.Example.FromString(e)) for e in serialised]


def values(example: tf.train.Example) -> dict[str, list]:
    kinds = {name: f.WhichOneof("kind") for name, f in example.features.feature.items()}
    return {name: list(getattr(example.features.feature[name], kind).value) for name, kind in kinds.items() if kind}


def test_rows_become_examples(file):
    assert examples(file(HEADER + "1.5,60,Café,0\n2,-1,Card,1\n")) == [
        {"fare": [1.5], "seconds": [60], "payment": ["Café".encode()], "tip": [0.0]},
        {"fare": [2.0], "seconds": [-1], "payment": [b"Card"], "tip": [1.0]},
    ]


def test_a_missing_value_becomes_a_null_list(file):
    (batch,) = reader.read(file(HEADER + "1.5,,Cash,0\n,60,,1\n"), TRIPS)
    assert [tuple(row.values()) for row in reader.as_lists(batch).to_pylist()] == [
        ([1.5], None, [b"Cash"], [0.0]),
        (None, [60], None, [1.0]),
    ]


@pytest.mark.parametrize(
    "missing",
    [[0], [1], [2], [3], [0, 2], [3, 0, 1], [0, 1, 2, 3]],
)
def test_a_missing_value_is_absent_from_its_example(file, missing):
    cells = [("1.5", "60", "Cash", "1") if i not in missing else ("", "", "", "1") for i in range(4)]
    read = examples(file(HEADER + "".join(",".join(c) + "\n" for c in cells)))
    for number, example in enumerate(read):
        nothing = number in missing
        assert example.get("fare", []) == ([] if nothing else [1.5])
        assert example.get("seconds", []) == ([] if nothing else [60])
        assert example.get("payment", []) == ([] if nothing else [b"Cash"])
        assert example["tip"] == [1.0]


# Splits.

SHARES = {"train": 7, "eval": 3}


def batch(count: int = 2000) -> pa.RecordBatch:
    numbers = range(count)
    return pa.RecordBatch.from_pydict(
        {
            "fare": pa.array([i / 4 if i % 5 else None for i in numbers], pa.float32()),
            "seconds": pa.array(numbers, pa.int64()),
            "payment": pa.array(["Cash", None, "Card", "Café"] * (count // 4), pa.string()),
        }
    )


def test_every_row_gets_one_split():
    splits = reader.split(batch(), SHARES)
    assert len(splits) == 2000
    assert set(splits) == {"train", "eval"}


def test_shares_are_about_those_of_the_buckets():
    assert math.isclose(reader.split(batch(20_000), SHARES).count("eval") / 20_000, 0.3, abs_tol=0.01)
    assert math.isclose(reader.split(batch(20_000), {"a": 1, "b": 1, "c": 2}).count("c") / 20_000, 0.5, abs_tol=0.01)


def test_the_split_of_a_row_is_the_same_in_every_process():
    # Pinned: a change here means that every evaluation split in use changes.
    assert [s[0] for s in reader.split(batch(20), SHARES)] == list("tttetettttetettttttt")


def test_equal_rows_go_together():
    twice = pa.concat_tables([pa.Table.from_batches([batch(100)])] * 2).combine_chunks().to_batches()[0]
    splits = reader.split(twice, SHARES)
    assert splits[:100] == splits[100:]


def test_a_split_does_not_depend_on_where_batches_end():
    whole = batch(100)
    pieces = [whole.slice(start, 7) for start in range(0, 100, 7)]
    assert [s for piece in pieces for s in reader.split(piece, SHARES)] == reader.split(whole, SHARES)


def test_a_split_does_not_depend_on_the_order_of_columns():
    whole = batch(100)
    other = pa.RecordBatch.from_arrays(whole.columns[::-1], whole.schema.names[::-1])
    assert reader.split(other, SHARES) == reader.split(whole, SHARES)


def test_a_split_depends_on_every_column():
    whole = batch(1000)
    for i, name in enumerate(whole.schema.names):
        columns = [pa.nulls(1000, c.type) if j == i else c for j, c in enumerate(whole.columns)]
        assert reader.split(pa.RecordBatch.from_arrays(columns, whole.schema.names), SHARES) != reader.split(whole, SHARES), (
            name
        )


# Labels.


def plants(path, label, *cells):
    """Reads a file with these labels in the column 'kind'."""
    dataset = Dataset("plants", (Numeric("size"),), label, sample="plants.csv")
    path.write_text("size,kind\n" + "".join(f"1,{cell}\n" for cell in cells))
    return list(reader.read(str(path), dataset))


@pytest.mark.parametrize(
    ("label", "good", "bad", "why"),
    [
        (BinaryLabel("kind"), ("0", "1"), "2", "the label '2.0' is not 0 or 1."),
        (BinaryLabel("kind", dtype="int64"), ("0", "1"), "", "the label is missing. Every row needs 0 or 1"),
        (MulticlassLabel("kind", ("oak", "elm")), ("oak", "elm"), "ash", "the label 'ash' is not one of oak, elm."),
        (MulticlassLabel("kind", (3, 5)), ("3", "5"), "4", "the label '4' is not one of 3, 5."),
        (MulticlassLabel("kind", ("oak", "elm")), ("oak", "elm"), "", "the label is missing. Every row needs one of oak, elm"),
        (NumericLabel("kind"), ("1.5", "-2"), "", "the label is missing. Every row needs a number"),
        (NumericLabel("kind"), ("1.5", "-2"), "inf", "the label 'inf' is not a number."),
        (NumericLabel("kind"), ("1.5", "-2"), "nan", "the label 'nan' is not a number."),
    ],
)
def test_a_row_without_a_usable_label_is_refused_with_its_place(tmp_path, label, good, bad, why):
    assert sum(b.num_rows for b in plants(tmp_path / "plants.csv", label, *good)) == len(good)
    with pytest.raises(reader.InputDataError) as error:
        plants(tmp_path / "plants.csv", label, *good, bad, *good)
    assert str(error.value).startswith(f"{tmp_path / 'plants.csv'}, row 4, column 'kind': {why}")
    assert "leave the row out" in str(error.value)
