# SPDX-License-Identifier: Apache-2.0
"""Stored telemetry as Parquet files and Arrow tables, one row a span, log record or data point.

usage: python -m otlpipe.parquet DIR|FILE… -o FILE.parquet [-t TABLE] [--compression NAME] [--tool PATH]

`otlpipe flat --format columns` reads the files and makes the columns; here they become Arrow arrays as
they are. It needs pyarrow (pip install 'otlpipe[parquet]') and the program otlpipe, which is
looked for in $PATH unless --tool or $OTLPIPE_TOOL says where it is. The tables and their columns are in
docs/cli.md.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

try:
    import pyarrow
    import pyarrow.parquet
except ImportError as error:  # pragma: no cover - said to people
    raise ImportError("otlpipe.parquet needs pyarrow: pip install 'otlpipe[parquet]'") from error

__all__ = ["TABLES", "ToolError", "batches", "read", "write"]

TABLES = ("traces", "logs", "gauge", "sum", "histogram", "exp_histogram", "summary")
TYPES = {
    "time": pyarrow.timestamp("ns"),
    "duration": pyarrow.duration("ns"),
    "id16": pyarrow.binary(16),
    "id8": pyarrow.binary(8),
    "text": pyarrow.string(),
    "i32": pyarrow.int32(),
    "u32": pyarrow.uint32(),
    "i64": pyarrow.int64(),
    "u64": pyarrow.uint64(),
    "f64": pyarrow.float64(),
    "bool": pyarrow.bool_(),
    "u64_list": pyarrow.list_(pyarrow.uint64()),
    "f64_list": pyarrow.list_(pyarrow.float64()),
}
WORD_BYTES = 8


class ToolError(Exception):
    """The program otlpipe could not read everything; the text is what it said."""


def _padded(size: int) -> int:
    return -(-size // WORD_BYTES) * WORD_BYTES


def _array(kind: pyarrow.DataType, rows: int, validity, offsets, data) -> pyarrow.Array:
    if pyarrow.types.is_list(kind):
        count = data.size // WORD_BYTES
        values = pyarrow.Array.from_buffers(kind.value_type, count, [None, data])
        return pyarrow.Array.from_buffers(kind, rows, [validity, offsets], children=[values])
    if pyarrow.types.is_string(kind):
        return pyarrow.Array.from_buffers(kind, rows, [validity, offsets, data])
    return pyarrow.Array.from_buffers(kind, rows, [validity, data])


class _Stream:
    """What `otlpipe flat --format columns` prints: a line of JSON, and blocks of columns."""

    def __init__(self, file) -> None:
        self.file = file
        line = file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("otlpipe flat printed no columns")
        columns = json.loads(line)["columns"]
        self.schema = pyarrow.schema([(column["name"], TYPES[column["type"]]) for column in columns])

    def take(self, size: int) -> bytes:
        data = self.file.read(size)
        if len(data) != size:
            raise EOFError("the output of otlpipe flat ends in the middle of a block")
        return data

    def words(self, count: int) -> list[int]:
        data = self.take(count * WORD_BYTES)
        return [
            int.from_bytes(data[at : at + WORD_BYTES], "little")
            for at in range(0, len(data), WORD_BYTES)
        ]

    def __iter__(self) -> Iterator[pyarrow.RecordBatch]:
        while True:
            (rows,) = self.words(1)
            if rows == 0:
                return
            sizes = self.words(3 * len(self.schema))
            block = pyarrow.py_buffer(self.take(sum(map(_padded, sizes))))
            parts, at = [], 0
            for size in sizes:
                parts.append(block.slice(at, size))
                at += _padded(size)
            arrays = [
                _array(field.type, rows, *parts[3 * number : 3 * number + 3])
                for number, field in enumerate(self.schema)
            ]
            batch = pyarrow.RecordBatch.from_arrays(arrays, schema=self.schema)
            batch.validate()
            yield batch


class _Tool:
    """The program at work. Leaving it checks its exit status."""

    def __init__(self, paths: Sequence[str], table: str, tool: str | None) -> None:
        if table not in TABLES:
            raise ValueError(f"there is no table {table!r}; there are {', '.join(TABLES)}")
        program = tool or os.environ.get("OTLPIPE_TOOL") or "otlpipe"
        command = [program, "flat", "--format", "columns", "--table", table, "--"]
        self.errors = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                [*command, *map(os.fspath, paths)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                bufsize=1 << 20,
            )
        except OSError as error:
            self.errors.close()
            raise ToolError(f"{program} cannot be run: {error.strerror}") from error

    def __enter__(self):
        return self.process.stdout

    def __exit__(self, kind, error, trace) -> None:
        self.process.stdout.close()
        status = self.process.wait()
        with self.errors:
            self.errors.seek(0)
            said = self.errors.read().decode(errors="replace").strip()
        if status != 0 and (error is None or isinstance(error, EOFError)):
            raise ToolError(said or f"otlpipe flat ended with status {status}") from error


def batches(
    paths: Sequence[str], table: str = "traces", *, tool: str | None = None
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a table, some thousands at a time. Raises ToolError at the end if something
    could not be read; what came before it is all that could be."""
    with _Tool(paths, table, tool) as output:
        yield from _Stream(output)


def read(paths: Sequence[str], table: str = "traces", *, tool: str | None = None) -> pyarrow.Table:
    """The rows of a table as one Arrow table, for pandas, polars or DuckDB."""
    with _Tool(paths, table, tool) as output:
        stream = _Stream(output)
        return pyarrow.Table.from_batches(list(stream), schema=stream.schema)


def write(
    paths: Sequence[str],
    output: str,
    table: str = "traces",
    *,
    tool: str | None = None,
    compression: str = "zstd",
) -> int:
    """Writes a Parquet file and returns how many rows it has. The file comes whole or not at all; if
    something could not be read it has the rest, and ToolError is raised."""
    part = f"{os.fspath(output)}.part-{os.getpid()}"
    rows, trouble = 0, None
    try:
        try:
            with _Tool(paths, table, tool) as source:
                stream = _Stream(source)
                with pyarrow.parquet.ParquetWriter(
                    part, stream.schema, compression=compression
                ) as writer:
                    for batch in stream:
                        writer.write_batch(batch)
                        rows += batch.num_rows
        except ToolError as error:
            if isinstance(error.__cause__, EOFError) or not os.path.exists(part):
                raise
            trouble = error
        os.replace(part, output)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    if trouble is not None:
        raise trouble
    return rows


def _main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m otlpipe.parquet", description="Writes stored telemetry as a Parquet file."
    )
    parser.add_argument("paths", nargs="+", metavar="DIR|FILE")
    parser.add_argument("-o", "--output", required=True, metavar="FILE")
    parser.add_argument("-t", "--table", choices=TABLES, default="traces")
    parser.add_argument("--compression", default="zstd", help="zstd (the default), snappy, gzip or none")
    parser.add_argument("--tool", help="the program otlpipe, if it is not in $PATH")
    options = parser.parse_args()
    try:
        write(
            options.paths, options.output, options.table,
            tool=options.tool, compression=options.compression,
        )  # fmt: skip
    except (ToolError, EOFError, OSError, pyarrow.ArrowException) as error:
        print(f"otlpipe.parquet: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
