"""The safety matrix as content: every pair is tried both ways by a patient, and what was not read is named."""

import pytest

from cds.authoring.check import check
from cds.content import load_content
from tests.spec.tables import tables

CONTENT = load_content()
HAZARDS = {hazard.id: hazard for row in CONTENT.safety.rows.values() for hazard in row.hazards}
TRIED = {
    verdict: {id for _, table in tables() for case in table.cases for id in case.safety.get(verdict, ())}
    for verdict in ("met", "notMet", "unknown", "notAssessed")
}


@pytest.mark.parametrize("id", HAZARDS)
def test_a_patient_shows_it_recorded(id):
    assert id in TRIED["met"]


@pytest.mark.parametrize("id", [id for id, hazard in HAZARDS.items() if hazard.when is not None])
def test_a_patient_narrowly_misses_it(id):
    assert id in TRIED["notMet"] | TRIED["unknown"]


@pytest.mark.parametrize("id", [id for id, hazard in HAZARDS.items() if hazard.when is None])
def test_a_patient_stands_elsewhere(id):
    assert id in TRIED["notAssessed"]


def test_no_table_names_a_hazard_that_does_not_exist():
    assert set().union(*TRIED.values()) <= set(HAZARDS)


def test_every_drug_has_a_row_and_names_what_was_not_read():
    for drug in CONTENT.rules.treatment.drugs.drugs:
        assert CONTENT.safety.rows[drug].no_evidence_read, drug


@pytest.mark.parametrize("pair", ["Vaccination", "Varicella zoster serology", "Age limits", "Neuromyelitis optica spectrum disorder"])
def test_pairs_that_no_source_speaks_of(pair):
    """Section 4, last bullet: these exist in the matrix as not read, for every drug that has any text."""
    for row in CONTENT.safety.rows.values():
        if row.hazards and row.topic is None:
            assert pair in row.no_evidence_read, row.drug


def test_breastfeeding_was_read_for_two_drugs_only():
    read = {row.drug for row in CONTENT.safety.rows.values() if any(h.hazard == "Breastfeeding" for h in row.hazards)}
    assert read == {"teriflunomide", "cladribine"}
    for row in CONTENT.safety.rows.values():
        assert ("Breastfeeding" in row.no_evidence_read) is (row.drug not in read), row.drug


def test_the_content_check_holds_the_matrix():
    assert [problem for problem in check(CONTENT, CONTENT.edition.reviewed) if problem.level == "error" and "hazard" in problem.where] == []


def test_every_drug_that_can_be_drafted_has_evidence_or_none_stored():
    adjuncts = {drug for drug, rule in CONTENT.rules.treatment.drugs.drugs.items() if rule.adjunct or rule.indication == "stated"}
    assert set(CONTENT.rules.treatment.drugs.drugs) - adjuncts == set(CONTENT.drug_evidence.drugs)
