"""What each line becomes: valid FHIR R4, with the code, the status, the date and the id that tables can name."""

from datetime import date
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds.vignette import PatientFileError, VignetteError, expand, format_lines, load_patients, parse
from cds.vignette.expand import KEYS

AS_OF = date(2026, 11, 20)
SEEDS = Path(__file__).parents[2] / "seeds" / "patients"


def resources(*lines, as_of=AS_OF):
    vignette = expand("\n".join(["F34", *lines]), as_of)
    return [entry["resource"] for entry in vignette.bundle["entry"][1:]]


def only(*lines):
    (found,) = resources(*lines)
    get_fhir_model_class(found["resourceType"]).model_validate(found)
    return found


def codes(concept):
    return [coding["code"] for coding in concept.get("coding", [])]


def status(resource, name):
    return resource[name]["coding"][0]["code"]


# Who it is


@pytest.mark.parametrize(
    ("header", "gender", "born"),
    [("F34", "female", "1992-11-20"), ("M38", "male", "1988-11-20"), ("X40", "other", "1986-11-20"), ("U5", "unknown", "2021-11-20")],
)
def test_age_is_exact_on_the_day(header, gender, born):
    patient = expand(header, AS_OF).prefetch["patient"]
    assert (patient["gender"], patient["birthDate"]) == (gender, born)


def test_partial_birth_dates_must_fit_the_age():
    assert expand("F38, born 1988-03", AS_OF).prefetch["patient"]["birthDate"] == "1988-03"
    assert expand("F37, born 1988-12", AS_OF).prefetch["patient"]["birthDate"] == "1988-12"
    assert expand("F37, born 1988-11", AS_OF).prefetch["patient"]["birthDate"] == "1988-11"
    with pytest.raises(VignetteError, match="makes 38"):
        expand("F34, born 1988-03", AS_OF)


def test_no_age_and_death():
    assert "birthDate" not in expand("F", AS_OF).prefetch["patient"]
    assert expand("F70, deceased", AS_OF).prefetch["patient"]["deceasedBoolean"] is True
    assert expand("F70, deceased 2026-01", AS_OF).prefetch["patient"]["deceasedDateTime"] == "2026-01"


# Problems


def test_diagnosis():
    condition = only("RRMS since 2019")
    assert condition["id"] == "rrms-2019"
    assert codes(condition["code"]) == ["426373005", "G35.A"]
    assert (status(condition, "clinicalStatus"), status(condition, "verificationStatus")) == ("active", "confirmed")
    assert condition["onsetDateTime"] == "2019"
    assert codes(condition["category"][0]) == ["problem-list-item"]


def test_symptoms_come_before_the_diagnosis():
    condition = only("RRMS since 2019, symptoms since 2017")
    assert condition["onsetDateTime"] == "2017"
    assert condition["extension"] == [{"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime": "2019"}]


@pytest.mark.parametrize(
    ("option", "member", "value"),
    [
        ("suspected", "verificationStatus", "provisional"),
        ("differential", "verificationStatus", "differential"),
        ("refuted", "verificationStatus", "refuted"),
        ("unconfirmed", "verificationStatus", "unconfirmed"),
        ("entered-in-error", "verificationStatus", "entered-in-error"),
        ("resolved 2024", "clinicalStatus", "resolved"),
        ("inactive", "clinicalStatus", "inactive"),
        ("remission", "clinicalStatus", "remission"),
        ("relapse status", "clinicalStatus", "relapse"),
    ],
)
def test_diagnosis_status(option, member, value):
    assert status(only(f"RRMS since 2019 ({option})"), member) == value


def test_diagnosis_codes():
    assert codes(only("RRMS (snomed)")["code"]) == ["426373005"]
    assert codes(only("RRMS (icd10cm)")["code"]) == ["G35.A"]
    assert only("MS (icd10 G35)")["code"]["coding"] == [
        {"system": "http://hl7.org/fhir/sid/icd-10", "code": "G35", "display": "Multiple sclerosis"}
    ]
    assert only("RRMS (text)")["code"] == {"text": "Relapsing-remitting multiple sclerosis"}
    assert only('RRMS (snomed, display "Type 2 diabetes")')["code"]["coding"][0]["display"] == "Type 2 diabetes"
    assert "verificationStatus" not in only("RRMS (unverified)")
    assert "onsetDateTime" not in only("RRMS since 2019 (undated)")
    assert only("RRMS, recorded 2020")["recordedDate"] == "2020"
    assert codes(only("RRMS since 2019 (encounter)")["category"][0]) == ["encounter-diagnosis"]


