"""The value sets as they stand: nothing lost, nothing unconfirmed, no licence broken, every guard in place."""

import re
import shutil
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from cds.fhir.codes import Terminology, TerminologyError

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds" / "terminology"

CODES = """
    ms-any=53 ms-subtype-rrms=6 ms-subtype-spms=9 ms-subtype-ppms=8 ms-subtype-progressive-other=6 ms-subtype-benign=3
    ms-subtype-malignant-marburg=6 ms-activity-icd10cm=6 ms-relapse-event=2 ms-unspecified=7 cis=3 ris=1 ms-pediatric=3 ddx-nmosd=6
    ddx-mogad=3 ddx-adem=8 ddx-other-demyelinating=23
    ddx-susac=1 ddx-neurosarcoidosis=1 ms-family-history-negative=2 dmt-interferon-beta-1a=17
    dmt-peginterferon-beta-1a=10 dmt-interferon-beta-1b=9 dmt-glatiramer=10 dmt-teriflunomide=10 dmt-dimethyl-fumarate=12
    dmt-diroximel-fumarate=6 dmt-monomethyl-fumarate=2 dmt-tegomil-fumarate=1 dmt-fingolimod=11 dmt-siponimod=8 dmt-ozanimod=6
    dmt-ponesimod=4 dmt-cladribine-oral=6 non-ms-cladribine-injection=2 dmt-natalizumab=11 dmt-ocrelizumab=9 dmt-ofatumumab=6
    non-ms-ofatumumab-oncology=6 dmt-ublituximab=3 dmt-alemtuzumab=14 non-ms-alemtuzumab-campath=10 dmt-mitoxantrone=6
    dmt-rituximab=29 imm-cyclophosphamide=8 imm-azathioprine=8 imm-methotrexate=14 imm-mycophenolate=14 imm-leflunomide=7
    dmt-tolebrutinib=1 dmt-daclizumab-withdrawn=5 relapse-corticosteroid=13 symptomatic-dalfampridine=3 nmosd-therapies=18
    imm-status-codes=11 obs-edss=1 obs-relapse-count=0 obs-t25fw=0 obs-mri-brain-report=7 obs-mri-spine-report=3
    obs-mri-gd-lesions=0 obs-mri-t2-lesions=0 obs-jcv-antibody=1 obs-jcv-index=1 obs-jcv-dna=4 obs-nfl=1 obs-pregnancy-status=9
    obs-pregnancy-test=4 obs-breastfeeding=5 obs-alc=3 obs-lymph-percent-exclude=1 obs-cbc-other=3 obs-vzv-igg=5 obs-hbsag=2
    obs-hbc-antibody=4 obs-hbs-antibody=2 obs-hbv-dna=3 obs-hcv=4 obs-hiv=3 obs-tb-igra=4 obs-tb-igra-controls-exclude=3 obs-alt=1
    obs-ast=3 obs-bilirubin-alp=3 obs-lvef=9 obs-creatinine=5 obs-egfr=7 obs-qtc=4 obs-csf-ocb=8 obs-cyp2c9=4 obs-immunoglobulins=4
    obs-cd19=1 obs-weight-bmi=4 obs-smoking=1 obs-vitamin-d=4 obs-thyroid=2 proc-ahsct=16 proc-hsct-allogeneic-exclude=5
    proc-msc-infusion=0 proc-plasma-exchange=2 proc-leukapheresis=0 proc-mri-brain=1 proc-lumbar-puncture=0 cond-pml=3
    cond-tb-active=5 cond-tb-latent=5 cond-hbv=11 cond-hcv=7 cond-hiv=8 cond-malignancy=18 cond-heart-failure=9 cond-mi-recent=8
    cond-unstable-angina=3 cond-stroke-tia=9 cond-av-block=16 cond-av-block-low-grade-exclude=4 cond-qt-prolongation=4
    cond-other-cardiac=8 cond-macular-oedema=9 cond-macular-oedema-absent-exclude=1 cond-uveitis=7 cond-hepatic=13 cond-renal=16
    cond-pregnancy=11 cond-depression-suicidality=13 cond-thyroid=11 cond-itp-autoimmune=11 cond-immunodeficiency=7
    cond-lymphopenia-neutropenia=4 cond-severe-infection=19 cond-psoriasis=3 cond-ibd=7 cond-other-caution=16
    fhir-condition-clinical=6 fhir-condition-verification=6 fhir-condition-category=3 fhir-medicationrequest-status=8
    fhir-medicationstatement-status=8 fhir-medicationadministration-status=7 fhir-medicationdispense-status=9
    fhir-medicationrequest-intent=8 fhir-observation-status=8 fhir-allergy-status=7 stop-reason-lack-of-efficacy=5
    stop-reason-adverse=10 stop-reason-pregnancy=2 stop-reason-other=17
"""
"""How many codes the evidence confirmed for each value set; a CPT code of `proc-ahsct` is left out for its licence.

Four codes of transplantation (Z94.81, T86.0, T86.5, D89.81) are in no dossier; they come from the public ICD-10-CM list."""

