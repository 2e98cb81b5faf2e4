"""Concepts against value sets: systems as senders write them, roles, the most specific code, guards, and text last."""

from pathlib import Path

import pytest
from fhir.resources.R4B.codeableconcept import CodeableConcept

from cds.fhir.codes import Concept, Terminology

SEEDS = Path(__file__).parents[2] / "seeds" / "terminology"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
LOINC = "http://loinc.org"


@pytest.fixture(scope="module")
def terminology():
    return Terminology.load(SEEDS)


def concept(*codings, text=None):
    """`(system, code)` or `(system, code, display)` each."""
    names = ("system", "code", "display")
    return Concept.of({"coding": [dict(zip(names, coding, strict=False)) for coding in codings], "text": text})


def brief(hits):
    return [(hit.value_set, hit.role, hit.how) for hit in hits]


# Concepts


def test_a_concept_is_the_same_from_json_and_from_fhir_resources():
    raw = {"coding": [{"system": SNOMED, "code": "24700007", "display": "MS"}], "text": "MS"}
    assert Concept.of(raw) == Concept.of(CodeableConcept.model_validate(raw))


@pytest.mark.parametrize(
    ("source", "codes", "words"),
    [
        (None, [], ()),
        ("Ocrevus", [], ("Ocrevus",)),
        ({"coding": {"system": SNOMED, "code": 24700007}}, ["24700007"], ()),
        ({"system": SNOMED, "code": "24700007", "display": " MS "}, ["24700007"], ("MS",)),
        ({"coding": [None, "x", {"display": "MS"}], "text": 5}, [None], ("5", "MS")),
        ({"coding": "x", "text": {"a": 1}}, [], ()),
        ({}, [], ()),
    ],
)
def test_a_concept_is_read_from_broken_json_too(source, codes, words):
    found = Concept.of(source)
    assert [coding.code for coding in found.codings] == codes
    assert found.words == words


def test_words_are_text_then_displays_each_once():
    assert concept((SNOMED, "1", "b"), (SNOMED, "2", "a"), text="a").words == ("a", "b")


def test_an_empty_concept_is_false():
    assert not Concept.of({"coding": []})
    assert concept((SNOMED, "1"))


# Systems and codes


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (SNOMED, "24700007"),
        ("http://snomed.info/sct/", "24700007"),
        ("HTTP://SNOMED.info/sct", "24700007"),
        ("https://snomed.info/sct", "24700007"),
        (" http://snomed.info/sct ", "24700007"),
        ("http://snomed.info/sct|http://snomed.info/sct/731000124108", "24700007"),
        ("urn:oid:2.16.840.1.113883.6.96", "24700007"),
        ("2.16.840.1.113883.6.96", "24700007"),
        (ICD10CM, "G35.D"),
        (ICD10CM, "g35d"),
        ("http://hl7.org/fhir/sid/icd-10-cm/", "G35"),
        ("http://terminology.hl7.org/CodeSystem/icd10CM", "G35.A"),
        ("urn:oid:2.16.840.1.113883.6.90", "G35.C1"),
        (ICD10, "G35"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "340"),
        ("http://id.who.int/icd/release/11/mms", "8A40"),
    ],
)
def test_ms_is_recognised_however_the_system_is_written(terminology, system, code):
    assert ("ms-any", "include", "coded") in brief(terminology.match(concept((system, code)), "ms-any"))


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (None, "24700007"),
        ("", "G35"),
        (LOINC, "24700007"),
        (RXNORM, "24700007"),
        (SNOMED, "G35"),
        ("http://hl7.org/fhir/sid/icd-10-gm", "G35"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "G35.10"),
        (ICD10CM, None),
        (SNOMED, "2470000"),
    ],
)
def test_no_code_satisfies_without_its_system(terminology, system, code):
    assert terminology.match(concept((system, code))) == ()


@pytest.mark.parametrize(("code", "course"), [("G35.A", "ms-subtype-rrms"), ("g35c1", "ms-subtype-spms"), ("G35.B2", "ms-subtype-ppms")])
def test_an_american_code_under_the_who_system_is_read_as_american(terminology, code, course):
    hits = terminology.match(concept((ICD10, code)), course)
    assert [(hit.system, hit.role) for hit in hits] == [("icd10cm", "include")]


