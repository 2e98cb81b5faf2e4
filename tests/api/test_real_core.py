"""The whole way: synthetic patients through the wire and the real content (contract 2.6, 2.10, 2.18)."""

from __future__ import annotations

import copy
import re
import socket
from datetime import date
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from cds.advice import Policy
from cds.api.advice import core_of
from cds.content import Content, load_content
from cds.deck.lengths import DETAIL_LIMIT, read_length
from cds.protocol.discovery import PREFETCH, SERVICES
from cds.vignette.expand import expand
from cds.vignette.patients import load_patients
from tests.api.samples import OPTIONAL, authorization, bundle, operation_outcome

AS_OF = date(2026, 11, 20)
PATIENTS = load_patients(Path(__file__).parents[2] / "seeds" / "patients")
FAILURE = """M38, RRMS since 2019
EDSS 3.5 on 2026-05-10
ocrelizumab since 2024-01, last 2026-07
MRI 2024-07: clean
MRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)"""
MEDICATION = OPTIONAL[:3]
SERVICE_OF = {service.hook: service.id for service in SERVICES}


@cache
def content() -> Content:
    return load_content()


@pytest.fixture
def wire(make_wire):
    return make_wire(core_of(content(), Policy()), as_of=AS_OF)


def topics(response) -> list[str]:
    assert response.status_code == 200
    return [card["source"]["topic"]["code"] for card in response.json()["cards"]]


def without_uuids(response) -> list[dict]:
    return [{**card, "uuid": ""} for card in response.json()["cards"]]


def failure(**changes) -> dict:
    """A patient whose high-efficacy drug has failed; `changes` replace prefetch keys, `...` leaves one out."""
    body = expand(FAILURE, AS_OF).request("patient-view")
    body["prefetch"] = {key: value for key, value in (body["prefetch"] | changes).items() if value is not ...}
    return body


@pytest.mark.row(
    "CH-CARD-03", "CH-CARD-11", "CH-CARD-12", "CH-CARD-13", "CH-SAFE-01", "CH-SAFE-03", "CH-RESP-05", "CH-SRC-04", "CH-LINK-01", "CH-GEN-02"
)
@pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS)
def test_ch_card_every_synthetic_patient(make_wire, patient):
    wire = make_wire(core_of(content(), Policy()), as_of=patient.as_of)
    body = patient.expand().request("patient-view")
    response = wire.call(body)
    birth_date = body["prefetch"]["patient"].get("birthDate", "none")
    for text in (patient.name, birth_date):
        assert text not in response.text
    for card in response.json()["cards"]:
        detail = card["detail"]
        assert read_length(detail) <= DETAIL_LIMIT
        cited = set(re.findall(r"\]\((https://[^)]*)\)", detail))
        assert cited <= {link["url"] for link in card.get("links", [])}
        assert f"Chart as of {patient.as_of}; content {content().edition.version}" in detail
        assert not re.search(r"\b(card (above|below)|previous card|next card)\b", detail)
    assert without_uuids(wire.call(body)) == without_uuids(response)


