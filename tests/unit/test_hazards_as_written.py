"""F19 and section 4 on hazards as charts write them: displays of real codes, local names of tests, lists in several languages."""

import pytest
from reading_charts import ICD10CM, LOINC, SNOMED, condition, observation, read

ICD10GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"


def coded(system, code, display, **members):
    """A Condition whose code says in words what it means."""
    return condition({"coding": [{"system": system, "code": code, "display": display}]}, **members)


def told(text, **members):
    """A Condition in words."""
    return condition({"text": text}, **members)


def lab(name, value, unit=None, on="2026-10-10", **members):
    """A result under a laboratory's own name, as a number or in words."""
    if isinstance(value, str):
        return observation({"text": name}, on, valueString=value, **members)
    return observation({"text": name}, on, valueQuantity={"value": value} | ({"unit": unit} if unit else {}), **members)


def allergy(text=None, coding=None, **members):
    """An active, confirmed allergy."""
    code = {"coding": [coding]} if coding else {"text": text}
    found = {"resourceType": "AllergyIntolerance", "code": code, "clinicalStatus": {"coding": [{"code": "active"}]}}
    return found | {"verificationStatus": {"coding": [{"code": "confirmed"}]}} | members


# Words that deny something else


@pytest.mark.parametrize(
    ("entry", "fact"),
    [
        (coded(ICD10CM, "Z86.73", "Personal history of TIA, and cerebral infarction without residual deficits"), "caution.stroke"),
        (coded(ICD10CM, "K70.30", "Alcoholic cirrhosis of liver without ascites"), "caution.cirrhosis"),
        (told("Sick sinus syndrome, not paced"), "caution.avBlock"),
        (told("Sepsis, not otherwise specified", onsetDateTime="2026-11-01"), "seriousInfection"),
        (told("Myocardial infarction 09/2026, no stent", onsetDateTime="2026-09-01"), "caution.recentCardiovascularEvent"),
    ],
)
def test_a_denial_of_something_else_takes_nothing_back(entry, fact):
    assert read(entry)[fact].value is True


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("No cirrhosis", "caution.cirrhosis"),
        ("Fatty liver without cirrhosis", "caution.cirrhosis"),
        ("Liver failure ruled out", "caution.hepaticFailure"),
        ("Sick sinus excluded on Holter", "caution.avBlock"),
        ("Hypertension without heart failure", "caution.heartFailure"),
        ("Family history of myocardial infarction", "caution.cardiacDisease"),
        ("Denies lupus, rheumatoid arthritis or vitiligo", "caution.autoimmunity"),
        ("Stroke risk assessment", "caution.stroke"),
        ("Transient global amnesia", "caution.stroke"),
    ],
)
def test_what_is_denied_is_not_recorded(text, fact):
    assert read(told(text))[fact].value is False


def test_an_antibody_beside_a_negative_test_of_the_same_line():
    fact = read(told("HBsAg negative, anti-HBc positive"))["hepatitisB"]
    assert (fact.value, "diagnosis recorded" in fact.reason) == (None, True)


# Infections


def test_hepatitis_b_of_any_kind_that_is_still_active_is_not_past():
    """The SNOMED CT root holds chronic, acute and resolved infection alike."""
    fact = read(coded(SNOMED, "66071002", "Viral hepatitis type B"))["hepatitisB"]
    assert (fact.value, "diagnosis recorded" in fact.reason) == (None, True)
    assert read(coded(SNOMED, "66071002", "Viral hepatitis type B", clinical="resolved"))["hepatitisB"].value == "past"


def test_tuberculosis_of_the_past_is_named_and_not_called_negative():
    entry = coded(ICD10CM, "A15.0", "Tuberculosis of lung", clinical="resolved", onsetDateTime="2005")
    alone, tested = read(entry)["caution.tuberculosis"], read(entry, lab("QuantiFERON-TB Gold", "Negative"))["caution.tuberculosis"]
    assert (alone.value, tested.value) == (None, None)
    assert "diagnosis recorded" in alone.reason
    assert "diagnosis recorded" in tested.reason


def test_a_latent_tuberculosis_beside_one_that_may_be_active_stays_known():
    entries = [coded(SNOMED, "11999007", "Latent tuberculosis"), coded(SNOMED, "56717001", "Tuberculosis", onsetDateTime="2026-06")]
    assert read(*entries)["caution.tuberculosis"].value == "latent"


