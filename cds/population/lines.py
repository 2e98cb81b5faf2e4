"""The lines of an export: what each is, whose it is, and what can be salvaged from one that is broken."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator

import msgspec
import orjson

from cds.fhir.references import id_of, target_of
from cds.fhir.resources import type_of
from cds.population.export import ExportError, Piece, is_packed

_ID = re.compile(r"[A-Za-z0-9._-]{1,512}")
_PATIENT_REFERENCE = re.compile(rb'"reference"\s*:\s*"(?:[^"]*/)?Patient/([A-Za-z0-9._-]{1,512})')
_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]+)"')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_READ_AT_ONCE = 1 << 20


class Reference(msgspec.Struct, gc=False):
    """A reference, of which only the address counts."""

    reference: str = ""


class Head(msgspec.Struct, gc=False):
    """What is read of every line."""

    resourceType: str  # noqa: N815 (name of FHIR)
    id: str = ""
    subject: Reference | None = None
    patient: Reference | None = None


_DECODE = msgspec.json.Decoder(Head).decode


def lines_of(piece: Piece) -> Iterator[bytes]:
    """The lines of a piece that are not empty. Raises `ExportError` if the file cannot be read to its end."""
    try:
        with gzip.open(piece.path, "rb") if is_packed(piece.path) else piece.path.open("rb", _READ_AT_ONCE) as file:
            place = 0
            if piece.start:
                file.seek(piece.start - 1)
                place = piece.start - 1 + len(file.readline())
            for line in file:
                if piece.end is not None and place >= piece.end:
                    return
                first, place = not place, place + len(line)
                if stripped := (line.removeprefix(_BYTE_ORDER_MARK) if first else line).strip():
                    yield stripped
    except (OSError, EOFError, zlib.error) as error:
        raise ExportError(f"{piece.path}: cannot be read to its end ({type(error).__name__})") from error


def head_of(line: bytes) -> Head | None:
    """The head of a line; None if the line is no JSON object that says its type. Odd elements are read as the chart would read them."""
    try:
        return _DECODE(line)
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    type_ = type_of(raw) if isinstance(raw, dict) else None
    if type_ is None:
        return None
    about = [_reference(raw.get(name)) for name in ("subject", "patient")]
    return Head(type_, id_of(raw) or "", *about)


def is_id(text: str) -> bool:
    """Whether a text can be the id of a resource, also one that is longer than FHIR allows."""
    return _ID.fullmatch(text) is not None


def owner_of(head: Head) -> str:
    """The bare id of the patient that a resource is, or speaks of; empty if it names none."""
    if head.resourceType == "Patient":
        return head.id if is_id(head.id) else ""
    about = head.subject or head.patient
    if about is None:
        return ""
    text = about.reference
    if text.startswith("Patient/") and _ID.fullmatch(text, 8):
        return text[8:]
    target = target_of(text, {})
    return target[1] if target is not None and target[0] in (None, "Patient") else ""


def salvaged(line: bytes, piece: Piece) -> tuple[str, list[str]]:
    """Of a broken line: its type, empty if that cannot be told, and the patients it names."""
    named = _TYPE.search(line)
    type_ = named[1].decode() if named else piece.type
    return type_, list(dict.fromkeys(id.decode() for id in _PATIENT_REFERENCE.findall(line)))


def is_error(line: bytes) -> bool:
    """Whether an OperationOutcome tells of an error, not only of a warning; one that cannot be read counts as an error."""
    try:
        issues = orjson.loads(line).get("issue")
    except orjson.JSONDecodeError:
        return True
    if not isinstance(issues, list) or not issues:
        return True
    return any(not isinstance(issue, dict) or issue.get("severity") not in ("warning", "information") for issue in issues)


def _reference(value: object) -> Reference | None:
    text = value.get("reference") if isinstance(value, dict) else value
    return Reference(text) if isinstance(text, str) else None
