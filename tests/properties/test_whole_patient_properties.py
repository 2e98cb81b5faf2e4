"""Whole patients: order, duplicates, bundles and noise change no fact; what is taken away never makes a confident no."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.content import Content, default_root, load_content
from cds.evidence.criteria import judge
from cds.explain_input import chart_of_request
from cds.patient.context import PatientContext
from cds.patient.facts import CATALOGUE
from cds.patient.read import read_patient
from cds.three_valued import Bounds
from cds.vignette.patients import load_patients

AS_OF = date(2026, 11, 20)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
LISTS = ("conditions", "medicationRequests", "medicationStatements", "medicationAdministrations", "observations", "procedures", "allergies")
DENIALS = ("none", "absent", "excluded", "notActive", "negative")
"""Words by which a fact says no. `notApplicable` is said of the person, not of the records."""
NOISE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("conditions", {"resourceType": "Condition", "code": {"text": "Tennis elbow"}, "onsetDateTime": "2026-08-01"}),
    ("procedures", {"resourceType": "Procedure", "status": "completed", "code": {"text": "Appendectomy"}, "performedDateTime": "2026-08"}),
    ("medicationRequests", {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "medicationCodeableConcept": {"text": "Vitamin D"}, "authoredOn": "2026-08-01"}),
    ("observations", {"resourceType": "Observation", "status": "final", "code": {"text": "Heart rate"}, "valueInteger": 4,
        "effectiveDateTime": "2026-08-01"}),
)  # fmt: skip


@cache
def content() -> Content:
    return load_content()


@cache
def requests() -> dict[str, dict[str, Any]]:
    return {id: patient.expand(AS_OF).request() for id, patient in load_patients(default_root() / "seeds" / "patients").items()}


def read(request: dict[str, Any]) -> PatientContext:
    chart, trigger = chart_of_request(request, content())
    return read_patient(chart, AS_OF, content(), trigger)


def values(request: dict[str, Any]) -> dict[str, Any]:
    return {name: fact.value for name, fact in read(request).facts.items()}


@cache
def known(id: str) -> PatientContext:
    return read(requests()[id])


@st.composite
def patients(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    id = draw(st.sampled_from(sorted(requests())))
    return id, copy.deepcopy(requests()[id])


@FEW
@given(patients(), st.randoms(use_true_random=False))
def test_order_duplicates_and_bundles_change_nothing(patient: tuple[str, dict[str, Any]], random: Random) -> None:
    id, request = patient
    for key in LISTS:
        if entries := (request["prefetch"].get(key) or {}).get("entry"):
            entries += copy.deepcopy(random.sample(entries, random.randint(0, len(entries))))
            random.shuffle(entries)
            cut = random.randint(0, len(entries))
            inner = {"resourceType": "Bundle", "type": "collection", "entry": entries[cut:]}
            request["prefetch"][key].pop("total", None)
            request["prefetch"][key]["entry"] = [*entries[:cut], *([{"resource": inner}] if inner["entry"] else [])]
    assert read(request) == known(id)


@FEW
@given(patients(), st.lists(st.sampled_from(NOISE), min_size=1, max_size=4))
def test_noise_changes_no_fact(patient: tuple[str, dict[str, Any]], noise: list[tuple[str, dict[str, Any]]]) -> None:
    id, request = patient
    subject = {"reference": f"Patient/{request['context']['patientId']}"}
    for number, (key, resource) in enumerate(noise):
        page = request["prefetch"].get(key)
        if isinstance(page, dict) and page.get("resourceType") == "Bundle":
            page.setdefault("entry", []).append({"resource": {**resource, "id": f"noise-{number}", "subject": subject}})
    assert read(request).facts == known(id).facts


def denied(name: str, value: Any) -> bool:
    """Whether a value says no: false, a word of denial, or a number that is certainly zero."""
    if isinstance(value, Bounds):
        return CATALOGUE[name].unit in ("relapses", "lesions", "drugs") and value.high == 0
    return value is False or value in DENIALS


UNREAD = (("conditions",), LISTS[1:4], ("observations",), ("procedures",), ("allergies",))
"""Lists that go missing together: one answered list of medications makes treatment readable (F14)."""


@FEW
@given(patients(), st.sampled_from(UNREAD), st.sampled_from(["missing", "error", "partial"]))
def test_a_list_that_cannot_be_read_makes_no_confident_no(patient: tuple[str, dict[str, Any]], keys: tuple[str, ...], how: str) -> None:
    id, request = patient
    prefetch = request["prefetch"]
    for key in keys:
        if how == "missing":
            prefetch.pop(key, None)
        elif how == "error":
            prefetch[key] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
        else:
            link = [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]
            prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "entry": [], "link": link}
    before, after = known(id).facts, read(request).facts
    flipped = {
        name: (before[name].value, after[name].value, after[name].reason)
        for name in CATALOGUE
        if denied(name, after[name].value) and not denied(name, before[name].value) and name != "treatment.readable"
    }
    if flipped:
        pytest.fail(f"{id}, {keys} {how}: {flipped}", pytrace=False)


DATED = re.compile(r"\d{4}-\d\d(?:-\d\d(?:T.+)?)?")
INSTANTS = ("lastUpdated", "issued", "effectiveInstant")
"""Elements that FHIR allows no rougher date in."""

WEAKER: dict[str, tuple[str, ...]] = {
    "ms": ("suspected",),  # confirmed or refuted last: in which order is not known (F1)
    "relapse.latest": ("uncertain",),  # an infection may be near (F4)
    "worsening.course": ("neither",),  # a relapse may be near (F10)
    "mimic": ("possible",),  # ADEM may lie before MS (F2)
}
"""Words by which a fact says that a date decides, and that it is not known well enough."""


def dates_in(node: Any, put: Callable[[str], None] | None = None) -> Iterator[tuple[str, Callable[[str], None]]]:
    """Every date of a prefetch, with the way to write another in its place."""
    if isinstance(node, str):
        if put is not None and DATED.fullmatch(node):
            yield node, put
        return
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        if key not in INSTANTS:
            yield from dates_in(child, lambda text, key=key: node.__setitem__(key, text))


def says_no_more(name: str, precise: Any, coarse: Any) -> bool:
    """Whether a fact read from rougher dates is the same, unknown, or bounds around what was known."""
    if isinstance(coarse, Bounds):
        known = precise if isinstance(precise, Bounds) else Bounds(-math.inf, math.inf)
        return coarse.low <= max(known.low, 0) and known.high <= coarse.high
    return coarse is None or coarse == precise or coarse in WEAKER.get(name, ())


@FEW
@given(patients(), st.randoms(use_true_random=False), st.sampled_from([0.1, 0.5, 1.0]), st.sampled_from([4, 7]))
def test_rougher_dates_never_flip_a_fact(patient: tuple[str, dict[str, Any]], random: Random, share: float, length: int) -> None:
    """Any dates of the chart, known to the month or year only: no fact says another thing, and none says more.

    What is guaranteed: a fact stays as it is or becomes unknown; a number becomes bounds that hold it; a word may become the word by which
    its fact says that a date leaves it open. So no criterion goes from met to notMet or back, nor from unknown to either.
    """
    id, request = patient
    for text, put in [found for found in dates_in(request["prefetch"]) if random.random() < share]:
        put(text[:length])
    before, after = known(id).facts, read(request).facts
    flipped = {
        name: (before[name].value, after[name].value, after[name].reason)
        for name in CATALOGUE
        if not says_no_more(name, before[name].value, after[name].value)
    }
    evidence = content().evidence
    for name, criterion in evidence.criteria.items():
        was, now = (judge(criterion, evidence.conditions[name], facts) for facts in (before, after))
        if now.verdict not in (was.verdict, "unknown"):
            flipped[f"criterion {name}"] = (was.verdict, now.verdict, now.reason)
    if flipped:
        pytest.fail(f"{id}, {share:.0%} of the dates cut to {length} letters: {flipped}", pytrace=False)