def test_a_positive_interferon_gamma_test_is_not_undone_by_a_negative_one():
    fact = read(lab("QuantiFERON", "Positive", on="2015-01-10"), lab("QuantiFERON", "Negative", on="2026-01-10"))["caution.tuberculosis"]
    assert (fact.value, "2015-01-10" in fact.reason) == (None, True)


@pytest.mark.parametrize(
    ("name", "value", "fact", "expected"),
    [
        ("Hepatitis C Antibody", "Reactive", "hepatitisC", None),
        ("HCV Ab", "Non-reactive", "hepatitisC", "negative"),
        ("HCV RNA, quantitative PCR", 1200000, "hepatitisC", "active"),
        ("Hepatitis C virus RNA", "Not detected", "hepatitisC", None),
        ("HIV-1 RNA viral load", 25000, "hiv", "positive"),
        ("HIV 1 RNA", "Detected", "hiv", "positive"),
        ("HIV-1 RNA", "Not detected", "hiv", None),
        ("HBs-Antigen", "positiv", "hepatitisB", "active"),
        ("Antigène HBs", "Positif", "hepatitisB", "active"),
        ("HBsAg", "Repeatedly reactive", "hepatitisB", "active"),
        ("HBsAg", "nicht nachweisbar", "hepatitisB", None),
        ("JC Virus PCR, CSF", "nachweisbar", "pml", "suspected"),
    ],
)
def test_infections_under_a_laboratory_s_own_name(name, value, fact, expected):
    found = read(lab(name, value))[fact]
    assert found.value == expected
    assert found.resources


@pytest.mark.parametrize(
    "negative", ["negativ", "Négatif", "negatief", "negativo", "nicht reaktiv", "No reactivo", "(-)", "assente", "non détecté"]
)
@pytest.mark.parametrize(
    "positive", ["positiv", "Positif", "positief", "positivo", "reaktiv", "Reactivo", "+++", "(+)", "présence", "détecté"]
)
def test_answers_in_other_languages(negative, positive):
    assert read(lab("HBsAg", negative), lab("anti-HBc", positive))["hepatitisB"].value == "past"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Herpesviral encephalitis", None),
        ("Pneumocystis pneumonia", None),
        ("Invasive aspergillosis", None),
        ("Acute syphilis", None),
        ("History of shingles", False),
        ("Urinary tract infection", False),
    ],
)
def test_infections_in_words(text, expected):
    assert read(told(text, onsetDateTime="2026-11-01"))["seriousInfection"].value is expected


# Measured values


@pytest.mark.parametrize(
    ("name", "value", "unit", "fact", "expected"),
    [
        ("Absolute Neutrophils", 900, "cells/uL", "caution.neutrophils", 0.9),
        ("Neutrophils (Absolute)", 0.9, "x10E3/uL", "caution.neutrophils", 0.9),
        ("ANC", 0.9, "K/uL", "caution.neutrophils", 0.9),
        ("Neutrophils", 0.9, "10*9/L", "caution.neutrophils", 0.9),
        ("Neutrophils", 62, "%", "caution.neutrophils", None),
        ("Polynucléaires neutrophiles", 0.9, "G/L", "caution.neutrophils", 0.9),
        ("Platelets", 40, "10*9/L", "caution.platelets", 40),
        ("Thrombozyten", 40, "/nl", "caution.platelets", 40),
        ("Lymphocytes", 0.4, "10*9/L", "caution.lymphocytes", 0.4),
        ("LYMPH #", 0.4, "K/uL", "caution.lymphocytes", 0.4),
        ("Lymphozyten absolut", 0.4, "Tsd/µl", "caution.lymphocytes", 0.4),
        ("Lymphocyte count", 0.4, "10(9)/L", "caution.lymphocytes", 0.4),
        ("Lymphocyte count", 0.4, "x10⁹/L", "caution.lymphocytes", 0.4),
        ("Lymphocyte count", 400, "/mm³", "caution.lymphocytes", 0.4),
        ("Lymphocytes", 12, "%", "caution.lymphocytes", None),
        ("Lymphocytes, CSF", 12, "/uL", "caution.lymphocytes", None),
        ("Immunoglobulin G", 410, "mg/dL", "caution.igg", 4.1),
        ("IgG, Serum", 4.1, "g/L", "caution.igg", 4.1),
        ("IgG subclass 1", 2.1, "g/L", "caution.igg", None),
        ("IgG index", 0.9, None, "caution.igg", None),
        ("Creatinine", 0.9, "mg/dL", "caution.creatinine", 79.58),
        ("Kreatinin", 70, "µmol/l", "caution.creatinine", 70),
        ("Creatinine, urine", 70, "mg/dL", "caution.creatinine", None),
        ("Creatinine clearance", 70, "mL/min", "caution.creatinine", None),
        ("QTC Calculation(Bazett)", 510, "ms", "caution.qtc", 510),
        ("Q-T interval, corrected", 510, "ms", "caution.qtc", 510),
        ("QTc-Zeit", 510, "ms", "caution.qtc", 510),
        ("QT interval", 510, "ms", "caution.qtc", None),
        ("LV Ejection Fraction (Echo)", 45, "%", "caution.lvef", 45),
        ("LVEF (biplane)", 45, "%", "caution.lvef", 45),
        ("FEVG", 45, "%", "caution.lvef", 45),
        ("RV ejection fraction", 45, "%", "caution.lvef", None),
    ],
)
def test_values_under_a_laboratory_s_own_name(name, value, unit, fact, expected):
    found = read(lab(name, value, unit))[fact].value
    assert found is None if expected is None else (found.low, found.high) == pytest.approx((expected, expected), rel=1e-3)


