"""The safety matrix as content: every pair is tried both ways by a patient, and what was not read is named."""

from datetime import date

import pytest

from cds.authoring.check import check
from cds.content import load_content
from cds.evidence.safety import assess, drafted_standing
from cds.explain_input import chart_of_request
from cds.patient.read import read_patient
from cds.vignette import expand
from tests.spec.tables import tables

CONTENT = load_content()
AS_OF = date(2026, 11, 20)
WRITTEN = {hazard.id: hazard for row in CONTENT.safety.rows.values() for hazard in row.hazards}
HAZARDS = {id: hazard for id, hazard in WRITTEN.items() if hazard.column != "unread"}
DRUGS = [drug for drug, row in CONTENT.safety.rows.items() if row.topic is None]
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
    assert set().union(*TRIED.values()) <= set(WRITTEN)


def test_every_drug_has_a_row_and_names_what_was_not_read():
    for drug in CONTENT.rules.treatment.drugs.drugs:
        assert CONTENT.safety.rows[drug].no_evidence_read, drug


@pytest.mark.parametrize("pair", ["Vaccination", "Varicella zoster serology", "Age limits", "Neuromyelitis optica spectrum disorder"])
def test_pairs_that_no_source_speaks_of(pair):
    """Section 4, last bullet: these exist in the matrix as not read, for every drug that has any text."""
    for row in CONTENT.safety.rows.values():
        if any(hazard.column != "unread" for hazard in row.hazards) and row.topic is None:
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


def weighed(drug, *lines):
    """The hazards of one drug, as if it were drafted now, in a woman of 30 of whom the lines say more."""
    text = "\n".join(["F30, RRMS since 2021", *lines])
    chart, trigger = chart_of_request(expand(text, AS_OF).request("patient-view"), CONTENT)
    facts = read_patient(chart, AS_OF, CONTENT, trigger).facts
    return assess(CONTENT.safety, [drafted_standing(drug, AS_OF)], facts, AS_OF)


@pytest.mark.parametrize("drug", DRUGS)
@pytest.mark.parametrize(("fact", "line"), [("pml", "condition pml 2026-10-08"), ("pregnancy", "9 weeks pregnant")])
def test_pml_and_pregnancy_are_named_with_every_drug(drug, fact, line):
    """A hazard as grave as these is never passed over because nothing was read on it with the drug."""
    met = [finding for finding in weighed(drug, line) if finding.verdict == "met" and f"'fact': '{fact}'" in str(finding.hazard.when)]
    assert met


@pytest.mark.parametrize("id", [id for id, hazard in WRITTEN.items() if hazard.column == "unread"])
def test_an_unread_hazard_is_silent_where_the_chart_does_not_hold_it(id):
    drug = id.partition("-unread-")[0]
    found = next(finding for finding in weighed(drug, "not pregnant 2026-11-01") if finding.hazard.id == id)
    assert found.verdict == "notMet"
    assert not found.recorded
    assert found.hazard.hazard in CONTENT.safety.rows[drug].no_evidence_read
