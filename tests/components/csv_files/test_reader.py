"""The reader turns a CSV file into typed batches."""

import csv
import gzip

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.csv_files import paths, reader
from components.csv_files.errors import InputDataError
from data import Dataset, MulticlassLabel, Numeric
from tests.support.trips import HEADER, ROW, TRIPS, read_rows


def test_columns_have_their_declared_types(write_file):
    (batch,) = reader.read(write_file(HEADER + "2,60,007,1\n"), TRIPS)
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
def test_the_same_rows_are_read_from_every_style_of_csv(write_file, content):
    assert read_rows(write_file(content)) == [(1.5, 60, "Cash", 0.0)]


def test_a_gzipped_file_is_read(write_file):
    assert read_rows(write_file(gzip.compress((HEADER + ROW * 2).encode()), "data.csv.gz")) == [(1.5, 60, "Cash", 0.0)] * 2


def test_a_quoted_cell_may_hold_commas_quotes_and_newlines(write_file):
    assert read_rows(write_file(HEADER + '1,2,"a, ""b""\nc",0\n' + ROW)) == [(1.0, 2, 'a, "b"\nc', 0.0), (1.5, 60, "Cash", 0.0)]


def test_text_beyond_ascii_is_read(write_file):
    assert read_rows(write_file(HEADER + "1,2,Café ☕,0\n"))[0][2] == "Café ☕"


def test_an_empty_cell_is_a_missing_value_of_any_type(write_file):
    assert read_rows(write_file(HEADER + ',,,\n1,2,"",0\n')) == [(None, None, None, None), (1.0, 2, None, 0.0)]


def test_words_such_as_na_and_null_are_text_and_not_missing(write_file):
    assert [row[2] for row in read_rows(write_file(HEADER + "1,2,NA,0\n1,2,null,0\n1,2, ,0\n"))] == ["NA", "null", " "]


def test_an_undeclared_column_is_read_as_text(write_file):
    (batch,) = reader.read(write_file("fare,zip,seconds,payment,tip\n1,00123,2,Cash,0\n"), TRIPS)
    assert batch.schema.field("zip").type == pa.string()
    assert batch.column(1).to_pylist() == ["00123"]


def test_columns_may_be_in_any_order(write_file):
    (batch,) = reader.read(write_file("tip,payment,fare,seconds\n0,Cash,1.5,60\n"), TRIPS)
    assert batch.to_pylist() == [{"tip": 0.0, "payment": "Cash", "fare": 1.5, "seconds": 60}]


def test_integers_of_64_bits_are_exact(write_file):
    bounds = [-(2**63), 2**53 + 1, 2**63 - 1]
    assert [row[1] for row in read_rows(write_file(HEADER + "".join(f"1,{n},Cash,0\n" for n in bounds)))] == bounds


def test_many_blocks_give_the_same_rows_as_one(write_file):
    path = write_file(HEADER + "".join(f'{i}.5,{i},"trip\n{i}",{i % 2}\n' for i in range(200)))
    whole = read_rows(path)
    assert len(list(reader.read(path, TRIPS, block_bytes=256))) > 10
    assert read_rows(path, block_bytes=256) == whole
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
def test_rows_that_python_writes_are_read_back_equal(tmp_path_factory, written):
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([("fare", "seconds", "payment", "tip"), *written])
    assert read_rows(str(path)) == written


# Labels.


PLANTS = Dataset("plants", (Numeric("size"),), MulticlassLabel("kind", ("oak", "elm")), sample="plants.csv")


def test_a_row_without_a_usable_label_is_refused_with_its_number(write_file):
    path = write_file("size,kind\n1,oak\n\n2,ash\n")
    with pytest.raises(InputDataError) as error:
        list(reader.read(path, PLANTS))
    assert str(error.value) == (
        f"{path}, row 4, column 'kind': the label 'ash' is not one of oak, elm. Correct it, or leave the row out."
    )


def test_the_row_of_a_label_counts_from_the_start_of_the_file_in_every_block(write_file):
    path = write_file("size,kind\n" + "1,oak\n" * 200 + "1,ash\n")
    with pytest.raises(InputDataError, match="row 202, column 'kind'"):
        list(reader.read(path, PLANTS, block_bytes=256))


# The check of the files at the start of a run.


def check(path, **options):
    reader.check_files(str(path), paths.files(str(path)), TRIPS, **({"max_bytes": 1 << 20} | options))


def test_a_good_file_passes_the_check(write_file):
    check(write_file(HEADER + ROW))


def test_a_file_whose_name_has_brackets_passes_the_check(write_file):
    check(write_file(HEADER + ROW, "trips[1].csv"))


@pytest.mark.parametrize("content", [HEADER, HEADER.strip()], ids=["with a final newline", "without"])
def test_a_header_without_rows_is_refused_by_the_check(write_file, content):
    path = write_file(content)
    with pytest.raises(InputDataError) as error:
        check(path)
    assert str(error.value) == f"{path} has a header but no rows."


def test_a_header_without_rows_is_accepted_beside_a_file_with_rows(write_file, tmp_path):
    write_file(HEADER, "a.csv")
    write_file(HEADER + ROW, "b.csv")
    check(tmp_path)


def test_the_check_reads_every_file_of_a_folder(write_file, tmp_path):
    write_file(HEADER + ROW, "a.csv")
    write_file(HEADER + "x,2,Cash,0\n", "b.csv")
    with pytest.raises(InputDataError, match=r"b\.csv, row 2, column 'fare': 'x'"):
        check(tmp_path)


def test_the_check_reads_a_bounded_part_of_each_file(write_file):
    path = write_file(HEADER + ROW * 500 + "x,2,Cash,0\n")
    check(path, max_bytes=1024, block_bytes=256)
    with pytest.raises(InputDataError, match="row 502"):
        check(path, block_bytes=256)