def test_a_ratio_of_liver_enzymes_is_no_alt():
    limit = {"referenceRange": [{"high": {"value": 40, "unit": "U/L"}}]}
    for name in ("AST/ALT ratio", "Aspartate aminotransferase/Alanine aminotransferase [Enzymatic activity ratio] in Serum or Plasma"):
        assert read(lab("ALT", 200, "U/L", **limit), lab(name, 0.8))["caution.altTimesUln"].value.exact == 5
    assert read(lab("GPT (ALAT)", 200, "U/L", **limit))["caution.altTimesUln"].value.exact == 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Sinus rhythm 60/min. QTc 512 ms, prolonged.", 512),
        ("QT/QTc 420/512 ms", 512),
        ("QT 480 ms, QTc (Bazett) 505 msec", 505),
        ("QT 512 ms", None),
        ("QTc normal, PR 512 ms", None),
        ("QTc < 450 ms", 0),
    ],
)
def test_a_qtc_in_the_words_of_an_ecg(words, expected):
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "ECG 12 lead"}, "conclusion": words}
    found = read(report | {"effectiveDateTime": "2026-10-10"})["caution.qtc"].value
    assert found is None if expected is None else found.low == expected


def test_an_index_between_the_bands_that_the_laboratory_calls_positive():
    """The inhibition assay decides between the bands."""
    index = observation({"coding": [{"system": LOINC, "code": "100977-8"}]}, valueQuantity={"value": 0.35})
    assert read(index)["jcv.antibody"].value is None
    assert read(index | {"interpretation": [{"coding": [{"code": "POS"}]}]})["jcv.antibody"].value == "positive"


@pytest.mark.parametrize("unit", ["mg/m2", "mg/m^2", "mg/m²"])
def test_mitoxantrone_per_square_metre(unit):
    given = {"resourceType": "MedicationAdministration", "status": "completed", "medicationCodeableConcept": {"text": "mitoxantrone"}}
    dose = {"effectiveDateTime": "2020-01-01", "dosage": {"dose": {"value": 12, "unit": unit}}}
    assert read(given | dose)["caution.mitoxantroneCumulative"].value.low == 12


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (lab("CYP2C9 and CYP2C19", "CYP2C9 *3/*3; CYP2C19 *1/*1"), "*3/*3"),
        (lab("CYP2C19 and CYP2C9", "CYP2C19 *3/*3; CYP2C9 *1/*1"), "other"),
        (lab("CYP2C9 genotype", "Homozygous *3 (CYP2C9*3|*3)"), "*3/*3"),
        (lab("CYP2C9 genotype", "*1A/*3"), "*1/*3"),
        (lab("CYP2C9 genotype", "3/3"), None),
        (
            observation(
                {"text": "Warfarin genotype panel"},
                component=[
                    {"code": {"text": "CYP4F2"}, "valueString": "*1/*3"},
                    {"code": {"text": "CYP2C9"}, "valueString": "*3/*3"},
                    {"code": {"text": "VKORC1"}, "valueString": "-1639G>A"},
                ],
            ),
            "*3/*3",
        ),
        (
            observation(
                {"text": "CYP2C9, CYP2D6 and SLCO1B1 panel"},
                component=[
                    {"code": {"text": "CYP2D6 diplotype"}, "valueString": "*3/*3"},
                    {"code": {"text": "CYP2C9 diplotype"}, "valueString": "*1/*1"},
                ],
            ),
            "other",
        ),
        (lab("CYP2C9 and CYP2D6 panel", "*1/*1, *3/*3"), None),
    ],
)
def test_a_genotype_in_a_panel_of_genes(resource, expected):
    fact = read(resource)["caution.cyp2c9"]
    assert fact.value == expected
    assert fact.resources


