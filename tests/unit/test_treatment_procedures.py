"""Infusions as sites record them (F11, F14): codes without words, drugs named only beside a general name, infusions that name none."""

import pytest
from treatment_charts import courses, facts

G35 = [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G35"}]}]
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
CPT = "http://www.ama-assn.org/go/cpt"


def procedure(code, **members):
    """A Procedure that was done in the summer of 2026."""
    concept = {"text": code} if isinstance(code, str) else {"coding": [code]}
    return {"resourceType": "Procedure", "status": "completed", "code": concept, "performedDateTime": "2026-08-01", **members}


def order(medication, **members):
    return {
        "resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2026-05-01",
        "medicationCodeableConcept": {"text": medication}, **members,
    }  # fmt: skip


def none_recorded(*resources):
    return facts(*resources)["dmt.noneRecorded"].value


@pytest.mark.parametrize(("system", "code"), [(HCPCS, "J2323"), (HCPCS, "Q5134"), ("http://hl7.org/fhir/sid/ndc", "64406-008-01")])
def test_a_drug_code_that_is_not_known_and_has_no_words_may_be_any_drug(system, code):
    assert none_recorded(procedure({"system": system, "code": code})) is None


def test_a_visit_without_words_is_no_drug():
    assert none_recorded(procedure({"system": CPT, "code": "99213"})) is True


@pytest.mark.parametrize("used", ["Tysabri 300 mg", "natalizumab"])
def test_what_was_used_names_the_drug_of_an_infusion(used):
    (course,) = courses(procedure("IV infusion therapy", usedCode=[{"text": used}]))
    assert (course.drug, course.how) == ("natalizumab", "text")
    assert none_recorded(procedure("IV infusion therapy", usedCode=[{"text": used}])) is False


def test_the_note_of_an_infusion_leaves_open_whether_the_drug_was_given():
    infusion = procedure({"system": CPT, "code": "96413", "display": "Chemotherapy administration, IV infusion"})
    assert none_recorded(infusion | {"note": [{"text": "Ocrevus 600 mg"}]}) is None
    assert [course.drug for course in courses(infusion | {"note": [{"text": "Ocrevus 600 mg"}]})] == ["ocrelizumab"]


def test_the_note_of_something_else_is_no_infusion():
    assert none_recorded(procedure("Office visit", note=[{"text": "Ocrevus discussed"}])) is True


@pytest.mark.parametrize("name", ["MS infusion", "Infusion of disease-modifying therapy"])
def test_an_infusion_for_ms_that_nobody_names(name):
    assert none_recorded(procedure(name)) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IV infusion, up to 1 hour", None),
        ("Infusion of monoclonal antibody", None),
        ("Methylprednisolone infusion", True),
        ("IV infusion, hydration", True),
        ("Intrathecal infusion via baclofen pump", True),
        ("MRI of brain", True),
    ],
)
def test_an_infusion_with_ms_as_its_reason(name, expected):
    assert none_recorded(procedure(name, reasonCode=G35)) is expected
    assert none_recorded(procedure(name)) is True


def test_an_infusion_without_a_name_does_not_cast_doubt_on_a_known_drug():
    found = facts(procedure("IV infusion", reasonCode=G35), order("Copaxone"))
    assert (found["treatment.readable"].value, found["dmt.acting"].value) == (True, "glatiramer")


@pytest.mark.parametrize("name", ["Ocrelizumab 600 mg", "Natalizumab (TYSABRI) IV", "Gabe von Ocrevus", "Perfusion de natalizumab"])
def test_words_that_say_a_drug_was_given(name):
    assert none_recorded(procedure(name)) is False


def test_a_drug_as_the_name_of_a_procedure_may_have_been_given():
    assert none_recorded(procedure("Ocrevus #3")) is None


@pytest.mark.parametrize(
    "name", ["JCV antibody before natalizumab treatment", "CBC, on Lemtrada treatment", "Hepatitis B panel, pre ocrelizumab infusion"]
)
def test_a_test_for_a_drug_is_no_drug(name):
    assert none_recorded(procedure(name)) is True


def test_a_placeholder_with_the_drug_in_its_dosage():
    (course,) = courses(order("NON-FORMULARY MEDICATION", dosageInstruction=[{"text": "Ocrelizumab 600 mg IV every 6 months"}]))
    assert (course.drug, course.ongoing) == ("ocrelizumab", True)


def test_a_placeholder_with_the_drug_in_a_note():
    assert none_recorded(order("Misc medication", note=[{"text": "Tysabri at the infusion center"}])) is None


def test_a_placeholder_for_ms_without_any_drug():
    assert none_recorded(order("NON-FORMULARY MEDICATION", reasonCode=G35)) is None
    assert none_recorded(order("NON-FORMULARY MEDICATION")) is True


def test_the_note_of_another_medicine_names_no_drug():
    assert none_recorded(order("Paracetamol 500 mg", note=[{"text": "Take before Ocrevus infusion"}])) is True


def test_a_plan_in_the_note_of_an_infusion_is_no_drug_given():
    assert none_recorded(procedure("Methylprednisolone infusion", note=[{"text": "Plan to start Ocrevus"}])) is True
