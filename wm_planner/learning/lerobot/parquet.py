"""Columns of a parquet file, whose sizes are looked at before anything is unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wm_planner.errors import UserError
from wm_planner.learning.lerobot.optional import needed

_MOST_ROWS = 10**7
_MOST_BYTES = 2**30  # of a table; LeRobot begins a new file after a tenth of that
_BATCH = 2**16  # rows that are unpacked at once
_BATCH_BYTES = 2**28  # of them, if each were as large as all that the file holds


def read_columns(path: Path, columns: Sequence[str]) -> Any:
    """A table of these columns; a UserError where that cannot be, or is too much."""
    parquet = needed("pyarrow.parquet")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with parquet.ParquetFile(path) as file:
            if missing := sorted(set(columns) - set(file.schema_arrow.names)):
                raise UserError(f"{path}: no columns {missing}")
            return _unpacked(file, list(columns), path)
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


def _unpacked(file: Any, columns: list[str], path: Path) -> Any:
    """Some rows after the other: a file may say the same large thing in few bytes many times.

    What the metadata tell of single columns is not asked: where that is spoilt pyarrow aborts.
    """
    metadata = file.metadata
    if metadata.num_rows > _MOST_ROWS:
        raise UserError(f"{path}: {metadata.num_rows} rows, at most {_MOST_ROWS} are read")
    packed = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if packed > _MOST_BYTES:
        raise UserError(f"{path}: {packed} bytes, at most {_MOST_BYTES} are read")
    rows = max(1, min(_BATCH, _BATCH_BYTES // max(1, packed)))
    batches, size = [], 0
    for batch in file.iter_batches(batch_size=rows, columns=columns):
        size += batch.nbytes
        if size > _MOST_BYTES:
            raise UserError(f"{path}: more than {_MOST_BYTES} bytes when it is unpacked")
        batches.append(batch)
    if not batches:
        raise UserError(f"{path}: no rows")
    return needed("pyarrow").Table.from_batches(batches)
