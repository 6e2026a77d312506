"""A small dataset and its CSV files, for tests of reading."""

import pytest

from components.csv_files import reader
from components.csv_files.errors import InputDataError
from data import Dataset, Numeric, RatioLabel, Vocabulary

TRIPS = Dataset(
    name="trips",
    features=(Numeric("fare"), Numeric("seconds", dtype="int64"), Vocabulary("payment")),
    label=RatioLabel("generous", numerator="tip", denominator="fare", threshold=0.2),
    sample="trips.csv",
)
HEADER = "fare,seconds,payment,tip\n"
ROW = "1.5,60,Cash,0\n"


def read_rows(path, **options):
    """Returns the rows of a file as tuples."""
    return [tuple(row.values()) for batch in reader.read(path, TRIPS, **options) for row in batch.to_pylist()]


def refusal(path, **options):
    """Reads a file that must be refused. Returns the error message without the file's path."""
    with pytest.raises(InputDataError) as error:
        read_rows(path, **options)
    assert str(error.value).startswith(path)
    return str(error.value).removeprefix(path)
