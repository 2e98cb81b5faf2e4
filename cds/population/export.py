"""What a FHIR Bulk Data export consists of: its files, what its manifest says of them, and the pieces they are read in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from msgspec import Struct

from cds.fhir.resources import BEARS_ON_FACTS
from cds.mendable import MendableError
from cds.protocol.discovery import KEY_OF_TYPE

PIECE_BYTES = 64 * 1024 * 1024
"""Size of a piece of a file, in bytes; a compressed file is one piece."""
PACKED = 8
"""How much larger a compressed file is taken to be once unpacked."""
MANIFEST = "manifest.json"
_LINES = (".ndjson", ".ndjson.gz")
_OF_DATA = (".json", ".jsonl", ".gz", ".bz2", ".xz", ".zst", ".zip")
"""How files end that may hold resources, but not as lines that can be read."""
_NARROWED = ("_since", "_typeFilter", "_elements")
"""Parameters of an export that leave out a part of what a server holds of a type."""


class ExportError(MendableError, ValueError):
    """An export that cannot be used, or a run that cannot go on; the message says why and what to do."""


class Export(Struct, frozen=True):
    """The files of an export, and the resource types that were asked for; `partly` says why it may not be whole, empty if it is."""

    files: tuple[Path, ...]
    types: frozenset[str]
    partly: str = ""


class Piece(Struct, frozen=True):
    """The lines of a file that begin from `start` to before `end`, in bytes; to the end of the file if `end` is None."""

    number: int
    path: Path
    start: int
    end: int | None

    @property
    def type(self) -> str:
        """The resource type that the name of the file begins with, empty if it names none that is read."""
        return type_in_name(self.path)


def type_in_name(path: Path) -> str:
    """`Condition` for `Condition.000.ndjson.gz`, `Condition-2.ndjson` or `1.Condition.ndjson`; empty for other names."""
    words = path.name.replace("-", ".").replace("_", ".").split(".")
    return next((word for word in words[:2] if word in BEARS_ON_FACTS), "")


def export_of(paths: Iterable[Path]) -> Export:
    """The export in these files and folders.

    The types asked for are those that the manifest's request names (all that are read, if it names none), else those of the files'
    names. Raises `ExportError` if there is no file, or a file is missing that the manifest lists.
    """
    paths = list(paths)
    files = tuple(dict.fromkeys(file for path in paths for file in _files(path)))
    if not files:
        raise ExportError("there is no .ndjson or .ndjson.gz file in the folder")
    manifests = [found for path in paths if path.is_dir() and (found := path / MANIFEST).is_file()]
    types = frozenset(type_ for path in files if (type_ := type_in_name(path)) in KEY_OF_TYPE)
    partly = ""
    for path in manifests:
        asked, why = _told(path, {file.name for file in files})
        types |= asked
        partly = partly or why
    return Export(files, types, partly)


def pieces_of(files: Iterable[Path]) -> list[Piece]:
    """The files cut into pieces, numbered through."""
    cuts = [(path, *cut) for path in files for cut in _cuts(path)]
    return [Piece(number, path, start, end) for number, (path, start, end) in enumerate(cuts)]


def unpacked_bytes(files: Iterable[Path]) -> int:
    """Size of all lines, more or less."""
    return sum(path.stat().st_size * (PACKED if is_packed(path) else 1) for path in files)


def is_packed(path: Path) -> bool:
    """Whether the lines of a file are compressed with gzip, by its name."""
    return path.suffix.lower() == ".gz"


def _files(path: Path) -> list[Path]:
    """The file, or those of a folder. A file of the folder that seems to be a part of the export is not left aside in silence."""
    if path.is_dir():
        files = []
        for one in sorted(one for one in path.rglob("*") if one.is_file()):
            if one.name.lower().endswith(_LINES):
                files.append(one)
            elif type_in_name(one) and one.name.lower().endswith(_OF_DATA):
                raise ExportError(f"{one}: is neither .ndjson nor .ndjson.gz; unpack or convert it, or move it out of the folder")
        return files
    if not path.is_file():
        raise ExportError(f"{path}: there is no such file")
    return [path]


def _cuts(path: Path) -> Iterator[tuple[int, int | None]]:
    size = path.stat().st_size
    if is_packed(path) or size <= PIECE_BYTES:
        yield 0, None
    else:
        yield from ((start, min(start + PIECE_BYTES, size)) for start in range(0, size, PIECE_BYTES))


def _told(path: Path, present: set[str]) -> tuple[frozenset[str], str]:
    """The types that the export asked for, and why it may not be whole, by its manifest."""
    try:
        manifest: Any = orjson.loads(path.read_bytes())
        listed = {Path(urlsplit(str(item["url"])).path).name: item["type"] for item in manifest["output"]}
        request = parse_qs(urlsplit(str(manifest.get("request", ""))).query)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{path}: is no manifest of a Bulk Data export ({type(error).__name__})") from error
    known = {name: {name, f"{name}.gz", f"{name}.ndjson", f"{name}.ndjson.gz"} & present for name in listed}
    absent = sorted(name for name, found in known.items() if not found and listed[name] in BEARS_ON_FACTS)
    if absent and any(known.values()):
        raise ExportError(f"{path}: lists {absent[0]}, which is not in the folder")
    asked = {type_ for value in request.get("_type", ()) for type_ in value.split(",")} or (
        set(KEY_OF_TYPE) if "request" in manifest else set()
    )
    narrowed = next((name for name in _NARROWED if name in request), "")
    return frozenset(asked & set(KEY_OF_TYPE)), f"its manifest says that it was made with {narrowed}" if narrowed else ""