def test_a_who_code_is_not_read_as_american(terminology):
    assert terminology.match(concept((ICD10, "R65.2")), "cond-severe-infection") == ()
    assert brief(terminology.match(concept((ICD10CM, "R65.20")), "cond-severe-infection")) == [
        ("cond-severe-infection", "include", "coded")
    ]


@pytest.mark.parametrize(
    ("system", "code", "value_set", "role"),
    [
        (ICD10CM, "C50.911", "cond-malignancy", "include"),  # range
        (ICD10CM, "C7A.00", "cond-malignancy", "include"),
        (ICD10CM, "C44.91", "cond-malignancy", "context"),  # prefix before range
        (ICD10, "C97", "cond-malignancy", "include"),
        (ICD10CM, "Z85.820", "cond-malignancy", "context"),
        (ICD10CM, "D83.9", "cond-immunodeficiency", "include"),
        (ICD10CM, "D84.821", "cond-immunodeficiency", "context"),  # exact before range
        (ICD10CM, "A19.9", "cond-tb-active", "include"),
        (ICD10, "B24", "cond-hiv", "include"),
        (ICD10CM, "O48.0", "cond-pregnancy", "include"),
        (RXNORM, "121191", "dmt-rituximab", "include"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "30243Y0", "proc-ahsct", "include"),
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "j2350", "dmt-ocrelizumab", "include"),
    ],
)
def test_the_most_specific_entry_of_a_value_set_decides(terminology, system, code, value_set, role):
    assert brief(terminology.match(concept((system, code)), value_set)) == [(value_set, role, "coded")]


@pytest.mark.parametrize(
    ("system", "code", "value_set"),
    [
        (ICD10CM, "D00.1", "cond-malignancy"),
        (ICD10, "B20", "cond-malignancy"),
        (ICD10CM, "B24", "cond-hiv"),
        (ICD10CM, "O80", "cond-pregnancy"),
        (ICD10CM, "A20", "cond-tb-active"),
        (ICD10CM, "G35.A", "ms-unspecified"),
        (ICD10CM, "G3", "ms-any"),
    ],
)
def test_codes_beside_a_range_or_prefix_stay_out(terminology, system, code, value_set):
    assert terminology.match(concept((system, code)), value_set) == ()


def test_every_coding_is_looked_at(terminology):
    hits = terminology.match(concept(("urn:local", "1"), (SNOMED, "999"), (ICD10CM, "G35.A")), "ms-subtype-rrms")
    assert brief(hits) == [("ms-subtype-rrms", "include", "coded")]


def test_the_hit_names_the_code_as_the_value_set_writes_it(terminology):
    (hit,) = terminology.match(concept((ICD10CM, "g35a")), "ms-subtype-rrms")
    assert (hit.system, hit.code, hit.label) == ("icd10cm", "G35.A", "Relapsing-remitting multiple sclerosis")


def test_a_value_set_that_does_not_exist_is_an_error(terminology):
    with pytest.raises(KeyError, match="no value set 'ms-some'"):
        terminology.match(concept((ICD10CM, "G35")), "ms-some")


# Text


def test_text_is_read_only_where_no_code_is_recognised(terminology):
    assert terminology.match(concept((ICD10CM, "I10", "RRMS"), text="RRMS"), "ms-subtype-rrms") == ()
    assert brief(terminology.match(concept(("urn:local", "1", "RRMS")), "ms-subtype-rrms")) == [("ms-subtype-rrms", "include", "text")]
    assert brief(terminology.match(concept((None, "G35.A", "RRMS")), "ms-subtype-rrms")) == [("ms-subtype-rrms", "include", "text")]