@pytest.mark.row("CH-PERF-02")
def test_ch_perf_02_no_network_is_touched(wire, monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert "ahsct" in topics(wire.call(failure()))


@pytest.mark.row("CH-SAFE-02", "CH-PD-06", "CH-412-02")
@pytest.mark.parametrize("value", [operation_outcome(), "<html>", bundle(operation_outcome())], ids=["outcome", "HTML", "bundle"])
@pytest.mark.parametrize("key", ["medicationRequests", "medicationStatements", "medicationAdministrations", "procedures", "allergies"])
def test_ch_safe_02_what_was_not_read_is_named(wire, key, value):
    texts = [card["detail"] for card in wire.call(failure(**{key: value})).json()["cards"]]
    assert texts
    for text in texts:
        assert re.search(r"(?i)could not be read|unreadable|not read", text), text


@pytest.mark.row("CH-PD-13")
def test_ch_pd_13_references_in_any_form_give_the_same_cards(wire):
    plain = failure()
    expected = without_uuids(wire.call(plain))
    requests = plain["prefetch"]["medicationRequests"]["entry"]
    assert requests
    for form in ("contained", "sibling", "absolute"):
        body = copy.deepcopy(plain)
        entries = body["prefetch"]["medicationRequests"]["entry"]
        for number, entry in enumerate([entry for entry in entries if "medicationCodeableConcept" in entry["resource"]]):
            resource = entry["resource"]
            drug = {"resourceType": "Medication", "id": f"drug{number}", "code": resource.pop("medicationCodeableConcept")}
            address = f"https://ehr.example/fhir/Medication/{drug['id']}"
            reference = {"contained": f"#{drug['id']}", "sibling": f"Medication/{drug['id']}", "absolute": address}[form]
            resource["medicationReference"] = {"reference": reference}
            if form == "contained":
                resource["contained"] = [drug]
            else:
                entries.append({"fullUrl": address, "resource": drug})
        assert [card["source"]["topic"] for card in without_uuids(wire.call(body))] == [card["source"]["topic"] for card in expected], form


@pytest.mark.row("CH-PD-13", "CH-REQ-16")
def test_ch_pd_13_absolute_subjects_are_those_of_the_patient(wire):
    body = failure()
    for key in ("conditions", "medicationRequests", "observations"):
        for entry in body["prefetch"][key].get("entry", ()):
            subject = entry["resource"].get("subject")
            if subject:
                subject["reference"] = f"https://ehr.example/fhir/{subject['reference']}"
    assert topics(wire.call(body)) == topics(wire.call(failure()))


@pytest.mark.row("CH-REQ-16")
def test_ch_req_16_another_patients_data_change_nothing(wire):
    body, other = failure(), failure()
    for key in ("conditions", "medicationRequests", "observations"):
        for entry in other["prefetch"][key].get("entry", ()):
            entry["resource"]["subject"] = {"reference": "Patient/somebody-else"}
    none = {
        **body,
        "prefetch": body["prefetch"] | {key: other["prefetch"][key] for key in ("conditions", "medicationRequests", "observations")},
    }
    assert topics(wire.call(none)) == []
    mixed = copy.deepcopy(body)
    healthy = expand("M38", AS_OF).request("patient-view")["prefetch"]
    for key in ("conditions", "medicationRequests", "observations"):
        mixed["prefetch"][key] = healthy[key] | {"entry": [*healthy[key].get("entry", ()), *other["prefetch"][key].get("entry", ())]}
    assert topics(wire.call(mixed)) == []


@pytest.mark.row("CH-PD-08", "CH-412-05")
def test_ch_pd_08_a_part_of_the_diagnoses_without_ms_is_412(wire):
    next_page = [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]
    body = expand("M38\ncondition hypertension 2020", AS_OF).request("patient-view")
    assert topics(wire.call(body)) == []
    body["prefetch"]["conditions"]["link"] = next_page
    assert wire.call(body).status_code == 412
    whole = failure()
    whole["prefetch"]["conditions"]["link"] = next_page
    assert topics(wire.call(whole))


@pytest.mark.row("CH-PD-03", "CH-PD-05")
def test_ch_pd_03_outcome_entries_change_nothing(wire):
    body = failure()
    for key in ("conditions", "observations"):
        entry = {"search": {"mode": "outcome"}, "resource": operation_outcome("warning")}
        body["prefetch"][key]["entry"] = [*body["prefetch"][key]["entry"], entry]
    assert without_uuids(wire.call(body)) == without_uuids(wire.call(failure()))


@pytest.mark.row("CH-412-02")
def test_ch_412_02_a_chart_without_edss_is_answered(wire):
    body = expand("M38, RRMS since 2019", AS_OF).request("patient-view")
    assert wire.call(body).status_code == 200


@pytest.mark.row("CH-FHIR-01", "CH-PERF-03")
def test_ch_fhir_01_same_cards_by_fetching(make_wire, fhir_address, server):
    wire = make_wire(core_of(content(), Policy()), as_of=AS_OF, fhir_bases=fhir_address)
    sent = failure()
    patient_id = sent["context"]["patientId"]
    bundles = {entry.resource_type: {"body": sent["prefetch"][entry.key]} for entry in PREFETCH if not entry.is_read}
    server.answers(**bundles, **{f"Patient/{patient_id}": {"body": sent["prefetch"]["patient"]}})
    fetched = {**sent, "prefetch": {}, "fhirServer": server.base, "fhirAuthorization": authorization()}
    assert without_uuids(wire.call(fetched)) == without_uuids(wire.call(sent))
    assert len(server.asked) == len(PREFETCH)


@pytest.mark.row("CH-PERF-03")
def test_ch_perf_03_without_ms_nothing_more_is_fetched(make_wire, fhir_address, server):
    wire = make_wire(core_of(content(), Policy()), as_of=AS_OF, fhir_bases=fhir_address)
    body = expand("M38", AS_OF).request("patient-view")
    patient_id = body["context"]["patientId"]
    server.answers(**{f"Patient/{patient_id}": {"body": body["prefetch"]["patient"]}})
    body |= {"prefetch": {}, "fhirServer": server.base, "fhirAuthorization": authorization()}
    assert topics(wire.call(body)) == []
    assert sorted(server.asked) == ["Condition", f"Patient/{patient_id}"]


@pytest.mark.row("CH-SAFE-02", "CH-PD-06")
@pytest.mark.parametrize("number", range(len(OPTIONAL) + 1))
def test_ch_safe_02_whatever_could_not_be_had_there_is_an_answer(wire, number):
    """However many inputs a card has to name, it keeps to its limits."""
    for keys in combinations(OPTIONAL, number):
        assert topics(wire.call(failure(**dict.fromkeys(keys, operation_outcome()))))


@pytest.mark.row("CH-SAFE-02", "CH-PD-06")
@pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS)
def test_ch_safe_02_every_synthetic_patient_without_medication(make_wire, patient):
    wire = make_wire(core_of(content(), Policy()), as_of=patient.as_of)
    for keys in (MEDICATION[:2], MEDICATION[1:], MEDICATION[::2], MEDICATION, OPTIONAL):
        body = patient.expand().request("patient-view")
        body["prefetch"] |= dict.fromkeys(keys, operation_outcome())
        assert wire.call(body).status_code == 200