def test_other_conditions():
    assert codes(only("condition pml 2026-10")["code"]) == ["22255007", "A81.2"]
    assert only('condition "reflux" 2020')["code"] == {"text": "Reflux"}
    assert only("condition heart failure 2020-01 (resolved 2021)")["abatementDateTime"] == "2021"
    assert codes(only("code Z94.84")["code"]) == ["Z94.84"]
    assert only("code 73211009 (system snomed)")["code"]["coding"][0]["system"] == "http://snomed.info/sct"
    assert only("infection 2026-05-01")["code"] == {"text": "Urinary tract infection"}
    assert only("family history of MS")["resourceType"] == "FamilyMemberHistory"


def test_relapse():
    old, new = resources("relapse 2025-01", "relapse 2026-11-01")
    assert (old["id"], status(old, "clinicalStatus")) == ("relapse-2025-01", "resolved")
    assert (new["id"], status(new, "clinicalStatus")) == ("relapse-2026-11-01", "active")
    assert codes(new["code"]) == ["192929006"]
    assert only("relapse 2026-05 (text)")["code"] == {"text": "MS relapse"}
    encounter = only("relapse 2026-05-01 (encounter)")
    assert encounter["resourceType"] == "Encounter"
    assert codes(encounter["reasonCode"][0]) == ["192929006"]


def test_allergy():
    allergy = only("allergy ocrelizumab 2024 (anaphylaxis)")
    assert (allergy["id"], codes(allergy["code"]), allergy["criticality"]) == ("allergy-ocrelizumab", ["733464008"], "high")
    assert status(only("allergy ocrelizumab (refuted)"), "verificationStatus") == "refuted"


# Findings


def test_edss():
    score = only("EDSS 3.5 on 2026-05-10")
    assert (score["id"], codes(score["code"]), score["valueQuantity"]["value"]) == ("edss-2026-05-10", ["273554001"], 3.5)
    assert only("EDSS 3.5 on 2026-05 (text)")["valueString"] == "EDSS 3.5"
    assert only("EDSS 3.5 on 2026-05 (local)")["code"]["coding"][0]["system"].startswith("urn:oid:1.2.840.114350")
    assert "effectiveDateTime" not in only("EDSS 3.5")


def test_mri():
    report, t2, gd = resources("MRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)")
    assert (report["id"], codes(report["code"]), report["effectiveDateTime"]) == ("mri-2026-09", ["24590-2"], "2026-09")
    assert report["conclusion"] == "3 new T2 lesions. 1 gadolinium-enhancing lesion. Comparison: MRI of 2024-07."
    assert [(count["id"], count["valueInteger"]) for count in (t2, gd)] == [("mri-2026-09-new-t2", 3), ("mri-2026-09-gd", 1)]
    assert only("MRI 2026: clean")["conclusion"] == "No new or enlarging T2 lesions. No gadolinium-enhancing lesions."
    assert only("MRI 2026: 3 new T2 (text)")["conclusion"] == "3 new T2 lesions."
    assert only("MRI 2026: multiple new T2, no Gd")["conclusion"] == "Multiple new T2 lesions. No gadolinium-enhancing lesions."
    assert only('MRI 2026: text "As before."')["conclusion"] == "As before."
    assert codes(only("MRI 2026: clean, cord")["code"]) == ["24935-9"]
    assert only("MRI 2026: 2 Gd, counts only")["resourceType"] == "Observation"


