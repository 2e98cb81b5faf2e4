"""A site's own codes: what the file may say, what it means, and the errors an integrator sees."""

import re
from pathlib import Path

import pytest

from cds.fhir.codes import Concept, LocalCodesError, Terminology

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds" / "terminology"
EPIC = r"^urn:oid:1\.2\.840\.114350\.1\.13\.\d+\.\d+\.7\.2\.707679$"


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "local.yaml"
        path.write_text(text, encoding="utf-8")
        return Terminology.load(SEEDS, local_codes=path)

    return load


def hits(terminology, system, code, text=None):
    concept = Concept.of({"coding": [{"system": system, "code": code}], "text": text})
    return [(hit.value_set, hit.role, hit.how, hit.label, hit.captured) for hit in terminology.match(concept)]


def test_the_example_of_the_documentation_works(load):
    example = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "local-codes.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    terminology = load(example[1])
    row = "urn:oid:1.2.840.114350.1.13.283.2.7.2.707679"
    assert hits(terminology, row, "18001") == [("obs-edss", "include", "coded", "EDSS flowsheet row", ())]
    assert hits(terminology, row, "18002")[0][4] == (("months", "12"),)
    oracle = "https://fhir.cerner.com/0a1b2c3d-0000-4000-8000-000000000000/codeSet/72"
    assert hits(terminology, oracle + "/", "4567890")[0][0] == "obs-edss"
    assert hits(terminology, oracle, "4567891")[0][0] == "obs-mri-gd-lesions"


def test_only_the_system_and_code_that_are_mapped(load):
    terminology = load(f"codes: [{{system_pattern: '{EPIC}', code: '18001', value_set: obs-edss, label: EDSS}}]")
    assert hits(terminology, "urn:oid:1.2.840.114350.1.13.1.2.7.2.707679", "18002") == []
    assert hits(terminology, "urn:oid:1.2.840.114350.1.13.1.2.7.2.698288", "18001") == []
    assert hits(terminology, "urn:oid:1.2.840.114350.1.13.1.2.7.2.707679.5", "18001") == []
    assert hits(terminology, None, "18001") == []


def test_a_code_of_a_known_system_can_be_mapped_too(load):
    terminology = load("codes: [{system: 'http://loinc.org/', code: '00000-0', value_set: obs-edss, label: EDSS of the site}]")
    assert hits(terminology, "urn:oid:2.16.840.1.113883.6.1", "00000-0")[0][:3] == ("obs-edss", "include", "coded")


def test_a_mapped_code_beats_its_words(load):
    terminology = load("codes: [{system: 'urn:site', code: '1', value_set: obs-relapse-count, label: Relapses}]")
    assert [hit[0] for hit in hits(terminology, "urn:site", "1", text="EDSS")] == ["obs-relapse-count"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("codes: [", "not valid YAML"),
        ("[]", "expected one key `codes`"),
        ("codes: {}", "expected one key `codes`"),
        ("codes: []\nmore: 1", "expected one key `codes`"),
        ("codes: [5]", "entry 1"),
        ("codes: [{system: a, code: '1', label: x}]", "entry 1: value_set: Field required"),
        ("codes: [{system: a, code: '1', value_set: obs-eds, label: x}]", "entry 1: there is no value set 'obs-eds'"),
        ("codes: [{code: '1', value_set: obs-edss, label: x}]", "give either `system` or `system_pattern`"),
        ("codes: [{system: a, system_pattern: b, code: '1', value_set: obs-edss, label: x}]", "give either `system` or `system_pattern`"),
        ("codes: [{system_pattern: '(', code: '1', value_set: obs-edss, label: x}]", "no regular expression"),
        ("codes: [{system: a, code: 1, value_set: obs-edss, label: x}]", "entry 1: code: Input should be a valid string"),
        ("codes: [{system: a, code: '', value_set: obs-edss, label: x}]", "entry 1: code"),
        ("codes: [{system: a, code: '1', value_set: obs-edss, label: x, unit: y}]", "entry 1: unit"),
        ("codes: [{system: a, code: '1', value_set: obs-edss, label: x, months: 0}]", "entry 1: months"),
        (
            "codes: [{system: a, code: '1', value_set: obs-edss, label: x}, {system: a, code: '1', value_set: obs-edss, label: y}]",
            "entry 2: code '1' is mapped twice",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_mend(load, text, message):
    with pytest.raises(LocalCodesError, match=re.escape(message)) as error:
        load(text)
    assert "local.yaml" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LocalCodesError, match=r"nowhere\.yaml: cannot be read"):
        Terminology.load(SEEDS, local_codes=tmp_path / "nowhere.yaml")