@pytest.mark.row("CH-SAFE-04")
def test_ch_safe_04_order_sign_does_not_repeat_order_select(wire, make_wire):
    vignette = expand(f"{FAILURE}\norder natalizumab", AS_OF)
    selected = wire.call(vignette.request("order-select"), SERVICE_OF["order-select"]).json()["cards"]
    assert selected
    signed = wire.call(vignette.request("order-sign"), SERVICE_OF["order-sign"]).json()["cards"]
    shown = {card["summary"] for card in selected if card["indicator"] != "warning"}
    assert not shown & {card["summary"] for card in signed}
    repeating = make_wire(core_of(content(), Policy(repeat_at_sign=True)), as_of=AS_OF)
    again = repeating.call(vignette.request("order-sign"), SERVICE_OF["order-sign"]).json()["cards"]
    assert shown & {card["summary"] for card in again}


@pytest.mark.row("CH-REQ-05")
def test_ch_req_05_without_selections_all_drafts_count(wire):
    body = expand(f"{FAILURE}\norder natalizumab", AS_OF).request("order-select")
    selected = wire.call(body, SERVICE_OF["order-select"])
    del body["context"]["selections"]
    assert without_uuids(wire.call(body, SERVICE_OF["order-select"])) == without_uuids(selected) != []


@pytest.mark.row("CH-DISC-05")
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_ch_disc_05_every_service_answers(wire, service):
    vignette = expand(f"{FAILURE}\norder natalizumab", AS_OF)
    assert wire.call(vignette.request(service.hook), service.id).status_code == 200


def test_an_order_that_does_not_concern_ms_fetches_nothing_more(make_wire, fhir_address, server):
    wire = make_wire(core_of(content(), Policy()), as_of=AS_OF, fhir_bases=fhir_address)
    body = expand(FAILURE, AS_OF).request("order-sign")
    order = {
        "resourceType": "MedicationRequest",
        "id": "x",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": "ibuprofen"},
    }
    body["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order}]}
    body["prefetch"] = {key: body["prefetch"][key] for key in ("patient", "conditions")}
    body |= {"fhirServer": server.base, "fhirAuthorization": authorization()}
    assert topics(wire.call(body, SERVICE_OF["order-sign"])) == []
    assert server.log == []
