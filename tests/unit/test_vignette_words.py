"""The word list: every code in it is one that seeds/terminology knows, and no word can be mistaken for another."""

from pathlib import Path

import pytest

from cds.fhir.codes import Coding, Concept, Terminology
from cds.vignette.words import codings, spellings, words

SEEDS = Path(__file__).parents[2] / "seeds"
OWN = ("local", "flowsheet")
"""Systems of the synthetic site itself; a standard code does not exist for what they say."""


def triples(value, beside=""):
    """Every `[system, code, display]` in a section; ATC, SNOMED CT and ingredient codes stand without their system."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and value[0] in words()["systems"]:
        yield value
    elif isinstance(value, list) and len(value) == 2 and beside in ("atc", "snomed", "ingredient"):
        yield ["rxnorm" if beside == "ingredient" else beside, *value]
    elif isinstance(value, list):
        for item in value:
            yield from triples(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from triples(item, name)


SECTIONS = [section for section in words() if section not in ("systems", "keys")]
CODES = sorted({(system, code) for section in SECTIONS for system, code, _ in triples(words()[section]) if system not in OWN})
CODED_DRUGS = [name for name, entry in words()["drugs"].items() if entry["codes"]]


@pytest.fixture(scope="module")
def terminology():
    return Terminology.load(SEEDS / "terminology")


@pytest.mark.parametrize(("system", "code"), CODES, ids=[f"{system} {code}" for system, code in CODES])
def test_codes_are_those_of_the_terminology(terminology, system, code):
    (coding,) = codings([[system, code, ""]])
    hits = terminology.match(Concept((Coding(coding["system"], coding["code"], None),)))
    assert any(hit.how == "coded" for hit in hits)


def test_there_are_codes_to_look_at():
    assert len(CODES) > 200


@pytest.mark.parametrize("name", CODED_DRUGS)
def test_a_drug_is_recognised_as_itself(terminology, name):
    """The default coding, the brand and the other systems of one drug all fall into the same drug's value set."""
    entry = words()["drugs"][name]
    drugs = set()
    for system, code, _ in [
        *entry["codes"],
        *triples({key: entry[key] for key in ("atc", "snomed", "ingredient", "brand") if key in entry}),
    ]:
        (coding,) = codings([[system, code, ""]])
        hits = terminology.match(Concept((Coding(coding["system"], coding["code"], None),)))
        drugs.add(frozenset(hit.value_set for hit in hits))
    assert frozenset.intersection(*drugs), drugs


@pytest.mark.parametrize("section", ["diagnoses", "drugs", "labs", "conditions", "procedures", "stopReasons", "indications"])
def test_spellings_are_unambiguous(section):
    assert len(spellings(section)) == sum(
        1 + len(entry.get("aliases", []) if isinstance(entry, dict) else []) for entry in words()[section].values()
    )