@pytest.mark.parametrize(
    ("line", "code", "value"),
    [
        (
            "lab JCV index 2.9 on 2026",
            "100977-8",
            {"valueQuantity": {"value": 2.9, "unit": "{index}", "system": "http://unitsofmeasure.org", "code": "{index}"}},
        ),
        (
            "lab ALC <0.2 on 2026",
            "731-0",
            {"valueQuantity": {"value": 0.2, "unit": "10*9/L", "system": "http://unitsofmeasure.org", "code": "10*9/L", "comparator": "<"}},
        ),
        ("lab HBsAg negative on 2026", "5196-1", {"valueCodeableConcept": {"text": "Negative"}}),
        ("lab CYP2C9 *3/*3 on 2026", None, {"valueString": "*3/*3"}),
    ],
)
def test_labs(line, code, value):
    found = only(line)
    assert codes(found["code"]) == ([code] if code else [])
    assert {name: found[name] for name in value} == value


def test_lab_flags_and_ranges():
    assert codes(only("lab JCV positive on 2026")["interpretation"][0]) == ["POS"]
    assert codes(only("lab IGRA indeterminate on 2026")["interpretation"][0]) == ["IND"]
    assert only("lab ALT 120 on 2026")["referenceRange"][0]["high"]["value"] == 40


def test_notes_and_counts():
    assert only('note "EDSS 4.5 today" on 2026-05')["valueString"] == "EDSS 4.5 today"
    assert only('note "EDSS 4.5" on 2026-05 (report)')["conclusion"] == "EDSS 4.5"
    assert only("relapse count 0 on 2026-05")["valueInteger"] == 0
    assert only("relapse count 2 on 2026-05, months 24")["code"]["text"] == "Number of relapses in the last 24 months"


# Pregnancy


def test_pregnancy_is_counted_from_the_day():
    condition, observation = resources("pregnant 9 weeks")
    assert condition["onsetDateTime"] == "2026-09-18"
    assert codes(observation["valueCodeableConcept"]) == ["77386006"]
    assert only("pregnant 9 weeks (condition)")["resourceType"] == "Condition"
    assert only("pregnant 9 weeks (status)")["resourceType"] == "Observation"
    assert status(only("pregnant 2024-01 to 2024-10"), "clinicalStatus") == "resolved"
    with pytest.raises(VignetteError, match="more than 45 weeks"):
        expand("F34, pregnant 60 weeks", AS_OF)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("pregnancy test positive 2026-11-01", "2118-8"),
        ("not pregnant 2026-10", "82810-3"),
        ("breastfeeding 2026-10", "63895-7"),
        ("not breastfeeding 2026-10", "63895-7"),
        ("wishes to conceive 2026-10", "86645-9"),
        ("contraception 2026-10", None),
        ("no contraception 2026-10", None),
    ],
)
def test_questions_about_pregnancy(line, code):
    assert codes(only(line)["code"]) == ([code] if code else [])


def test_relative_dates():
    assert only("visit 8 weeks ago")["period"]["start"] == "2026-09-25"
    assert only("visit today")["period"]["start"] == "2026-11-20"
    assert only("visit 3 months ago")["period"]["start"] == "2026-08-20"
    assert only("visit 1 year ago")["period"]["start"] == "2025-11-20"


# Procedures and orders


def test_procedures():
    done = only("AHSCT 2022-05, for MS")
    assert (done["id"], done["status"], codes(done["code"]), codes(done["reasonCode"][0])) == (
        "ahsct-2022-05",
        "completed",
        ["709115004"],
        ["24700007"],
    )
    planned = only("AHSCT planned 2027-01")
    assert (planned["resourceType"], planned["intent"]) == ("ServiceRequest", "plan")
    assert only("AHSCT considered")["intent"] == "proposal"
    assert only("AHSCT cancelled")["status"] == "not-done"
    assert only("AHSCT declined 2024")["status"] == "not-done"
    assert only("MSC infusion 2024")["code"] == {"text": "Mesenchymal stem cell infusion"}
    assert only("gave birth 2024")["resourceType"] == "Procedure"
    assert only("vaccination varicella 2020")["vaccineCode"] == {"text": "varicella vaccine"}
    assert only("visit 2026-01")["class"]["code"] == "AMB"


