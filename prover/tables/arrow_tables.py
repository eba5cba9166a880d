"""Tables from Arrow's own files (also called Feather, version 2) and streams, a record batch at a time.

The file is mapped into memory where it can be, so what is not compressed in it is read where it lies.
"""

from __future__ import annotations

import importlib
import mmap
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from ...errors import DataError
from .csv_format import CsvFormat
from .raw_table import PIECE_ROWS, RawTable, Wanted
from .record_batches import BatchFile, listed_columns, read_batches, read_column

KIND = "an Arrow file"
ARROW_ENDS = (".arrow", ".feather", ".ipc")
FILE, FEATHER_1 = b"ARROW1", b"FEA1"  # how they begin; what begins otherwise is a stream
CONTINUATION = b"\xff\xff"  # as a stream begins, with as many bytes again
STREAM_IN_FILE = 8  # bytes before the stream that a file has in it


def read_arrow(file: BinaryIO, source: str, wanted: Wanted, _: CsvFormat) -> RawTable:
    """See read.read_table."""
    return read_batches(KIND, lambda arrow: ArrowBatches(arrow, file), source, wanted)


def read_arrow_column(file: BinaryIO, name: str) -> list[object]:
    """See record_batches.read_column."""
    return read_column(KIND, lambda arrow: ArrowBatches(arrow, file), name)


class ArrowBatches(BatchFile):
    """A file or a stream of Arrow's. Raises what pyarrow does, and DataError for a file of Feather's version 1.

    A file is a stream between a first mark and a directory. It is read as one: by its directory pyarrow would copy
    batches of which some columns are wanted. What polars writes is read by its directory: no stream begins there.
    """

    def __init__(self, arrow: Any, file: BinaryIO) -> None:
        self._arrow, self._ipc = arrow, importlib.import_module("pyarrow.ipc")
        self._file, self._mapped = file, _mapped(arrow, file)
        self._waiting: Any = None  # of what comes only once, its reader, which has the schema
        self._rows: int | None = None
        if self._mapped is None and not file.seekable():
            self._waiting = self._ipc.open_stream(arrow.PythonFile(file, mode="r"))
            self.schema = self._waiting.schema
        else:
            self._look(file)
        self.listed = listed_columns(self.schema, arrow.types.is_dictionary)

    def _look(self, file: BinaryIO) -> None:
        """What the beginning and the directory of a file say."""
        start = file.read(len(FILE))
        if start.startswith(FEATHER_1):
            raise DataError("a Feather file of version 1; write it again as version 2, which pyarrow and pandas do")
        self._count: int | None = None
        self._in_stream = True
        self._begin = 0 if start != FILE else STREAM_IN_FILE
        if start == FILE:
            directory = self._ipc.open_file(self._place(0))
            self._count, self.schema = directory.num_record_batches, directory.schema
            if hasattr(directory, "count_rows"):  # older versions of pyarrow do not say it
                self._rows = directory.count_rows()
            self._in_stream = self._begins_stream()
        else:
            self.schema = self._ipc.open_stream(self._place(self._begin)).schema

    @property
    def rows(self) -> int | None:
        """See BatchFile: heads of the batches say it, which nobody finds in a stream before they come."""
        return self._rows

    def unpacked(self, features: set[str], others: set[str]) -> int:
        """See BatchFile: what is not compressed is not unpacked, of what is compressed nobody says how much it is."""
        return 0

    def batches(self, features: Sequence[str], others: Sequence[str]) -> Iterator[Any]:
        """See BatchFile. Each is checked first: offsets that lead out of it would be followed."""
        names = {*features, *others}
        fields = sorted(map(self.schema.names.index, names))
        for batch in self._waiting or self._whole(self._ipc.IpcReadOptions(included_fields=fields)):
            if self._waiting is not None:
                batch = batch.select([self.schema.names[field] for field in fields])
            batch.validate(full=True)
            for start in range(0, batch.num_rows, PIECE_ROWS):
                yield batch.slice(start, PIECE_ROWS)

    def _whole(self, options: Any) -> Iterator[Any]:
        """The batches as they were written."""
        if self._in_stream:
            yield from islice(self._ipc.open_stream(self._place(self._begin), options=options), self._count)
            return
        directory = self._ipc.open_file(self._place(0), options=options)
        yield from map(directory.get_batch, range(directory.num_record_batches))

    def _begins_stream(self) -> bool:
        """Whether the stream of a file has the schema that its directory has."""
        try:
            schema = self._ipc.open_stream(self._place(self._begin)).schema
        except (self._arrow.ArrowException, OSError):
            return False
        return bool(schema.equals(self.schema))

    def _place(self, start: int) -> Any:
        """The file from this byte on."""
        if self._mapped is not None:
            return self._arrow.BufferReader(self._mapped.slice(start))
        self._file.seek(start)
        return self._arrow.PythonFile(self._file, mode="r")


def _mapped(arrow: Any, file: BinaryIO) -> Any:
    """The file as a buffer that takes no memory; None where it cannot be mapped."""
    try:
        return arrow.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None
