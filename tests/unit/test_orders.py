"""Which drafted orders concern MS (contract section 3; CH-REQ-08, CH-REQ-17, CH-PD-13, Q-SBX-10, Q-EPIC-07, Q-MED-01)."""

import pytest

from cds.calls import read_call
from cds.content import load_content
from cds.fhir.drafts import read_drafts
from cds.patient.orders import Order, Trigger, order_facts, read_orders

CONTENT = load_content()
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
OCRELIZUMAB = {"coding": [{"system": RXNORM, "code": "1876366", "display": "ocrelizumab"}]}


def drug(id, concept, **more):
    return {
        "resourceType": "MedicationRequest",
        "id": id,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": concept,
    } | more


def bundle(*resources, **more):
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource} for resource in resources]} | more


def read(*resources, selections=None):
    return read_orders(read_drafts(bundle(*resources)), selections, CONTENT.terminology, CONTENT.rules.treatment)


def drugs(*resources, selections=None):
    return [order.drug or order.kind for order in read(*resources, selections=selections)]


def test_an_order_carries_drug_name_and_resource():
    assert read(drug("a", OCRELIZUMAB)) == (Order(kind="dmt", name="ocrelizumab", resource="MedicationRequest/a", drug="ocrelizumab"),)


def test_only_what_was_selected_counts():
    orders = drug("a", OCRELIZUMAB), drug("b", {"text": "glatiramer acetate"})
    assert drugs(*orders, selections=["MedicationRequest/b"]) == ["glatiramer"]
    assert drugs(*orders, selections=["MedicationRequest/b", "MedicationRequest/a"]) == ["ocrelizumab", "glatiramer"]


@pytest.mark.parametrize("selections", [None, [], "MedicationRequest/a", [5, None], {}])
def test_without_selections_every_draft_counts(selections):
    assert drugs(drug("a", OCRELIZUMAB), selections=selections) == ["ocrelizumab"]


def test_a_selection_that_leads_nowhere_selects_nothing():
    assert drugs(drug("a", OCRELIZUMAB), selections=["MedicationRequest/z"]) == []


def test_an_id_longer_than_fhir_allows_is_found():
    long = "unsignedorder-" + "x" * 190
    assert drugs(drug(long, OCRELIZUMAB), selections=[f"MedicationRequest/{long}"]) == ["ocrelizumab"]


def test_a_medication_beside_the_order_is_found():
    order = drug("a", None, medicationReference={"reference": "Medication/m"})
    del order["medicationCodeableConcept"]
    assert drugs(order, {"resourceType": "Medication", "id": "m", "code": OCRELIZUMAB}) == ["ocrelizumab"]


def test_a_contained_medication_is_found():
    order = drug(
        "a", None, medicationReference={"reference": "#m"}, contained=[{"resourceType": "Medication", "id": "m", "code": OCRELIZUMAB}]
    )
    del order["medicationCodeableConcept"]
    assert drugs(order) == ["ocrelizumab"]


def test_a_draft_that_fhir_refuses_is_read():
    """The sandbox sends `category` as an object and a Bundle without type (Q-SBX-10)."""
    order = drug("a", OCRELIZUMAB, category={"coding": []}, dosageInstruction="daily", status=5)
    del order["intent"]
    raw = {"resourceType": "Bundle", "entry": [{"resource": order}]}
    found = read_orders(read_drafts(raw), None, CONTENT.terminology, CONTENT.rules.treatment)
    assert [one.drug for one in found] == ["ocrelizumab"]


@pytest.mark.parametrize("more", [{"doNotPerform": True}, {"status": "cancelled"}, {"status": "stopped"}, {"status": "entered-in-error"}])
def test_an_order_not_to_be_done_is_none(more):
    assert drugs(drug("a", OCRELIZUMAB, **more)) == []


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", None])
def test_an_order_being_signed_again_counts(status):
    assert drugs(drug("a", OCRELIZUMAB, status=status)) == ["ocrelizumab"]