@pytest.mark.parametrize(
    ("text", "value_set", "role"),
    [
        ("Multiple Sclerosis", "ms-any", "include"),
        ("sclérose en plaques", "ms-any", "include"),
        ("MS, relapsing", "ms-any", "include"),
        ("mitral stenosis (MS)", "ms-any", None),
        ("Ms. Smith", "ms-any", None),
        ("systemic sclerosis", "ms-any", None),
        ("Family history of multiple sclerosis", "ms-any", "exclude"),
        ("rule out multiple sclerosis", "ms-any", "exclude"),
        ("primary progressive aphasia", "ms-subtype-ppms", None),
        ("PPMS", "ms-subtype-ppms", "include"),
        ("ppms", "ms-subtype-ppms", "include"),
        ("Marburg virus disease", "ms-subtype-malignant-marburg", None),
        ("carcinoma in situ (CIS)", "cis", None),
        ("MS relapse", "ms-relapse-event", "include"),
        ("Relapsing remitting MS, exacerbation of multiple sclerosis", "ms-relapse-event", "include"),
        ("pseudo-relapse", "ms-relapse-event", "exclude"),
        ("asthma attack", "ms-relapse-event", "exclude"),
        ("flare", "ms-relapse-event", "context"),
        ("Progressive Multifocal Leukoencephalopathy", "cond-pml", "include"),
        ("PML risk discussed", "cond-pml", "exclude"),
        ("no PML", "cond-pml", None),
        ("PML was excluded", "cond-pml", None),
        ("suspected PML", "cond-pml", "include"),
        ("acute promyelocytic leukaemia (PML-RARA)", "cond-pml", "exclude"),
        ("Acute disseminated encephalomyelitis", "ddx-adem", "exclude"),
        ("no evidence of NMOSD", "ddx-nmosd", None),
        ("cerebral vasculitis", "ddx-cns-vasculitis", "exclude"),
        ("HIV infection", "cond-hiv", "include"),
        ("HIV negative", "cond-hiv", "exclude"),
        ("hepatitis B vaccination", "cond-hbv", "exclude"),
        ("Mother: chronic hepatitis B", "cond-hbv", None),
        ("malignant MS", "cond-malignancy", "exclude"),
        ("Mobitz I", "cond-av-block", None),
        ("Mobitz II", "cond-av-block", "include"),
        ("teriflunomide 14 mg", "imm-leflunomide", None),
        ("quetiapine fumarate", "dmt-dimethyl-fumarate", None),
        ("Skilarence", "dmt-dimethyl-fumarate", "exclude"),
        ("DMF", "dmt-dimethyl-fumarate", "context"),
        ("peginterferon beta-1a", "dmt-interferon-beta-1a", None),
        ("peginterferon beta-1a", "dmt-peginterferon-beta-1a", "include"),
        ("alemtuzumab", "dmt-alemtuzumab", "context"),
        ("Lemtrada", "dmt-alemtuzumab", "include"),
        ("cladribine 10 mg tablet", "dmt-cladribine-oral", "include"),
        ("cladribine injection", "dmt-cladribine-oral", None),
        ("cladribine injection", "non-ms-cladribine-injection", "exclude"),
        ("Depo-Medrol 80 mg", "relapse-corticosteroid", "exclude"),
        ("methylprednisolone 1000 mg IV", "relapse-corticosteroid", "include"),
        ("lymphocytes %", "obs-alc", "exclude"),
        ("VZV IgG", "obs-immunoglobulins", "exclude"),
        ("anti-HBc IgM", "obs-hbc-antibody", "exclude"),
        ("IGRA mitogen", "obs-tb-igra", "exclude"),
        ("allogeneic stem cell transplantation", "proc-ahsct", None),
        ("stem cell transplantation", "proc-ahsct", "context"),
        ("autologous hematopoietic stem-cell transplantation", "proc-ahsct", "include"),
        ("EDSS total score", "obs-edss", "include"),
        ("EDSS functional system: visual", "obs-edss", None),
        ("stopped for lack of efficacy", "stop-reason-lack-of-efficacy", "include"),
        ("no side effects", "stop-reason-adverse", None),
    ],
)
def test_words_and_what_they_are_taken_for(terminology, text, value_set, role):
    hits = terminology.match_text(text, value_set)
    if role is None:
        assert hits == ()
    else:
        # the strongest of the roles; an exclude leaves no other
        assert hits
        assert {hit.how for hit in hits} == {"text"}
        assert ({hit.role for hit in hits} == {"exclude"}) if role == "exclude" else (role in {hit.role for hit in hits})
        assert role == "include" or "include" not in {hit.role for hit in hits}


