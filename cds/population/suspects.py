"""First pass: who could have MS. Only of them is the chart gathered; to all others the hook answers nothing.

A patient is set aside only if the export holds Conditions, every Condition about them was read, and none of their codes falls among
the value sets or words of MS, CIS or RIS. Then `ms` is absent, and every summary has a gate that this alone fails (`settles`).
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Collection
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path

import msgspec
import orjson
from msgspec import Struct

from cds.advice import MS_IS_ABSENT
from cds.content import Content
from cds.fhir.codes import Concept
from cds.patient.context import Fact
from cds.patient.diagnosis.unconfirmed import may_be_ms
from cds.patient.records.conditions import words_of
from cds.patient.rules import found
from cds.population.export import Piece
from cds.population.job import Job, Site, content_of
from cds.population.lines import Head, Reference, head_of, is_error, lines_of, owner_of, salvaged

PLACES = 1 << 24
"""Places for marks. Patients who share a place share its marks: some charts are then gathered in vain, none is missed."""
IS_PATIENT, IS_SUSPECT = 1, 2
ERROR = "errors that the server reported"

_ABSENT = {"ms": Fact(value="absent", reason=""), "ms.orCis": Fact(value=False, reason="")}
_REMEMBERED = 65_536


class _Coding(msgspec.Struct, gc=False):
    system: str = ""
    code: str = ""
    display: str = ""


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Coding] = []
    text: str = ""


class _Condition(msgspec.Struct, gc=False, tag_field="resourceType", tag="Condition"):
    """A Condition as nearly all are. Another one may speak of MS: it has no code, or one in a place where only a broken one has it."""

    code: msgspec.Raw
    id: str = ""
    subject: Reference | None = None
    patient: Reference | None = None
    contained: None = None
    vaccineCode: None = None  # noqa: N815 (names of FHIR)
    medication: None = None
    medicationCodeableConcept: None = None  # noqa: N815
    medicationReference: None = None  # noqa: N815


_CONDITION = msgspec.json.Decoder(_Condition).decode
_CODE = msgspec.json.Decoder(_Concept).decode


class Found(Struct, frozen=True):
    """The places of the patients and of the suspects in a piece, packed; whether it holds Conditions; and lines that are counted."""

    patients: bytes
    suspects: bytes
    conditions: bool
    left_out: Counter[str]


def place_of(patient: str) -> int:
    """Where the marks of a patient are."""
    return zlib.crc32(patient.encode()) % PLACES


def marks_in(path: Path) -> mmap:
    """The marks of all patients, shared by all processes of a machine."""
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def settles(content: Content) -> bool:
    """Whether absence of MS and CIS by itself silences every summary of the content, so that such patients may be set aside."""
    conditions = content.evidence.conditions

    def fails(id: str) -> bool:
        condition = conditions[id]
        return _ABSENT.keys() >= set(condition.facts) and condition.test(_ABSENT) is False

    refused = all(any(fails(id) for id in summary.gates + summary.limits) for summary in content.evidence.summaries.values())
    return refused and all(fails(id) for id in MS_IS_ABSENT)


def speaks_of_ms(content: Content) -> Callable[[bytes], bool]:
    """A test of a Condition's code, in JSON: false only if it has the plain form, says something, and none of it is of MS, CIS or RIS."""
    rules = content.rules.diagnosis
    value_sets = (*rules.ms.ms, *rules.ms.cis, *rules.ms.ris, *rules.subtype.value_sets)

    @lru_cache(_REMEMBERED)
    def speaks(code: bytes) -> bool:
        try:
            _CODE(code)
            concept = Concept.of(orjson.loads(code))
        except (msgspec.MsgspecError, orjson.JSONDecodeError):
            return True
        if not concept or may_be_ms(concept, content.terminology, rules.ms):
            return True
        return bool(content.terminology.match(concept, *value_sets)) or found(rules.ms.suspected_text, words_of(concept))

    return speaks


def find(job: Job, piece: Piece) -> Found:
    """The patients and the suspects in a piece."""
    speaks = _test(job.site)
    patients, suspects = array("I"), array("I")
    left_out = Counter[str]()
    conditions = False
    for line in lines_of(piece):
        try:
            condition = _CONDITION(line)
        except (msgspec.MsgspecError, RecursionError):
            odd = _odd(line, piece, left_out)
            patients.extend(place_of(id) for id in odd.get("Patient", ()))
            suspects.extend(place_of(id) for id in odd.get("Condition", ()))
            conditions |= "Condition" in odd
            continue
        conditions = True
        if speaks(bytes(condition.code)):
            suspects.append(place_of(_whose(condition)))
    return Found(patients.tobytes(), suspects.tobytes(), conditions, left_out)


def marked(found: Collection[Found]) -> bytearray:
    """The marks of all pieces together."""
    marks = bytearray(PLACES)
    for piece in found:
        for packed, bit in ((piece.patients, IS_PATIENT), (piece.suspects, IS_SUSPECT)):
            for place in array("I", packed):
                marks[place] |= bit
    return marks


def _odd(line: bytes, piece: Piece, left_out: Counter[str]) -> dict[str, list[str]]:
    """Whom a line names that is no plain Condition: as `Patient`, or as the subject of what is or may be a `Condition`."""
    head = head_of(line)
    if head is None:
        type_, named = salvaged(line, piece)
        return {"Condition": named} if type_ in ("Condition", "") else {}
    if head.resourceType == "OperationOutcome":
        left_out[ERROR] += is_error(line)
    return {head.resourceType: [owner_of(head)]}


def _whose(condition: _Condition) -> str:
    return owner_of(Head("Condition", condition.id, condition.subject, condition.patient))


@lru_cache(1)
def _test(site: Site) -> Callable[[bytes], bool]:
    return speaks_of_ms(content_of(site))