def test_orders_are_drafts_beside_the_chart():
    vignette = expand('F34, RRMS since 2019\norder ocrelizumab\norder AHSCT (referral)\norder "MRI brain"', AS_OF)
    drafts = [entry["resource"] for entry in vignette.draft_orders["entry"]]
    assert [(draft["resourceType"], draft["status"]) for draft in drafts] == [
        ("MedicationRequest", "draft"),
        *[("ServiceRequest", "draft")] * 2,
    ]
    assert vignette.selections == ("MedicationRequest/draft-ocrelizumab", "ServiceRequest/draft-ahsct", "ServiceRequest/draft-mri-brain")
    assert "entry" not in vignette.prefetch["medicationRequests"]
    for draft in drafts:
        get_fhir_model_class(draft["resourceType"]).model_validate(draft)


# Drugs


def given(*lines):
    return [found["effectiveDateTime"] for found in resources(*lines) if found["resourceType"] == "MedicationAdministration"]


def test_a_tablet_is_one_request():
    request = only("dimethyl fumarate since 2024-03")
    assert (request["id"], request["status"], request["intent"], request["authoredOn"]) == (
        "dimethyl-fumarate-1",
        "active",
        "order",
        "2024-03",
    )
    assert request["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] == {"start": "2024-03"}
    assert request["dispenseRequest"]["validityPeriod"] == {"start": "2024-03", "end": "2027-01-19"}
    assert "reasonCode" not in request


def test_a_stopped_tablet_says_why():
    request = only("DMF 2019-05 to 2021-06, stopped: relapses")
    assert (request["status"], request["statusReason"]) == ("stopped", {"text": "relapses"})
    assert request["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] == {"start": "2019-05", "end": "2021-06"}
    assert codes(only("DMF 2019 to 2021, code lack-of-efficacy")["statusReason"]) == ["266721009"]
    assert only("DMF 2019 to 2021")["status"] == "completed"


@pytest.mark.parametrize(
    ("option", "status", "intent"),
    [
        ("on hold", "on-hold", "order"),
        ("draft", "draft", "order"),
        ("cancelled", "cancelled", "order"),
        ("completed", "completed", "order"),
        ("planned", "active", "plan"),
        ("proposed", "active", "proposal"),
        ("entered-in-error", "entered-in-error", "order"),
    ],
)
def test_request_status(option, status, intent):
    request = only(f"teriflunomide since 2024 ({option})")
    assert (request["status"], request["intent"]) == (status, intent)


def test_infusions_come_with_every_dose():
    assert given("ocrelizumab since 2024-01, last 2026-07") == ["2024-01", "2024-07", "2025-01", "2025-07", "2026-01", "2026-07"]
    assert given("ocrelizumab since 2025-03-10") == ["2025-03-10", "2025-09-10", "2026-03-10", "2026-09-10"]
    assert given("ocrelizumab since 2024")[0] == "2024"
    assert given("ocrelizumab since 2024")[-1] == "2026-08"
    assert given("natalizumab 2022 to 2022-09-14") == ["2022", "2022-09-14"]
    assert given("natalizumab 2026-07-01 to 2026-09-23") == ["2026-07-01", "2026-07-29", "2026-08-26", "2026-09-23"]
    assert given("natalizumab 2026-05-06 to 2026-08-12, every 7 weeks") == ["2026-05-06", "2026-06-24", "2026-08-12"]
    assert given("rituximab doses 2023-01 2023-07") == ["2023-01", "2023-07"]
    assert given("alemtuzumab courses 2023-02 8 weeks ago") == ["2023-02", "2026-09-25"]


def test_carriers():
    statement = only("teriflunomide 2019 to 2021, stopped: diarrhoea (statement)")
    assert (statement["resourceType"], statement["status"], statement["effectivePeriod"]) == (
        "MedicationStatement",
        "stopped",
        {"start": "2019", "end": "2021"},
    )
    assert only("teriflunomide (not taken)")["status"] == "not-taken"
    assert {found["resourceType"] for found in resources("ocrelizumab since 2024-01 (administration)")} == {"MedicationAdministration"}
    assert only("ocrelizumab since 2024-01 (request)")["resourceType"] == "MedicationRequest"
    assert [found["whenHandedOver"] for found in resources("interferon 2020-01-01 to 2020-07-01 (dispense)")] == [
        "2020-01-01",
        "2020-03-31",
        "2020-06-29",
    ]
    assert codes(resources("ocrelizumab doses 2024-01 (procedure)")[0]["code"]) == ["860788002"]
    request, dispense = resources("fingolimod since 2024, last 2026-08")
    assert request["dispenseRequest"]["validityPeriod"] == {"start": "2024"}
    assert (dispense["whenHandedOver"], dispense["daysSupply"]["value"]) == ("2026-08", 90)
    assert [found["status"] for found in resources("glatiramer since 2024-06 (renewals)")] == ["completed", "completed", "active"]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("text", {"text": "alemtuzumab"}),
        ("ingredient", ["117055"]),
        ("brand", ["1594663"]),
        ("brand Lemtrada", {"text": "Lemtrada"}),
        ("atc", ["L04AG06"]),
        ("snomed", ["129472003"]),
        ("rxnorm 828265", ["828265"]),
    ],
)
def test_how_a_drug_is_coded(option, expected):
    concept = only(f"alemtuzumab since 2024 (request, {option})")["medicationCodeableConcept"]
    assert (codes(concept) if isinstance(expected, list) else concept) == expected