UNCONFIRMED = {
    "icd10gm": "G35.0 G35.10 G35.11 G35.20 G35.21 G35.30 G35.31 G35.9",
    "icd11": "8A40.0 8A40.1 8A40.Z",
    "atc": "L04AA50",
    "hcpcs": "J2323",
    "rxnorm": "7145",
    "loinc": "17763-4 46724-1",
    "icd10pcs": "30233G0 30243G0 6A550Z3",
    "cpt": "36514 70553 38241",
    "sct": "77257005",
}
"""Codes that were looked for and not confirmed, and CPT: they may stand nowhere."""

OWN_WORDS = ("sct", "icd10", "icd11", "icd10gm", "atc", "mondo", "orphanet", "opcs4")
"""Systems whose names may not be passed on; their codes have labels of our own (NOTICE)."""


@pytest.fixture(scope="module")
def terminology():
    return Terminology.load(SEEDS)


@pytest.fixture(scope="module")
def codes(terminology):
    return [(value_set, code) for value_set in terminology.value_sets.values() for code in value_set.codes]


def test_every_confirmed_code_is_encoded(terminology):
    expected = {name: int(number) for name, number in (entry.split("=") for entry in CODES.split())}
    assert {name: len(terminology.value_sets[name].codes) for name in expected} == expected
    assert sum(expected.values()) == 994


def test_nothing_unconfirmed_is_encoded(codes):
    barred = {(system, code) for system, listed in UNCONFIRMED.items() for code in listed.split()}
    assert [(value_set.id, code.code) for value_set, code in codes if (code.system, code.code) in barred] == []


def test_no_cpt_code_is_encoded(codes):
    assert [value_set.id for value_set, code in codes if code.system == "cpt"] == []


