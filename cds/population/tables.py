"""The rows of a run as a file: CSV, CSV packed, or Parquet."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from cds.population.ask import Row
from cds.population.export import ExportError

COLUMNS = Row.__struct_fields__

Write = Callable[[Path, Iterable[list[Row]]], None]
"""Writes rows, given in groups, into a new file."""


def table_for(out: Path) -> Write:
    """How a file with this name is written. Raises `ExportError` for a name that says nothing, or if PyArrow is not there for Parquet."""
    if out.name.endswith(".parquet"):
        if find_spec("pyarrow") is None:
            raise ExportError("Parquet needs PyArrow; `pip install 'ranvier[parquet]'` brings it")
        return _write_parquet
    if out.name.endswith(".csv.gz"):
        return _write_packed_csv
    if out.name.endswith(".csv"):
        return _write_csv
    raise ExportError(f"{out}: the name must end with .csv, .csv.gz or .parquet")


def _write_csv(path: Path, groups: Iterable[list[Row]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        _into(file, groups)


def _write_packed_csv(path: Path, groups: Iterable[list[Row]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        _into(file, groups)


def _into(file: IO[str], groups: Iterable[list[Row]]) -> None:
    """Lists are joined by `; `; what is not known is empty."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for rows in groups:
        writer.writerows(
            (r.patient, r.ms, "; ".join(r.topics), "; ".join(r.summaries), r.warnings, "; ".join(r.missing), r.not_read) for r in rows
        )


def _write_parquet(path: Path, groups: Iterable[list[Row]]) -> None:
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")
    words = pa.list_(pa.string())
    kinds = {"patient": pa.string(), "ms": pa.string(), "warnings": pa.int32(), "not_read": pa.int32()}
    schema = pa.schema([(name, kinds.get(name, words)) for name in COLUMNS])
    with pq.ParquetWriter(path, schema) as writer:
        for rows in groups:
            columns = [pa.array([getattr(row, name) for row in rows], schema.field(name).type) for name in COLUMNS]
            writer.write_batch(pa.record_batch(columns, schema=schema))
