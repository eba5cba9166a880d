"""Tables from Parquet, a group of rows at a time."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from .csv_format import CsvFormat
from .raw_table import PIECE_ROWS, RawTable, Wanted
from .record_batches import BatchFile, listed_columns, read_batches, read_column

KIND = "a Parquet file"
ARROW_SCHEMA = b"ARROW:schema"


def read_parquet(file: BinaryIO, source: str, wanted: Wanted, _: CsvFormat) -> RawTable:
    """See read.read_table."""
    return read_batches(KIND, lambda arrow: ParquetBatches(arrow, file), source, wanted)


def read_parquet_column(file: BinaryIO, name: str) -> list[object]:
    """See record_batches.read_column."""
    return read_column(KIND, lambda arrow: ParquetBatches(arrow, file), name)


class ParquetBatches(BatchFile):
    """A Parquet file. Raises what pyarrow does."""

    def __init__(self, arrow: Any, file: BinaryIO) -> None:
        self._module: Any = importlib.import_module("pyarrow.parquet")
        self._file, self._table = file, self._module.ParquetFile(file)
        self.schema = self._table.schema_arrow
        is_dictionary = arrow.types.is_dictionary
        self.listed = listed_columns(self.schema, is_dictionary) | listed_columns(self._written(arrow), is_dictionary)

    @property
    def rows(self) -> int:
        """See BatchFile: its directory says it."""
        rows: int = self._table.metadata.num_rows
        return rows

    def unpacked(self, features: set[str], others: set[str]) -> int:
        """See BatchFile: bytes of pages, of features those of one group of rows, of all others all."""
        return unpacked_pages(self._table.metadata, features, others)

    def batches(self, features: Sequence[str], others: Sequence[str]) -> Iterator[Any]:
        """See BatchFile."""
        # As dictionaries, a text that is in the file once is in memory once, however many rows have it.
        table = self._module.ParquetFile(self._file, metadata=self._table.metadata, read_dictionary=[*others])
        columns = [*features, *others]  # by one thread: of so few rows others would cost more than they do
        batches: Iterator[Any] = table.iter_batches(batch_size=PIECE_ROWS, columns=columns, use_threads=False)
        return batches

    def _written(self, arrow: Any) -> Any:
        """The schema of the table that was written, as pyarrow notes it: of columns that list no texts Parquet does
        not know that they list anything. An empty one where nobody did."""
        noted = (self._table.metadata.metadata or {}).get(ARROW_SCHEMA)
        if noted is None:
            return ()
        try:
            return arrow.ipc.read_schema(arrow.py_buffer(base64.b64decode(noted)))
        except (arrow.ArrowException, ValueError, OSError):  # written by something else
            return ()


def unpacked_pages(metadata: Any, features: set[str], others: set[str]) -> int:
    """Bytes of pages, as the file's directory says: of features those of one group of rows, of all others all."""
    largest, texts = 0, 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        chunks = [group.column(k) for k in range(group.num_columns)]
        sizes = [(chunk.path_in_schema, max(0, chunk.total_uncompressed_size)) for chunk in chunks]
        largest = max(largest, sum(size for name, size in sizes if name in features))
        texts += sum(size for name, size in sizes if name in others)
    return largest + texts
