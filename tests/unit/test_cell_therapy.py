"""F17 on shapes that no vignette line writes."""

import pytest
from reading_charts import ICD10CM, MS, SNOMED, concept, condition, read

AHSCT = concept(SNOMED, "709115004")


def procedure(code, status="completed", **members):
    return {"resourceType": "Procedure", "status": status, "code": code} | members


def test_the_reason_by_reference():
    ms = condition(MS, id="ms")
    done = procedure(AHSCT, reasonReference=[{"reference": "Condition/ms"}], performedDateTime="2022-05-20")
    facts = read(ms, done)
    assert facts["priorHsct"].value == "autologousForMs"
    assert facts["priorHsct.monthsAgo"].value.exact == 54


def test_a_period_counts_from_its_start():
    done = procedure(AHSCT, reasonCode=[MS], performedPeriod={"start": "2022-05-20", "end": "2022-06-20"})
    assert read(done)["priorHsct.monthsAgo"].value.exact == 54


def test_a_reason_that_is_another_disease():
    assert read(procedure(AHSCT, reasonCode=[{"text": "Systemic sclerosis"}]))["priorHsct"].value == "autologousOther"


def test_a_procedure_done_on_a_day_ahead_has_one_of_the_two_wrong():
    assert read(procedure(AHSCT, reasonCode=[MS], performedDateTime="2027-02-01"))["priorHsct"].value is None
    assert read(procedure(AHSCT, "preparation", reasonCode=[MS], performedDateTime="2027-02-01"))["priorHsct"].value == "planned"


@pytest.mark.parametrize(("status", "kind"), [("preparation", "planned"), ("on-hold", "planned"), ("not-done", "none"), ("unknown", None)])
def test_status_decides(status, kind):
    assert read(procedure(AHSCT, status, reasonCode=[MS]))["priorHsct"].value == kind


def test_an_order_that_is_revoked_is_no_plan():
    order = {"resourceType": "ServiceRequest", "status": "revoked", "intent": "order", "code": AHSCT}
    assert read(order)["priorHsct"].value == "none"


def test_an_active_order_is_a_plan_whether_or_not_it_names_a_date():
    order = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": AHSCT}
    assert read(order)["priorHsct"].value == "planned"


def test_a_history_of_transplantation_that_was_refuted():
    assert read(condition(concept(ICD10CM, "Z94.84"), verification="refuted"))["priorHsct"].value == "none"


def test_stem_cells_of_unstated_kind_are_not_none():
    facts = read(procedure({"text": "Stem cell therapy"}, performedDateTime="2021"))
    assert facts["priorHsct"].value is None
    assert facts["priorHsct.forMs"].value is None


def test_mesenchymal_stem_cell_therapy_is_not_of_unstated_kind():
    facts = read(procedure({"text": "Mesenchymal stem cell therapy"}, performedDateTime="2021"))
    assert facts["priorHsct"].value == "none"
    assert facts["msc.recorded"].value is True


def test_a_car_t_product_as_an_administered_medicine():
    given = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"text": "axicabtagene ciloleucel"},
        "effectiveDateTime": "2025-03-01",
    }
    assert read(given)["carT.recorded"].value is True
    assert read(given | {"status": "not-done"})["carT.recorded"].value is False


def test_two_transplantations_the_latest_counts_for_the_months():
    first = procedure(AHSCT, reasonCode=[MS], performedDateTime="2015-05-20")
    second = procedure(AHSCT, reasonCode=[MS], performedDateTime="2024-05-20")
    facts = read(first, second)
    assert facts["priorHsct.monthsAgo"].value.exact == 30
    assert len(facts["priorHsct"].resources) == 2


def test_an_order_that_was_carried_out_is_not_nothing():
    order = {"resourceType": "ServiceRequest", "intent": "order", "code": AHSCT, "authoredOn": "2022-10-01"}
    facts = read(order | {"status": "completed"})
    assert (facts["priorHsct"].value, facts["priorHsct.forMs"].value) == (None, None)
    assert facts["priorHsct"].resources


def test_a_consultation_that_was_carried_out_is_no_transplantation():
    order = {"resourceType": "ServiceRequest", "status": "completed", "intent": "order", "code": {"text": "Referral for HSCT"}}
    assert read(order)["priorHsct.forMs"].value is False


def test_a_procedure_that_names_a_kind_of_mesenchymal_cell():
    for text in ("Intrathecal MSC-NP", "Adipose-derived stem cells", "Umbilical cord MSC IV", "MSCs"):
        assert read(procedure({"text": text}, performedDateTime="2022"))["msc.recorded"].value is True


def test_words_of_a_work_up_are_a_plan():
    assert read(procedure({"text": "HSCT evaluation"}, performedDateTime="2022"))["priorHsct"].value == "planned"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("autologe stamceltransplantatie", "autologousIndicationUnknown"),
        ("Transfusion von peripher gewonnenen hämatopoetischen Stammzellen: Autogen", "autologousIndicationUnknown"),
        ("Entnahme von Stammzellen zur Transplantation: Autogen", "none"),
        ("TCPH autólogo", "autologousIndicationUnknown"),
        ("Z.n. aHSZT", "autologousIndicationUnknown"),
        ("Reinfusion of autologous CD34+ cells", "autologousIndicationUnknown"),
        ("Stem cell reinfusion", "autologousIndicationUnknown"),
        ("HPC(A) infusion", "autologousIndicationUnknown"),
        ("Autologous hematopoietic stem cell collection", "harvestOnly"),
    ],
)
def test_cells_given_back_in_other_words(words, kind):
    assert read(procedure({"text": words}, performedDateTime="2021-05-10"))["priorHsct"].value == kind


def test_cells_recorded_as_a_medicine():
    given = {"resourceType": "MedicationAdministration", "status": "completed", "effectiveDateTime": "2021-05-10"}
    facts = read(given | {"medicationCodeableConcept": {"text": "Autologous hematopoietic progenitor cells (HPC-A)"}})
    assert facts["priorHsct"].value == "autologousIndicationUnknown"


def test_a_car_t_product_of_a_trial():
    assert read(procedure({"text": "KYV-101 infusion"}, performedDateTime="2026-01-10"))["carT.recorded"].value is True


@pytest.mark.parametrize("words", ["Post-HSCT vaccination", "HSCT follow-up visit", "Nachsorge nach Stammzelltransplantation"])
def test_what_is_done_after_a_transplantation_does_not_date_it(words):
    after = procedure({"text": words}, performedDateTime="2026-05-10")
    facts = read(after)
    assert facts["priorHsct.forMs"].value is True
    assert facts["priorHsct.monthsAgo"].value is None
    facts = read(after, procedure(AHSCT, reasonCode=[MS], performedDateTime="2022-05-20"))
    assert facts["priorHsct.monthsAgo"].value.exact == 54