def test_a_genotype_in_the_words_of_a_report():
    report = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "Pharmacogenomics"},
        "effectiveDateTime": "2026-10-10",
    }
    assert read(report | {"conclusion": "CYP2C9 *3/*3, poor metabolizer. CYP2C19 *1/*2."})["caution.cyp2c9"].value == "*3/*3"
    fact = read(report | {"conclusion": "CYP2C9: poor metabolizer."})["caution.cyp2c9"]
    assert (fact.value, "poor metabolizer" in fact.reason) == (None, True)


@pytest.mark.parametrize("name", ["ALT/SGPT", "SGPT (ALT)", "ALT [Enzymatic activity/volume] in Serum"])
def test_two_names_of_one_enzyme_are_no_ratio(name):
    assert read(lab(name, 200, "U/L", referenceRange=[{"high": {"value": 40}}]))["caution.altTimesUln"].value.exact == 5


# Allergies


@pytest.mark.parametrize(
    ("text", "substance", "expected"),
    [
        ("Campath", "alemtuzumab", True),
        ("Arzerra", "ofatumumab", True),
        ("Leustatin (cladribine injection)", "cladribine", True),
        ("Fumaric acid esters", "fumarates", None),
        ("Fumaderm", "fumarates", True),
        ("anti-CD20 antibody", "ocrelizumab", None),
        ("anti-CD20 antibody", "natalizumab", False),
        ("S1P receptor modulators", "siponimod", None),
        ("Penicillin", "alemtuzumab", False),
    ],
)
def test_allergies_by_brand_and_class(text, substance, expected):
    assert read(allergy(text))[f"caution.hypersensitivity.{substance}"].value is expected


def test_an_allergy_whose_code_has_no_words_may_be_to_anything():
    fact = read(allergy(coding={"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "99999999"}))[
        "caution.hypersensitivity.natalizumab"
    ]
    assert (fact.value, "AllergyIntolerance/r0" in fact.reason) == (None, True)
    known = allergy(coding={"system": SNOMED, "code": "716186003", "display": "No known allergy"})
    assert read(known)["caution.hypersensitivity.natalizumab"].value is False


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reaction": [{"manifestation": [{"text": "Rash"}]}]}, False),
        ({"reaction": [{"manifestation": [{"text": "Rash"}], "description": "no anaphylaxis"}]}, False),
        ({"reaction": [{"manifestation": [{"text": "Dyspnea"}], "severity": "severe"}]}, None),
        ({"reaction": [{"manifestation": [{"text": "Dyspnea"}]}], "criticality": "high"}, None),
        ({"reaction": [{"manifestation": [{"text": "Anaphylactoid reaction"}]}]}, True),
        ({"note": [{"text": "Life-threatening infusion reaction"}]}, True),
        ({}, None),
    ],
)
def test_how_grave_a_reaction_was(members, expected):
    assert read(allergy("ocrelizumab", **members))["caution.anaphylaxis.ocrelizumab"].value is expected


@pytest.mark.parametrize(
    ("entry", "hypersensitivity", "anaphylaxis"),
    [
        (told("Allergy to glatiramer acetate"), True, None),
        (told("Anaphylaxis due to glatiramer acetate"), True, True),
        (told("Hypersensitivity to Copaxone", verification="refuted"), False, False),
        (told("No allergy to Copaxone"), False, False),
        (told("Adverse reaction to Copaxone", clinical="resolved"), None, None),
        (told("Multiple sclerosis on Copaxone"), False, False),
        (told("Possible allergy to Copaxone"), None, None),
    ],
)
def test_an_allergy_on_the_problem_list(entry, hypersensitivity, anaphylaxis):
    facts = read(entry)
    assert facts["caution.hypersensitivity.glatiramer"].value is hypersensitivity
    assert facts["caution.anaphylaxis.glatiramer"].value is anaphylaxis