@pytest.mark.parametrize(
    ("name", "reason", "found"),
    [
        ("rituximab", None, ["rituximab"]),
        ("rituximab", {"text": "Multiple sclerosis"}, ["rituximab"]),
        ("rituximab", {"text": "Rheumatoid arthritis"}, []),
        ("rituximab", {"text": "Long term drug therapy"}, ["rituximab"]),
        ("natalizumab", {"text": "Crohn's disease"}, []),
        ("mitoxantrone", {"text": "Acute myeloid leukaemia"}, []),
        ("Mabcampath 30 mg", None, []),
        ("Arzerra 1000 mg infusion", None, []),
        ("Lemtrada 12 mg", None, ["alemtuzumab"]),
        ("ofatumumab", None, ["ofatumumab"]),
        ("methylprednisolone 1000 mg", None, []),
        ("azathioprine 50 mg", {"text": "Multiple sclerosis"}, []),
        ("immunoglobulin intravenous", {"text": "Multiple sclerosis"}, []),
        ("paracetamol", None, []),
    ],
)
def test_the_reason_and_the_product_decide(name, reason, found):
    assert drugs(drug("a", {"text": name}, **({"reasonCode": [reason]} if reason else {}))) == found


def test_what_is_left_open_is_said():
    (stated,) = read(drug("a", {"text": "rituximab"}, reasonCode=[{"text": "MS"}]))
    (open_,) = read(drug("a", {"text": "rituximab"}))
    (product,) = read(drug("a", {"text": "ofatumumab"}))
    (unlisted,) = read(drug("a", {"text": "rituximab"}, reasonReference=[{"display": "Long term drug therapy"}]))
    assert stated.note == ""
    assert "indication of rituximab is not stated" in open_.note
    assert "product of ofatumumab is not named" in product.note
    assert "Long term drug therapy" in unlisted.note
    assert "indication of rituximab is not stated" in order_facts(Trigger(hook="order-select", orders=(open_,)))["order.dmt"].reason


def test_the_dosage_tells_the_product():
    (tablet,) = read(drug("a", {"text": "cladribine"}, dosageInstruction=[{"text": "one 10 mg tablet daily for 5 days"}]))
    assert tablet.drug == "cladribine"
    assert drugs(drug("a", {"text": "cladribine 1 mg/mL injection"})) == []
    assert drugs(drug("a", {"text": "cladribine"}, dosageInstruction=[{"text": "0.1 mg/kg", "route": {"text": "IV infusion"}}])) == []


def test_a_code_and_words_that_disagree_name_both_drugs():
    orders = read(drug("a", {"coding": OCRELIZUMAB["coding"], "text": "glatiramer acetate"}))
    assert {order.drug for order in orders} == {"ocrelizumab", "glatiramer"}
    assert all("mean different drugs" in order.note for order in orders)


def service(text, **more):
    return {"resourceType": "ServiceRequest", "id": "s", "status": "draft", "intent": "order", "code": {"text": text}} | more


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Natalizumab infusion", ["natalizumab"]),
        ("Natalizumab monitoring", []),
        ("Autologous haematopoietic stem cell transplantation", ["transplant"]),
        ("Referral for AHSCT", ["transplant"]),
        ("Haematopoietic stem cell transplant", ["transplant"]),
        ("Allogeneic bone marrow transplantation", []),
        ("Neural stem cell transplantation", ["nsc"]),
        ("Mesenchymal stem cell transplantation", ["msc"]),
        ("Exosomes", ["vesicles"]),
        ("CAR-T cell therapy", ["carT"]),
        ("MRI brain", []),
    ],
)
def test_services_that_give_a_drug_or_cells(text, found):
    assert drugs(service(text)) == found


def test_a_transplant_for_another_disease_is_no_ms_order():
    assert drugs(service("Autologous stem cell transplantation", reasonCode=[{"text": "Lymphoma"}])) == []


