"""Selection before reading: what is left out, and what stays in doubt."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cds.fhir.codes import Concept
from cds.fhir.probe import plain, selective

PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1980-01-01"}


def observation(id: str, words: str = "dull", **more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "http://loinc.org", "code": id, "display": words}]}
    filler = {"extension": [{"url": "urn:filler", "valueString": "x" * 300}]}
    return (
        {"resourceType": "Observation", "id": id, "status": "final", "code": code, "subject": {"reference": "Patient/p1"}} | filler | more
    )


def body(*observations: Any, total: int | None = None, **prefetch: Any) -> bytes:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in observations]}
    bundle |= {} if total is None else {"total": total}
    context = {"userId": "Practitioner/1", "patientId": "p1"}
    return orjson.dumps({"hook": "patient-view", "context": context, "prefetch": {"patient": PATIENT, "observations": bundle, **prefetch}})


def relevant(concept: Concept) -> bool:
    return "speaking" in concept.words


def ids(document: Any) -> list[Any]:
    return [entry["resource"].get("id") for entry in document["prefetch"]["observations"]["entry"]]


SPEAKING = observation("s", "speaking")
DULL = tuple(observation(f"d{n}") for n in range(5))


def test_only_what_speaks_stays_and_the_total_follows():
    document = selective(relevant)(body(*DULL, SPEAKING, total=6))
    assert ids(document) == ["s"]
    assert document["prefetch"]["observations"]["total"] == 1
    assert document["prefetch"]["patient"] == PATIENT


def test_a_list_of_useless_results_is_still_a_list_of_results():
    document = selective(relevant)(body(*DULL, total=9))
    assert len(ids(document)) == 1
    assert document["prefetch"]["observations"]["total"] == 5, "four of nine are still missing"


@pytest.mark.parametrize(
    "odd",
    [
        observation("odd", valueString="Relapse in May"),
        observation("odd", valueDateTime="2020"),
        observation("odd", note=[{"text": "a note"}]),
        observation("odd", modifierExtension=[{"url": "urn:x"}]),
        observation("odd", subject={"reference": "Patient/p2"}),
        observation("odd", subject={"display": "somebody"}),
        observation("odd", component=[{"code": {"text": "speaking"}}]),
        observation("odd", component={"code": {"text": "dull"}}),
        observation("odd", code={"text": 5}),
        observation("odd", "dull " * 100),
        observation("odd", code=[{"text": "dull"}]),
        observation("odd", status=None),
        observation("odd") | {"resourceType": "Encounter"},
        {name: value for name, value in observation("odd").items() if name != "code"},
    ],
)
def test_in_doubt_it_stays(odd: dict[str, Any]):
    assert "odd" in ids(selective(relevant)(body(*DULL, odd)))


def test_what_something_refers_to_stays():
    pointing = observation("s", "speaking", hasMember=[{"reference": "Observation/d1"}])
    further = observation("d1", hasMember=[{"reference": "https://ehr.example/Observation/d2/_history/3"}])
    assert ids(selective(relevant)(body(DULL[0], further, DULL[2], pointing))) == ["d1", "d2", "s"]


def test_every_version_of_what_stays_stays():
    other = observation("s", "dull", meta={"lastUpdated": "2026-01-01T00:00:00Z"})
    assert ids(selective(relevant)(body(*DULL, SPEAKING, other))) == ["s", "s"]


def test_a_bundle_with_something_unknown_in_it_stays_whole():
    whole = plain(body(*DULL))["prefetch"]["observations"] | {"vendor": True}
    assert len(ids(selective(relevant)(body(observations=whole)))) == 5


@pytest.mark.parametrize(
    "bad", [body(*DULL)[:-1], body(*DULL) + b"x", b"\xef\xbb\xbf" + body(*DULL), body(*DULL).replace(b"dull", b"d\xff")]
)
def test_what_is_no_json_is_none_here_either(bad: bytes):
    with pytest.raises(orjson.JSONDecodeError):
        plain(bad)
    with pytest.raises(orjson.JSONDecodeError):
        selective(relevant)(bad)


@pytest.mark.parametrize("value", [b"[]", b"5", b'{"prefetch": 1}' + b" " * 2000, b'{"context": 1, "prefetch": {}}' + b" " * 2000])
def test_other_json_is_as_it_is(value: bytes):
    assert selective(relevant)(value) == plain(value)