@pytest.mark.parametrize(
    ("reason", "hypersensitivity", "anaphylaxis"), [("Anaphylaxis", True, True), ("Allergic reaction", True, None), ("Cost", False, False)]
)
def test_a_drug_that_was_stopped_for_an_allergy(reason, hypersensitivity, anaphylaxis):
    order = {"resourceType": "MedicationRequest", "status": "stopped", "intent": "order", "authoredOn": "2024-01-01"}
    facts = read(order | {"medicationCodeableConcept": {"text": "ocrelizumab"}, "statusReason": {"text": reason}})
    assert facts["caution.hypersensitivity.ocrelizumab"].value is hypersensitivity
    assert facts["caution.anaphylaxis.ocrelizumab"].value is anaphylaxis


# Other diagnoses


@pytest.mark.parametrize(
    ("entry", "fact", "expected"),
    [
        (coded(SNOMED, "46635009", "Diabetes mellitus type 1"), "caution.autoimmunity", True),
        (coded(SNOMED, "44054006", "Diabetes mellitus type 2"), "caution.autoimmunity", False),
        (coded(ICD10CM, "D68.51", "Activated protein C resistance"), "caution.bleedingDisorder", False),
        (coded(ICD10CM, "D68.62", "Lupus anticoagulant syndrome"), "caution.bleedingDisorder", False),
        (coded(ICD10CM, "D68.0", "Von Willebrand disease"), "caution.bleedingDisorder", True),
        (coded(ICD10CM, "G45.4", "Transient global amnesia"), "caution.stroke", False),
        (coded(ICD10CM, "G45.9", "Transient cerebral ischemic attack, unspecified"), "caution.stroke", True),
        (told("Anxiety and depression"), "caution.depression", None),
        (told("Postnatal depression"), "caution.depression", None),
        (told("Depression screening"), "caution.depression", False),
        (told("OSA, severe"), "caution.severeSleepApnoea", True),
        (told("Tachycardia-bradycardia syndrome"), "caution.avBlock", True),
        (told("Sinus node dysfunction"), "caution.avBlock", True),
        (told("Acute coronary syndrome", onsetDateTime="2026-09-01"), "caution.recentCardiovascularEvent", None),
        (coded(ICD10CM, "K76.82", "Hepatic encephalopathy"), "caution.hepaticFailure", None),
        (coded(ICD10CM, "K75.81", "Nonalcoholic steatohepatitis (NASH)"), "caution.liverDisease", True),
        (told("End stage liver disease"), "caution.hepaticFailure", True),
        (
            coded(ICD10CM, "E11.311", "Type 2 diabetes mellitus with unspecified diabetic retinopathy with macular edema"),
            "caution.macularOedema",
            True,
        ),
        (
            coded(ICD10CM, "E11.319", "Type 2 diabetes mellitus with diabetic retinopathy without macular edema"),
            "caution.macularOedema",
            False,
        ),
        (coded(ICD10CM, "Z15.01", "Genetic susceptibility to malignant neoplasm of breast"), "malignancy", "none"),
    ],
)
def test_diagnoses_by_their_code_and_display(entry, fact, expected):
    assert read(entry)[fact].value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Presence of cardiac pacemaker", False),
        ("s/p pacemaker 2022", False),
        ("Declined pacemaker", True),
        ("Pacemaker evaluation", True),
        ("Pacemaker planned", True),
        ("Referral for pacemaker implantation", True),
        ("Pacemaker explanted", True),
    ],
)
def test_only_a_pacemaker_that_is_in_place_takes_a_block_back(text, expected):
    assert read(told("Sick sinus syndrome"), told(text))["caution.avBlock"].value is expected


def test_a_pacemaker_that_is_resolved_takes_nothing_back():
    assert read(told("Sick sinus syndrome"), told("Pacemaker", clinical="resolved"))["caution.avBlock"].value is True


