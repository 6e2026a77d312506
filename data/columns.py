"""The types in which a column can be written."""

from typing import Literal

DType = Literal["float32", "int64", "string"]