@pytest.mark.parametrize(
    ("text", "value_set", "name", "values"),
    [
        ("EDSS 4.5 in clinic", "obs-edss", "score", ["4.5"]),
        ("EDSS 3,5 (2019). EDSS: 4", "obs-edss", "score", ["3,5", "4"]),
        ("EDSS 0-10 scale", "obs-edss", "score", []),
        ("EDSS change +1.0", "obs-edss", "score", []),
        ("JCV index 2.93", "obs-jcv-index", "idx", ["2.93"]),
        ("LVEF 45 %", "obs-lvef", "ef", ["45"]),
        ("QTc 480 ms", "obs-qtc", "ms", ["480"]),
        ("CYP2C9 *1/*3", "obs-cyp2c9", "dip", ["*1/*3"]),
        ("2 gadolinium-enhancing lesions", "obs-mri-gd-lesions", "n", ["2"]),
        ("non-active SPMS", "ms-activity-icd10cm", "nonactive", ["non-active SPMS"]),
        ("non-active SPMS", "ms-activity-icd10cm", "active", []),
    ],
)
def test_values_in_the_words_are_captured(terminology, text, value_set, name, values):
    found = [hit.get(name) for hit in terminology.match_text(text, value_set)]
    assert [value for value in found if value is not None] == values


def test_a_guard_takes_back_what_stands_in_its_sentence_only(terminology):
    roles = [hit.role for hit in terminology.match_text("Known RRMS. Mother has multiple sclerosis.", "ms-any")]
    assert sorted(roles) == ["exclude", "include"]
    assert [hit.role for hit in terminology.match_text("Mother has multiple sclerosis.", "ms-any")] == ["exclude"]


def test_a_guard_in_the_text_holds_for_the_display_beside_it(terminology):
    said = concept(("urn:local", "1", "Multiple sclerosis"), text="Family history of multiple sclerosis")
    assert {hit.role for hit in terminology.match(said, "ms-any")} == {"exclude"}


def test_nothing_in_nothing_out(terminology):
    assert terminology.match_text(None, "ms-any") == ()
    assert terminology.match(Concept(), "ms-any") == ()


# Guards and second signals


@pytest.mark.parametrize(
    ("codings", "text", "value_set", "expected"),
    [
        ([(RXNORM, "117055")], None, "dmt-alemtuzumab", [("context", "coded")]),
        ([(RXNORM, "117055")], "Lemtrada 12 mg/1.2 mL", "dmt-alemtuzumab", [("context", "coded"), ("include", "text")]),
        ([(RXNORM, "117055")], "Campath 30 mg", "dmt-alemtuzumab", []),
        ([(ATC, "L04AG06"), (RXNORM, "828265")], None, "dmt-alemtuzumab", []),
        ([(RXNORM, "712566"), (RXNORM, "1658048")], None, "dmt-ofatumumab", []),
        ([(RXNORM, "712566")], "Arzerra", "dmt-ofatumumab", []),
        ([(RXNORM, "2390954")], None, "dmt-ofatumumab", [("include", "coded")]),
        ([(RXNORM, "44157"), (ATC, "L01BB04")], None, "dmt-cladribine-oral", []),
        ([(RXNORM, "44157"), (ATC, "L04AA40")], None, "dmt-cladribine-oral", [("context", "coded"), ("include", "coded")]),
        ([(ATC, "L04AX07")], "Vumerity", "dmt-diroximel-fumarate", [("context", "coded"), ("include", "text")]),
        ([(ATC, "L04AX07")], "Skilarence", "dmt-dimethyl-fumarate", [("exclude", "text")]),
        ([(SNOMED, "234336002"), (SNOMED, "58390007")], None, "proc-ahsct", []),
        ([(LOINC, "736-9"), (LOINC, "731-0")], None, "obs-alc", []),
        ([(LOINC, "71774-4"), (LOINC, "71773-6")], None, "obs-tb-igra", []),
        ([(SNOMED, "428341000124108"), (SNOMED, "37231002")], None, "cond-macular-oedema", []),
        ([(SNOMED, "54016002"), (SNOMED, "195042002")], None, "cond-av-block", []),
        ([(ICD10CM, "Z82.0"), (SNOMED, "24700007")], None, "ms-any", []),
        ([(ICD10CM, "I25.2"), (SNOMED, "22298006")], None, "cond-mi-recent", [("exclude", "coded")]),
        ([(ATC, "H02BX01"), (RXNORM, "6902")], None, "relapse-corticosteroid", [("exclude", "coded")]),
    ],
)
def test_exclude_sets_guard_what_they_guard(terminology, codings, text, value_set, expected):
    hits = terminology.match(concept(*codings, text=text), value_set)
    assert sorted((hit.role, hit.how) for hit in hits) == expected