@pytest.mark.parametrize(
    ("code", "display", "fact", "expected"),
    [
        ("I63.9", "Hirninfarkt, nicht näher bezeichnet", "caution.stroke", True),
        ("I21.0", "Akuter transmuraler Myokardinfarkt der Vorderwand", "caution.cardiacDisease", True),
        ("I44.2", "Atrioventrikulärer Block 3. Grades", "caution.avBlock", True),
        ("C50.9", "Bösartige Neubildung: Brustdrüse", "malignancy", "active"),
        ("B18.1", "Chronische Virushepatitis B ohne Delta-Virus", "hepatitisB", "active"),
        ("K74.6", "Sonstige Zirrhose der Leber", "caution.cirrhosis", True),
        ("A15.0", "Lungentuberkulose", "caution.tuberculosis", "active"),
        ("E05.0", "Hyperthyreose mit diffuser Struma", "caution.autoimmunity", True),
        ("J06.9", "Akute Infektion der oberen Atemwege", "seriousInfection", False),
    ],
)
def test_hazards_coded_in_icd_10_gm(code, display, fact, expected):
    """The German modification keeps the codes of the WHO for these diseases."""
    assert read(coded(ICD10GM, code, display, onsetDateTime="2026-09-01"))[fact].value == expected


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Schlaganfall", "caution.stroke"),
        ("AVC ischémique", "caution.stroke"),
        ("Herseninfarct", "caution.stroke"),
        ("Ictus isquémico", "caution.stroke"),
        ("Herzinfarkt", "caution.cardiacDisease"),
        ("Infarctus du myocarde", "caution.cardiacDisease"),
        ("Hartinfarct", "caution.cardiacDisease"),
        ("Herzinsuffizienz", "caution.heartFailure"),
        ("Insuffisance cardiaque", "caution.heartFailure"),
        ("Hartfalen", "caution.heartFailure"),
        ("Leberzirrhose", "caution.cirrhosis"),
        ("Cirrhose hépatique", "caution.cirrhosis"),
        ("Makulaödem", "caution.macularOedema"),
        ("Œdème maculaire", "caution.macularOedema"),
    ],
)
def test_hazards_in_other_languages(text, fact):
    assert read(told(text, onsetDateTime="2026-09-01"))[fact].value is True


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Hépatite B chronique", "hepatitisB"),
        ("Chronische Virushepatitis B", "hepatitisB"),
        ("Infección por VIH", "hiv"),
        ("VIH positif", "hiv"),
        ("Lungentuberkulose", "caution.tuberculosis"),
        ("Tuberculose pulmonaire", "caution.tuberculosis"),
        ("Borstkanker", "malignancy"),
        ("Tumore maligno della mammella", "malignancy"),
    ],
)
def test_hazards_in_other_languages_that_words_leave_open(text, fact):
    found = read(told(text))[fact]
    assert found.value is None
    assert found.resources


# Pregnancy and what belongs to it


@pytest.mark.parametrize(
    "text",
    [
        "Personal history of other complications of pregnancy, childbirth and the puerperium",
        "History of cesarean delivery",
        "H/O: caesarean section",
        "Previous caesarean section",
        "Previous cesarean delivery affecting pregnancy",
        "Uterine scar from prior cesarean",
        "History of postpartum depression",
        "Planned cesarean delivery",
        "Desires vaginal delivery",
        "History of postpartum hemorrhage",
    ],
)
def test_an_earlier_or_planned_birth_ends_no_pregnancy(text):
    pregnant = coded(SNOMED, "77386006", "Pregnant", onsetDateTime="2026-08-01")
    assert read(pregnant, told(text, recordedDate="2026-10-15"))["pregnancy"].value == "present"


def test_an_earlier_pregnancy_is_not_this_one():
    text = "Personal history of other complications of pregnancy, childbirth and the puerperium"
    assert read(told(text, recordedDate="2026-10-15"))["pregnancy"].value is None
    assert read(told("History of infertility, now pregnant", recordedDate="2026-10-15"))["pregnancy"].value == "present"


def test_a_birth_ends_a_pregnancy():
    pregnant = coded(SNOMED, "77386006", "Pregnant", onsetDateTime="2026-02-01")
    assert read(pregnant, told("Cesarean delivery", recordedDate="2026-11-01"))["pregnancy"].value is None
    assert read(pregnant, told("Gave birth", recordedDate="2026-11-01"))["pregnancy"].value is None