def test_an_infusion_by_its_billing_code():
    system = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
    assert drugs(service("", code={"coding": [{"system": system, "code": "J2350"}]})) == ["ocrelizumab"]


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "x",
        5,
        [],
        {},
        {"resourceType": "Bundle", "entry": [None, {"resource": 3}, {"resource": {"resourceType": "MedicationRequest"}}]},
    ],
)
def test_odd_drafts_are_no_orders(raw):
    assert read_orders(read_drafts(raw), None, CONTENT.terminology, CONTENT.rules.treatment) == ()


def test_order_sign_looks_at_every_draft():
    """Selections belong to order-select alone."""
    drafts = bundle(drug("a", OCRELIZUMAB), drug("b", {"text": "glatiramer acetate"}))
    _, trigger = read_call("order-sign", "p", {}, CONTENT, draft_orders=drafts, selections=["MedicationRequest/b"])
    assert {order.drug for order in trigger.orders} == {"ocrelizumab", "glatiramer"}
    _, trigger = read_call("order-select", "p", {}, CONTENT, draft_orders=drafts, selections=["MedicationRequest/b"])
    assert {order.drug for order in trigger.orders} == {"glatiramer"}


def test_orders_of_another_patient_are_dropped():
    drafts = bundle(
        drug("a", OCRELIZUMAB, subject={"reference": "Patient/q"}), drug("b", {"text": "glatiramer"}, subject={"reference": "Patient/p"})
    )
    _, trigger = read_call("order-sign", "p", {}, CONTENT, draft_orders=drafts)
    assert [order.drug for order in trigger.orders] == ["glatiramer"]


def test_what_is_not_ordered_is_known_not_to_be():
    facts = order_facts(Trigger(hook="patient-view"))
    assert all(fact.value is False for fact in facts.values())
    assert len(facts) == 12


@pytest.mark.parametrize("selection", ["MedicationRequest/a/_history/2", "urn:uuid:a", "https://ehr.example/fhir/MedicationRequest/a"])
def test_a_selection_in_other_words_is_the_same_draft(selection):
    assert drugs(drug("a", OCRELIZUMAB), drug("b", {"text": "paracetamol"}), selections=[selection]) == ["ocrelizumab"]


@pytest.mark.parametrize("words", ["Methylprednisolone 100 mg premed for Ocrevus", "Discontinue Ocrevus", "Ocrevus (planned)"])
def test_an_order_whose_words_leave_open_whether_the_drug_is_meant_says_so(words):
    (order,) = read(drug("a", {"text": words}))
    assert (order.drug, words in order.note) == ("ocrelizumab", True)


def test_a_placeholder_is_named_by_its_dosage_or_its_note():
    dosage = drug("a", {"text": "NON-FORMULARY MEDICATION"}, dosageInstruction=[{"text": "Ocrelizumab 600 mg IV"}])
    (order,) = read(dosage)
    assert (order.drug, order.note) == ("ocrelizumab", "")
    (order,) = read(drug("a", {"text": "Misc medication"}, note=[{"text": "Tysabri 300 mg"}]))
    assert (order.drug, "Tysabri 300 mg" in order.note) == ("natalizumab", True)
    assert read(drug("a", {"text": "Paracetamol 500 mg"}, note=[{"text": "before Ocrevus"}])) == ()


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("Natalizumab (TYSABRI) 300 mg IV", ["natalizumab"]),
        ("JCV antibody before natalizumab treatment", []),
        ("CBC, on Lemtrada treatment", []),
        ("CD19 count, rituximab treatment", []),
        ("Hepatitis B panel, pre ocrelizumab infusion", []),
        ("Natalizumab trough level during treatment", []),
        ("CYP2C9 genotype before siponimod treatment", []),
    ],
)
def test_a_service_for_the_drug_and_a_test_because_of_it(words, ordered):
    service = {"resourceType": "ServiceRequest", "id": "s", "status": "draft", "intent": "order", "code": {"text": words}}
    assert drugs(service) == ordered