@pytest.mark.parametrize("code", ["no-known-medications", "no-medication-info", "no-known-problems", "anything"])
def test_none_known_and_no_information_are_no_fact(terminology, code):
    absent = ("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", code, "RRMS")
    assert terminology.match(concept(absent, (ICD10CM, "G35.A"), text="natalizumab")) == ()


# Contradictions and legibility


def drugs(contradictions, terminology):
    return [tuple(terminology.value_sets[hit.value_set].drug for hit in pair) for pair in contradictions]


@pytest.mark.parametrize(
    ("codings", "text", "expected"),
    [
        ([(RXNORM, "354770", "natalizumab")], "Tysabri 300 mg", []),
        ([(RXNORM, "354770", "fingolimod")], None, [("natalizumab", "fingolimod")]),
        ([(RXNORM, "354770")], "Gilenya", [("natalizumab", "fingolimod")]),
        ([(RXNORM, "354770"), (ATC, "L04AE01")], None, [("natalizumab", "fingolimod")]),
        ([(RXNORM, "1876366", "dupilumab 300 mg")], None, [("ocrelizumab", "another drug")]),
        ([(RXNORM, "1876366", "Ocrevus")], "OCRELIZUMAB 300 MG/10 ML IV SOLN", []),
        ([(RXNORM, "1876366", "Ocrélizumab perfusion")], None, []),
        ([(RXNORM, "1594659", "Campath")], None, [("alemtuzumab", "alemtuzumab")]),
        ([(RXNORM, "828265", "Lemtrada (alemtuzumab)")], None, [("alemtuzumab", "alemtuzumab")]),
        ([(RXNORM, "117055", "alemtuzumab")], "Campath", []),
        ([(ATC, "L04AX07")], "Vumerity", []),
        ([(RXNORM, "1546433", "MMF")], None, []),
        ([(RXNORM, "68149", "MMF")], "mycophenolate", []),
        ([("urn:local", "1", "natalizumab")], "fingolimod", []),
        ([(RXNORM, "27169", "teriflunomide")], None, [("leflunomide", "teriflunomide")]),
    ],
)
def test_code_and_words_that_contradict_each_other(terminology, codings, text, expected):
    assert drugs(terminology.contradictions(concept(*codings, text=text)), terminology) == expected


def test_an_unknown_code_without_words_tells_nothing(terminology):
    assert not terminology.legible(concept((RXNORM, "999999999")))
    assert not terminology.legible(concept(("http://hl7.org/fhir/sid/ndc", "00000-000-00")))
    assert terminology.legible(concept((RXNORM, "999999999", "aspirin 81 MG Oral Tablet")))
    assert terminology.legible(concept((RXNORM, "354770")))


@pytest.mark.parametrize(("words", "times"), [("suspected MS", 1), ("x" * 121, 2)])
def test_patterns_are_looked_up_once_for_a_concept_but_words_that_may_be_free_text_are_not_remembered(terminology, words, times):
    asked = []

    def occur():
        asked.append(words)
        return True

    for _ in range(2):
        assert terminology.once(concept(text=words), ("a pattern",), occur)
    assert len(asked) == times
    assert not terminology.once(concept(text=words), ("another pattern",), lambda: False)


def test_patterns_are_not_taken_for_value_sets(terminology):
    ms = concept((SNOMED, "24700007"))
    assert brief(terminology.match(ms, "ms-any"))
    assert not terminology.once(ms, ("ms-any",), lambda: False)
    assert brief(terminology.match(ms, "ms-any"))


def test_loading_twice_gives_the_same(terminology):
    again = Terminology.load(SEEDS)
    said = concept((ICD10CM, "G35.C1"), (SNOMED, "24700007"), text="MS")
    assert again.match(said) == terminology.match(said)