def test_a_drug_in_free_words():
    request = only('"Tysabri 300 mg" since 2022')
    assert (request["id"], request["medicationCodeableConcept"]) == ("tysabri-300-mg-1", {"text": "Tysabri 300 mg"})


def test_medication_references():
    contained = only("teriflunomide since 2024 (contained)")
    assert contained["medicationReference"] == {"reference": "#med"}
    request, medication = resources("teriflunomide since 2024 (reference)")
    assert request["medicationReference"]["reference"] == f"Medication/{medication['id']}"
    request, medication = resources("teriflunomide since 2024 (absolute)")
    assert request["medicationReference"]["reference"] == f"https://ehr.example/fhir/Medication/{medication['id']}"


def test_indications_and_details():
    request = only('rituximab since 2024 (request, for rheumatoid arthritis, dose 1000 mg, refills 3, note "private")')
    assert request["reasonCode"] == [{"text": "rheumatoid arthritis"}]
    assert request["dosageInstruction"][0]["text"] == "1000 mg"
    assert request["dispenseRequest"]["numberOfRepeatsAllowed"] == 3
    assert request["note"] == [{"text": "private"}]
    assert codes(only("rituximab since 2024 (request, for MS)")["reasonCode"][0]) == ["24700007"]
    assert only("rituximab (request, do not perform)")["doNotPerform"] is True


def test_steroids():
    course = only("steroids 2026-05-01")
    assert (course["dosage"]["dose"]["value"], codes(course["medicationCodeableConcept"])) == (1000, ["6902"])
    assert codes(only("steroids 2026-05-01 (low dose)")["medicationCodeableConcept"]) == ["8640"]


# What is wrong or missing


@pytest.mark.parametrize(
    "line",
    [
        "RRMS since 2019",
        "EDSS 3.5 on 2026",
        "MRI 2026: 1 Gd",
        "ocrelizumab since 2024",
        "teriflunomide since 2024 (reference)",
        "teriflunomide since 2024 (statement)",
        "glatiramer since 2024 (dispense)",
        "AHSCT 2022",
        "AHSCT planned",
        "allergy ocrelizumab",
        "visit 2026",
        "vaccination varicella 2020",
        "family history of MS",
    ],
)
def test_refused_means_refused(line):
    for resource in resources(f"{line} (refused)"):
        with pytest.raises(ValueError, match="validation error"):
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_other_patient_and_own_id():
    assert only("RRMS since 2019 (other patient)")["subject"] == {"reference": "Patient/someone-else"}
    assert only("allergy ocrelizumab (other patient)")["patient"] == {"reference": "Patient/someone-else"}
    assert only("RRMS since 2019 (id abc)")["id"] == "abc"
    assert only("ocrelizumab since 2024 (request, id abc)")["id"] == "abc"


def test_ids_never_clash():
    ids = [found["id"] for found in resources(*["relapse 2026-05"] * 3, *["glatiramer 2019 to 2020"] * 2)]
    assert ids == ["relapse-2026-05", "relapse-2026-05-2", "relapse-2026-05-3", "glatiramer-1", "glatiramer-2"]


def test_every_key_is_answered():
    prefetch = expand("F34", AS_OF).prefetch
    assert set(prefetch) == {"patient", *KEYS}
    assert all(prefetch[key] == {"resourceType": "Bundle", "type": "searchset", "total": 0} for key in KEYS)


