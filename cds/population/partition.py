"""First half of a run: the lines of an export, sorted into small files that each hold whole patients.

Memory stays bounded whatever the size of the export: a line is written to the file of its patient's share and forgotten.
"""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cds.protocol.discovery import KEY_OF_TYPE

SHARE_BYTES = 32 * 1024 * 1024
"""Size of one share, more or less; what a worker holds in memory at a time."""
MOST_SHARES = 200
"""Files open at a time at the most."""
MEDICATIONS = "medications.sqlite3"
_PACKED = 8
"""How much larger a compressed file is taken to be once unpacked."""


class ExportError(ValueError):
    """An export that cannot be used; the message says which file and why."""


class _Reference(msgspec.Struct):
    reference: str = ""


class _Line(msgspec.Struct):
    resourceType: str  # noqa: N815 (name of FHIR)
    id: str = ""
    subject: _Reference | None = None
    patient: _Reference | None = None


_DECODE = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True)
class Sorted:
    """What was sorted: the shares, the types that the export holds, and lines that belong to nobody."""

    shares: int
    types: tuple[str, ...]
    unread_lines: int
    ownerless: int


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The NDJSON files among paths and in folders, in the order of their names. Raises `ExportError` if there is none."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(one for pattern in ("*.ndjson", "*.ndjson.gz") for one in path.rglob(pattern)) if path.is_dir() else [path]
        found += inside
    if not found:
        raise ExportError("there is no .ndjson or .ndjson.gz file in the folder")
    for path in found:
        if not path.is_file():
            raise ExportError(f"{path}: there is no such file")
    return list(dict.fromkeys(found))


def sort_by_patient(files: Iterable[Path], folder: Path) -> Sorted:
    """Write every line into the share of its patient, `share-000.ndjson` and so on, and Medications into a table by id.

    A line that is no resource is counted, and so is a resource that names no patient. Raises `ExportError` for a file that cannot
    be read to its end.
    """
    files = list(files)
    size = sum(path.stat().st_size * (_PACKED if path.suffix == ".gz" else 1) for path in files)
    shares = max(1, min(MOST_SHARES, size // SHARE_BYTES + 1))
    counts: Counter[str] = Counter()
    types = {kind for path in files if (kind := path.name.split(".")[0]) in KEY_OF_TYPE}
    with ExitStack() as stack:
        out = [stack.enter_context((folder / f"share-{number:03}.ndjson").open("wb")) for number in range(shares)]
        medications = stack.enter_context(closing(sqlite3.connect(folder / MEDICATIONS)))
        medications.execute("DROP TABLE IF EXISTS medication")
        medications.execute("CREATE TABLE medication (id TEXT PRIMARY KEY, line BLOB) WITHOUT ROWID")
        for path in files:
            for line in _lines(path):
                try:
                    head = _DECODE(line)
                except (msgspec.MsgspecError, RecursionError):
                    counts["unread"] += 1
                    continue
                types.add(head.resourceType)
                if head.resourceType == "Medication":
                    medications.execute("INSERT OR REPLACE INTO medication VALUES (?, ?)", (head.id, line))
                elif owner := _owner(head):
                    out[zlib.crc32(owner.encode()) % shares].write(owner.encode() + b"\t" + line + b"\n")
                else:
                    counts["ownerless"] += 1
        medications.commit()
    return Sorted(shares, tuple(sorted(types)), counts["unread"], counts["ownerless"])


def _owner(head: _Line) -> str:
    """The bare id of the patient that a resource is, or speaks of."""
    if head.resourceType == "Patient":
        return head.id
    reference = (head.subject or head.patient or _Reference()).reference.partition("/_history/")[0]
    before, _, id = reference.rpartition("/")
    return (id if before.rpartition("/")[2] == "Patient" else "") if before else id.removeprefix("urn:uuid:")


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that are not empty."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                if stripped := line.strip():
                    yield stripped
    except (OSError, EOFError, zlib.error) as error:
        raise ExportError(f"{path}: cannot be read to its end ({type(error).__name__})") from error