def verhoeff_is_right(number):
    """The check digit of SNOMED CT identifiers."""
    table = [[(i + j if i < 5 else i - j) % 5 + 5 * (i // 5 ^ j // 5) for j in range(10)] for i in range(10)]
    turns = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    while len(turns) < 8:
        turns.append([turns[1][digit] for digit in turns[-1]])
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = table[check][turns[place % 8][int(digit)]]
    return check == 0


def mod10_is_right(number):
    """The check digit of LOINC numbers."""
    digits, check = number.split("-")
    doubled = int("".join(reversed(digits[::-1][::2]))) * 2
    rest = "".join(reversed(digits[::-1][1::2]))
    return (10 - sum(map(int, rest + str(doubled))) % 10) % 10 == int(check)


def test_the_checks_themselves_tell_right_from_wrong():
    assert verhoeff_is_right("24700007")
    assert not verhoeff_is_right("24700008")
    assert not verhoeff_is_right("27400007")
    assert mod10_is_right("45323-3")
    assert not mod10_is_right("45323-5")


def test_check_digits(codes):
    assert [code.code for _, code in codes if code.system == "sct" and not verhoeff_is_right(code.code)] == []
    assert [code.code for _, code in codes if code.system == "loinc" and code.code[0] != "L" and not mod10_is_right(code.code)] == []


def test_codes_look_like_codes_of_their_system(codes):
    shapes = {
        "sct": r"\d{6,18}",
        "rxnorm": r"\d{1,8}",
        "atc": r"[A-Z]\d{2}[A-Z]{1,2}(\d{2})?",
        "icd10cm": r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?",
        "icd10": r"[A-Z]\d{2}(\.\d{1,2})?",
        "icd10pcs": r"[0-9A-HJ-NP-Z]{7}",
        "loinc": r"(LA)?\d{1,7}-\d",
    }
    wrong = [(value_set.id, code.code) for value_set, code in codes if not re.fullmatch(shapes.get(code.system, ".+"), code.code)]
    assert wrong == []


def test_no_value_set_has_a_code_twice(terminology):
    for value_set in terminology.value_sets.values():
        folded = Counter((code.system, terminology.systems.fold(code.system, code.code)) for code in value_set.codes)
        assert [key for key, number in folded.items() if number > 1] == [], value_set.id


def test_names_that_may_not_be_passed_on_are_not(codes):
    assert [(value_set.id, code.code) for value_set, code in codes if code.system in OWN_WORDS and code.name is not None] == []
    tags = re.compile(r"\((?:disorder|finding|substance|product|procedure|situation|observable entity|assessment scale)\)")
    assert [code.label for _, code in codes if code.system == "sct" and tags.search(code.label or "")] == []


@pytest.mark.parametrize(
    "word", ["SNOMED CT", "LOINC", "RxNorm", "ICD-10-CM", "World Health Organization", "ATC", "CPT", "MONDO", "Orphanet", "HL7"]
)
def test_the_notice_speaks_of_every_system(word):
    assert word in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_the_notice_of_loinc_is_whole():
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
    assert "This material contains content from LOINC (http://loinc.org)." in notice
    assert "available at no cost under the license at http://loinc.org/license" in notice


GUARDS = {
    "non-ms-alemtuzumab-campath": "dmt-alemtuzumab",
    "non-ms-ofatumumab-oncology": "dmt-ofatumumab",
    "non-ms-cladribine-injection": "dmt-cladribine-oral",
    "proc-hsct-allogeneic-exclude": "proc-ahsct",
    "obs-lymph-percent-exclude": "obs-alc",
    "obs-tb-igra-controls-exclude": "obs-tb-igra",
    "cond-av-block-low-grade-exclude": "cond-av-block",
    "cond-macular-oedema-absent-exclude": "cond-macular-oedema",
    "ms-family-history-negative": "ms-any",
}


@pytest.mark.parametrize(("guard", "guarded"), GUARDS.items())
def test_every_guard_guards(terminology, guard, guarded):
    assert guarded in terminology.value_sets[guard].guards


def test_a_set_of_exclusions_guards_something_or_is_a_mimic(terminology):
    only_excludes = [s for s in terminology.value_sets.values() if s.codes and all(code.role == "exclude" for code in s.codes)]
    assert [s.id for s in only_excludes if not s.guards and not s.id.startswith("ddx-")] == []


def test_the_family_guard_covers_every_ms_set(terminology):
    diagnoses = {name for name in terminology.value_sets if name.startswith("ms-") or name in ("cis", "ris")}
    guard = terminology.value_sets["ms-family-history-negative"]
    assert set(guard.guards) == diagnoses - {guard.id}


def test_every_drug_of_a_shared_ingredient_has_its_guard_of_the_same_drug(terminology):
    for guard, guarded in GUARDS.items():
        if guard.startswith("non-ms-"):
            assert terminology.value_sets[guard].drug == terminology.value_sets[guarded].drug


def test_every_role_of_a_drug_ingredient_shared_with_oncology_is_context(terminology):
    shared = {"dmt-alemtuzumab": "117055", "dmt-ofatumumab": "712566", "dmt-cladribine-oral": "44157"}
    for name, ingredient in shared.items():
        value_set = terminology.value_sets[name]
        assert {code.role for code in value_set.codes if code.code == ingredient} == {"context"}
        assert value_set.text_settles_context


def test_the_edss_scale(terminology):
    rule = terminology.value_sets["obs-edss"].value_rule
    assert (rule.low, rule.high, rule.step, rule.undefined) == (0, 10, 0.5, (0.5,))
    assert {"{score}", "/10"} <= set(rule.units)
    assert "%" not in rule.units


@pytest.mark.parametrize("number", range(19))
def test_codes_that_mean_something_else_never_match_it(terminology, number):
    entry = terminology.never_match[number]
    sets = terminology.value_sets if "*" in entry.not_in else entry.not_in
    for name, system in product(sets, terminology.systems.by_id):
        if system == entry.system:
            assert (system, entry.code) not in {(code.system, code.code) for code in terminology.value_sets[name].codes}


def test_there_are_nineteen_such_codes(terminology):
    assert len(terminology.never_match) == 19


def test_value_sets_have_a_fhir_form(terminology):
    for value_set in terminology.value_sets.values():
        for include in value_set.fhir_include():
            assert ("concept" in include) != ("filter" in include)
            assert include["system"].startswith("http")
    (ms,) = [i for i in terminology.value_sets["ms-any"].fhir_include() if i.get("filter", [{}])[0].get("op") == "is-a"]
    assert ms == {"system": "http://snomed.info/sct", "filter": [{"property": "concept", "op": "is-a", "value": "24700007"}]}
    ranges = [i["filter"][0]["value"] for i in terminology.value_sets["cond-hiv"].fhir_include() if "filter" in i]
    assert [value for value in ranges if re.fullmatch(value, "B22") and not re.fullmatch(value, "B25")] != []


# What an editor sees when a file does not fit


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(SEEDS, tmp_path / "terminology")
    return tmp_path / "terminology"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("diagnosis/ris.yaml", "id: ris", "id: riss", "the file is named 'ris'"),
        ("diagnosis/ris.yaml", "system: sct", "system: snomed", "unknown system 'snomed'"),
        ("diagnosis/ris.yaml", "role: include", "role: maybe", "codes.0.role"),
        ("diagnosis/ris.yaml", "title:", "titel:", "titel"),
        ("diagnosis/ris.yaml", "text:", "text: [", "not valid YAML"),
        ("diagnosis/ris.yaml", "label:", "name: x, label:", "either `name` or `label`"),
        ("diagnosis/ris.yaml", "syndrome'", "syndrome('", "no regular expression"),
        ("diagnosis/ris.yaml", "'16415361000119105'", "'698816006'", "means a long-standing blocked artery"),
        ("conditions/cond-hiv.yaml", "range_end: 'B24', ", "", "a range, and only a range, has a range_end"),
        ("diagnosis/ms-family-history-negative.yaml", "ms-any", "ms-all", "guards 'ms-all', which does not exist"),
        ("diagnosis/ris.yaml", "text_guards: [negation", "text_guards: [denial", "text guard 'denial', which does not exist"),
        ("systems.yaml", "- id: loinc", "- id: sct", "two systems are called 'sct'"),
        ("systems.yaml", "read_as: icd10cm", "read_as: icd11cm", "read as 'icd11cm', which does not exist"),
        ("systems.yaml", "oids: [2.16.840.1.113883.6.1]", "oids: [2.16.840.1.113883.6.96]", "stands for both"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_file(copy, file, old, new, message):
    path = copy / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TerminologyError, match=re.escape(message)):
        Terminology.load(copy)


def test_a_missing_file_is_named(copy):
    (copy / "text-guards.yaml").unlink()
    with pytest.raises(TerminologyError, match=r"text-guards\.yaml: there is no such file"):
        Terminology.load(copy)
