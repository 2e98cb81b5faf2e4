"""Whoever a population run sets aside is somebody the hook answers nothing for, and in whom it finds no MS."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.advice import advise
from cds.calls import read_call
from cds.fhir.resources import type_of
from cds.population.export import Piece
from cds.population.gather import FAILURE
from cds.population.job import Job
from cds.population.lines import head_of, owner_of, salvaged
from cds.population.suspects import IS_SUSPECT, find, marked, place_of, settles, speaks_of_ms
from cds.protocol.discovery import KEY_OF_TYPE
from tests.unit.population_exports import AS_OF, content, requests, resources

SNOMED, ICD = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"
CODES: tuple[Any, ...] = (
    {"coding": [{"system": SNOMED, "code": "44465007", "display": "Sprain of ankle"}]},
    {"coding": [{"system": SNOMED, "code": "44465007"}]},
    {"coding": [{"system": ICD, "code": "M17.9", "display": "Osteoarthritis of knee"}], "text": "Gonarthrosis"},
    {"coding": [{"system": SNOMED, "code": "426373005"}]},
    {"coding": [{"system": ICD, "code": "G35.A", "display": "RRMS"}]},
    {"coding": [{"system": ICD, "code": "G37.9"}], "text": "CIS"},
    {"coding": [{"system": "urn:local", "code": "17"}], "text": "Multiple sclerosis"},
    {"coding": [{"system": "urn:local", "code": "17"}]},
    {"text": "possible MS"},
    {"text": "Mother has multiple sclerosis"},
    {"text": "NMOSD"},
    {"text": "Radiologically isolated syndrome"},
    {"text": "Relapse of multiple sclerosis with optic neuritis"},
    {"text": ""},
    {"coding": []},
    {"coding": [None]},
    {"coding": {"system": SNOMED, "code": "426373005"}},
    {"coding": [{"system": SNOMED, "code": 426373005}]},
    {},
    None,
    "multiple sclerosis",
    ["multiple sclerosis"],
)
ODD: tuple[dict[str, Any], ...] = (
    {},
    {"id": 4},
    {"id": None},
    {"subject": None, "patient": {"reference": "Patient/PATIENT"}},
    {"subject": "Patient/PATIENT"},
    {"subject": {"reference": "https://ehr.example/Patient/PATIENT/_history/3"}},
    {"subject": {"reference": "urn:uuid:PATIENT"}},
    {"verificationStatus": {"coding": [{"code": "provisional"}]}},
    {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
    {"clinicalStatus": 7},
    {"onsetDateTime": "soon"},
    {"recordedDate": {}},
    {"contained": [{"resourceType": "Medication", "code": {"text": "multiple sclerosis"}}], "onsetDateTime": "soon"},
    {"vaccineCode": {"text": "multiple sclerosis"}, "onsetDateTime": "soon"},
    {"medicationCodeableConcept": {"text": "multiple sclerosis"}, "onsetDateTime": "soon"},
    {"medication": "multiple sclerosis", "onsetDateTime": "soon"},
    {"note": [{"text": "Known MS since 2011"}]},
    {"evidence": [{"code": [{"text": "multiple sclerosis"}]}]},
    {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
    {"resourceType": "Observation", "status": "final"},
)
CUTS = (None, None, None, None, 3, 40, -1, -30)


def condition(number: int, patient: str, code: Any, odd: dict[str, Any]) -> bytes:
    made = {"resourceType": "Condition", "id": f"x{number}", "subject": {"reference": f"Patient/{patient}"}, "code": code, **odd}
    return orjson.dumps(made).replace(b"PATIENT", patient.encode())


@st.composite
def charts(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """Everything but the diagnoses of a synthetic patient, and other diagnoses, whole, odd or broken."""
    patient = draw(st.sampled_from(sorted(requests())))
    lines = [orjson.dumps(one) for one in resources(requests()[patient]) if one["resourceType"] not in ("Condition", "OperationOutcome")]
    for number in range(draw(st.integers(0, 3))):
        line = condition(number, patient, draw(st.sampled_from(CODES)), draw(st.sampled_from(ODD)))
        lines.insert(draw(st.integers(0, len(lines))), line[: draw(st.sampled_from(CUTS))])
    return patient, lines


def asked(patient: str, lines: list[bytes]) -> Any:
    """What the hook makes of all of them. For a line that is no resource stands the error that a server would send instead."""
    prefetch: dict[str, Any] = {key: {"resourceType": "Bundle", "type": "searchset", "entry": []} for key in KEY_OF_TYPE.values()}
    for line in lines:
        try:
            resource, type_ = orjson.loads(line), type_of(orjson.loads(line))
        except orjson.JSONDecodeError:
            resource, type_ = orjson.loads(FAILURE), salvaged(line, PIECE)[0] or "Condition"
            if patient not in salvaged(line, PIECE)[1]:
                continue
        if type_ == "Patient":
            prefetch["patient"] = resource
        elif (head := head_of(line)) is None or owner_of(head) == patient:
            prefetch.setdefault(KEY_OF_TYPE.get(type_, type_), {"resourceType": "Bundle", "entry": []})["entry"].append(
                {"resource": resource}
            )
    chart, trigger = read_call("patient-view", patient, prefetch, content())
    return advise(content(), chart, trigger, AS_OF)


PIECE = Piece(0, Path("everything.ndjson"), 0, None)


def is_suspect(patient: str, lines: list[bytes]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PIECE.path.name
        path.write_bytes(b"\n".join(lines))
        return bool(marked([find(Job(AS_OF), Piece(0, path, 0, None))])[place_of(patient)] & IS_SUSPECT)


def test_absence_of_ms_settles_every_summary():
    assert settles(content())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(charts())
def test_nothing_is_said_of_whoever_is_set_aside(chart: tuple[str, list[bytes]]) -> None:
    patient, lines = chart
    advice = asked(patient, lines)
    if not is_suspect(patient, lines):
        assert advice.context.facts["ms"].value == "absent"
        assert not advice.cards


@pytest.mark.parametrize("code", CODES)
def test_no_code_that_makes_ms_anything_but_absent_is_passed_over(code: Any):
    line = condition(0, "no-ms", code, {})
    if asked("no-ms", [line]).context.facts["ms"].value != "absent":
        assert is_suspect("no-ms", [line])


def test_no_code_of_the_value_sets_is_passed_over():
    speaks, rules, terminology = speaks_of_ms(content()), content().rules.diagnosis, content().terminology
    wanted = (*rules.ms.ms, *rules.ms.cis, *rules.ms.ris, *rules.subtype.value_sets)
    codes = [code for name in wanted for code in terminology.value_sets[name].codes if code.role == "include"]
    assert len(codes) > 20
    for code in codes:
        assert speaks(orjson.dumps({"coding": [{"system": code.system, "code": code.code}]})), code.code


def test_the_ankle_is_passed_over():
    """Else the tests above would prove nothing."""
    assert not is_suspect("no-ms", [condition(0, "no-ms", CODES[0], {}), condition(1, "no-ms", CODES[2], {})])
    assert not speaks_of_ms(content())(orjson.dumps(CODES[10]))
