"""Medicines beside the MS drugs that contraindicate one: their names, and what the status of an order says of them (section 4)."""

import pytest
from reading_charts import read

ANTIARRHYTHMIC, MAO = "caution.drug.antiarrhythmicIaIII", "caution.drug.maoInhibitor"


def order(medication, status="active", on="2026-06-01", **members):
    concept = {"text": medication} if isinstance(medication, str) else medication
    return {
        "resourceType": "MedicationRequest", "status": status, "intent": "order", "authoredOn": on,
        "medicationCodeableConcept": concept, **members,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Cordarone 200 mg", "Amiodaron", "Multaq", "Tikosyn", "Sotalex", "quinidine", "Chinidin"])
def test_an_antiarrhythmic_by_brand_or_in_another_language(name):
    assert read(order(name))[ANTIARRHYTHMIC].value is True


@pytest.mark.parametrize("name", ["Azilect", "Nardil", "Moclobemid 150 mg", "selegilina", "Xadago"])
def test_an_mao_inhibitor_by_brand_or_in_another_language(name):
    assert read(order(name))[MAO].value is True


@pytest.mark.parametrize("name", ["Flecainide", "sertraline", "metoprolol"])
def test_other_medicines(name):
    facts = read(order(name))
    assert (facts[ANTIARRHYTHMIC].value, facts[MAO].value) == (False, False)


def test_a_medicine_without_a_name_may_be_any():
    nameless = {"coding": [{"system": "http://fhir.de/CodeSystem/ifa/pzn", "code": "1234567"}]}
    assert read(order(nameless))[MAO].value is None


def test_no_medicines_at_all():
    absent = {"coding": [{"system": "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "code": "no-known-medications"}]}
    assert read(order(absent))[MAO].value is False
    assert read()[MAO].value is False


@pytest.mark.parametrize(("on", "expected"), [("2026-11-10", None), ("2026-01-10", False)])
def test_an_order_that_ran_out_lately_may_still_be_supplied(on, expected):
    assert read(order("amiodarone", "completed", on))[ANTIARRHYTHMIC].value is expected
    assert read(order("amiodarone", "stopped", on))[ANTIARRHYTHMIC].value is False
