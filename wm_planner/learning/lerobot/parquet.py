"""Columns of a parquet file, whose sizes are looked at before anything is unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wm_planner.errors import UserError
from wm_planner.learning.lerobot.optional import needed

_MOST_ROWS = 10**7
_MOST_BYTES = 2**32  # of all columns, unpacked


def read_columns(path: Path, columns: Sequence[str]) -> Any:
    """A table of these columns; a UserError where that cannot be, or is too much."""
    parquet = needed("pyarrow.parquet")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with parquet.ParquetFile(path) as file:
            if missing := sorted(set(columns) - set(file.schema_arrow.names)):
                raise UserError(f"{path}: no columns {missing}")
            _check_sizes(file.metadata, path)
            return file.read(columns=list(columns))
    except UserError:
        raise
    except Exception as error:  # pyarrow has errors of its own
        raise UserError(f"{path}: cannot be read: {error}") from error


def rows_where(table: Any, column: str, value: int, path: Path) -> Any:
    """The rows of a table in which a column has this value."""
    try:
        return table.filter(needed("pyarrow.compute").equal(table[column], value))
    except Exception as error:  # no such column, or one of another type
        raise UserError(f"{path}: {column} cannot be compared: {error}") from error


def _check_sizes(metadata: Any, path: Path) -> None:
    """Of the whole file: pyarrow ends the process where what it tells of a column is spoilt."""
    if metadata.num_rows > _MOST_ROWS:
        raise UserError(f"{path}: {metadata.num_rows} rows, at most {_MOST_ROWS} are read")
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if size > _MOST_BYTES:
        raise UserError(f"{path}: {size} bytes, at most {_MOST_BYTES} are read")