@pytest.mark.parametrize(
    "name", ["POCT urine pregnancy", "Urine pregnancy (POC)", "Pregnancy, urine", "UPT", "Pregnancy screen, serum", "Schwangerschaftstest"]
)
def test_pregnancy_tests_by_name(name):
    assert read(lab(name, "Positive", on="2026-11-10"))["pregnancy"].value == "present"
    assert read(lab(name, "Negative", on="2026-11-10"))["pregnancy"].value == "absent"


def test_an_hcg_without_limits_is_shown_and_leaves_pregnancy_open():
    fact = read(lab("Beta hCG", 12000, "mIU/mL", on="2026-11-10"))["pregnancy"]
    assert (fact.value, "12000 mIU/mL" in fact.reason, bool(fact.resources)) == (None, True, True)
    assert read(lab("Beta hCG", 12000, "mIU/mL", on="2026-11-10"), patient={"gender": "male"})["pregnancy"].value == "notApplicable"


def test_a_pregnancy_of_another_person_is_none():
    assert read(told("Pregnancy of partner", onsetDateTime="2026-10-01"))["pregnancy"].value is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Contraception", "IUD", "used"),
        ("Birth control method", "None", "notUsed"),
        ("Emergency contraception", "Yes", None),
        ("Contraceptive counseling provided", "Yes", None),
        ("Contraception discussed", "Yes", None),
        ("History of contraception use", "Yes", None),
        ("Needs contraception", "Yes", None),
    ],
)
def test_contraception_that_is_used(name, value, expected):
    assert read(lab(name, value))["contraception"].value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Breastfeeding (mother)", True),
        ("Breastfeeding counseling", None),
        ("Plans breastfeeding", None),
        ("History of breastfeeding difficulties", None),
    ],
)
def test_breastfeeding_that_goes_on(text, expected):
    assert read(told(text, onsetDateTime="2026-10-01"))["breastfeeding"].value is expected


# PML in the words of reports


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Kein Hinweis auf PML.", "none"),
        ("Keine PML-verdächtigen Läsionen.", "none"),
        ("Pas d'argument pour une LEMP.", "none"),
        ("Geen aanwijzingen voor PML.", "none"),
        ("Sin signos de LEMP.", "none"),
        ("PML was considered but felt to be unlikely.", "none"),
        ("Verdacht auf PML.", "suspected"),
        ("Aspect évocateur de LEMP.", "suspected"),
        ("PML nicht ausgeschlossen.", "suspected"),
        ("PML kann nicht ausgeschlossen werden.", "suspected"),
        ("No enhancement, suspicious for PML.", "suspected"),
    ],
)
def test_pml_in_reports_of_several_languages(words, expected):
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "MRI brain"}, "conclusion": words}
    assert read(report | {"effectiveDateTime": "2026-10-10"})["pml"].value == expected


def test_a_note_that_it_could_be_pml():
    assert read(lab("Progress note", "We discussed that the MRI finding could be PML."))["pml"].value is None


def test_jc_virus_in_a_fluid_that_is_not_stated():
    fact = read(lab("JC Virus DNA, PCR", "Detected"))["pml"]
    assert (fact.value, "JC virus DNA" in fact.reason) == (None, True)
    for name in ("JC Virus DNA, urine", "JC Virus DNA, plasma", "JC virus antibody"):
        assert read(lab(name, "Detected"))["pml"].value == "none"


def test_pml_in_spanish():
    assert read(told("Leucoencefalopatía multifocal progresiva"))["pml"].value == "confirmed"


@pytest.mark.parametrize(("certainty", "expected"), [("G", "active"), ("Z", "past"), ("V", None), ("A", "none")])
def test_the_certainty_that_german_charts_write_beside_a_code(certainty, expected):
    """G is certain, Z a condition after it, V a suspicion, A an exclusion."""
    extension = {"url": "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit", "valueCoding": {"code": certainty}}
    coding = {"system": ICD10GM, "code": "C50.9", "display": "Bösartige Neubildung: Brustdrüse", "extension": [extension]}
    assert read(condition({"coding": [coding]}, verification=None, clinical=None))["malignancy"].value == expected


def test_a_cancer_in_german_shorthand():
    assert read(told("Mamma-Ca links, Ablatio 2019"))["malignancy"].value is None


def test_a_test_that_nobody_expects_is_not_named_as_missing():
    assert "RNA" not in read()["hiv"].reason