def test_what_is_missing():
    vignette = expand("F34\nno medications key\nobservations unavailable\nconditions partial\nprocedures null", AS_OF)
    assert set(vignette.prefetch) == {"patient", "conditions", "observations", "procedures", "allergies"}
    assert vignette.prefetch["observations"]["resourceType"] == "OperationOutcome"
    assert vignette.prefetch["conditions"]["link"][0]["relation"] == "next"
    assert vignette.prefetch["procedures"] is None
    assert [entry["resource"]["resourceType"] for entry in vignette.bundle["entry"]] == ["Patient"]


def test_a_refused_key_refuses_all_its_resources():
    for resource in resources("glatiramer since 2024", "ocrelizumab since 2024", "medications refused"):
        with pytest.raises(ValueError, match="validation error"):
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_what_is_gone_cannot_be_damaged_again():
    vignette = expand("F34, RRMS\nno conditions key\nconditions partial\nobservations null\nobservations refused\npatient refused", AS_OF)
    assert "conditions" not in vignette.prefetch
    assert vignette.prefetch["observations"] is None
    with pytest.raises(ValueError, match="birthDate"):
        get_fhir_model_class("Patient").model_validate(vignette.prefetch["patient"])


def test_no_patient_key():
    assert "patient" not in expand("F34\nno patient key", AS_OF).prefetch


# Requests


def test_a_request_is_the_same_twice():
    text = "F34, RRMS since 2019"
    request = expand(text, AS_OF).request()
    assert request == expand(text, AS_OF).request()
    assert request["hookInstance"] != expand(text, AS_OF).request("order-sign")["hookInstance"]
    assert request["context"] == {"userId": "Practitioner/neurologist-1", "patientId": "patient-1"}


def test_context_of_each_hook():
    vignette = expand("F34, RRMS since 2019\norder ocrelizumab", AS_OF)
    assert vignette.request("encounter-start")["context"]["encounterId"] == "encounter-today"
    assert vignette.request("order-sign")["context"]["draftOrders"]["entry"][0]["resource"]["id"] == "draft-ocrelizumab"
    assert "selections" not in vignette.request("order-sign")["context"]
    assert vignette.request("order-select")["context"]["selections"] == ["MedicationRequest/draft-ocrelizumab"]
    assert vignette.request("problem-list-item-create")["context"]["conditions"]["entry"][0]["resource"]["id"] == "rrms-2019"


def test_a_request_can_be_changed_without_changing_the_vignette():
    vignette = expand("F34, RRMS since 2019", AS_OF)
    vignette.request()["prefetch"]["conditions"].clear()
    assert vignette.prefetch["conditions"]["total"] == 1


# The synthetic patients

PATIENTS = load_patients(SEEDS)


@pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS)
def test_synthetic_patients_are_valid_fhir(patient):
    vignette = patient.expand()
    assert parse(format_lines(vignette.lines)) == vignette.lines
    assert vignette.prefetch["patient"]["id"] == patient.id
    assert vignette.prefetch["patient"]["name"][0]["text"] == patient.name
    damaged = any(line.kind == "refused" for line in vignette.lines)
    for entry in [*vignette.bundle["entry"], *vignette.draft_orders.get("entry", [])]:
        if not (damaged and entry["resource"]["resourceType"].startswith("Medication")):
            get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])


def test_there_are_enough_synthetic_patients_and_they_are_plainly_synthetic():
    assert len(PATIENTS) >= 24
    assert all(patient.name.startswith("Synthetic ") for patient in PATIENTS.values())
    assert len({patient.name for patient in PATIENTS.values()}) == len(PATIENTS)


def test_a_patient_file_that_cannot_be_used(tmp_path):
    (tmp_path / "wrong.yaml").write_text("id: right\nname: S\ntitle: t\nstory: s\nas_of: 2026-11-20\nlines: F34\n")
    with pytest.raises(PatientFileError, match=r"wrong\.yaml: its id is 'right'"):
        load_patients(tmp_path)
    (tmp_path / "wrong.yaml").write_text("id: wrong\n")
    with pytest.raises(PatientFileError, match=r"(?s)wrong\.yaml: .*story"):
        load_patients(tmp_path)
