"""The exports: valid FHIR R5, every claim traceable both ways, and bibliographies that other programs read."""

import re

from cds.content import load_content
from cds.export.bibliography import bibtex, csl_json
from cds.export.fhir_r5 import export_bundle

CONTENT = load_content()
BUNDLE = export_bundle(CONTENT)
RESOURCES = {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in BUNDLE["entry"]}


def test_ids_are_unique_and_stable():
    assert len(RESOURCES) == len(BUNDLE["entry"])
    assert export_bundle(CONTENT) == BUNDLE


def test_every_record_is_there():
    for kind, records in (
        ("Citation", CONTENT.evidence.sources),
        ("Evidence", CONTENT.evidence.claims),
        ("Library", CONTENT.evidence.summaries),
    ):
        assert {f"{kind}/{id}" for id in records} <= RESOURCES.keys()


def test_every_claim_leads_to_its_sources_and_back():
    for claim in CONTENT.evidence.claims.values():
        named = {artifact["resourceReference"]["reference"] for artifact in RESOURCES[f"Evidence/{claim.id}"]["relatedArtifact"]}
        assert named == {f"Citation/{id}" for id in claim.sources}
        assert RESOURCES[f"ArtifactAssessment/certainty-{claim.id}"]["artifactReference"]["reference"] == f"Evidence/{claim.id}"


def test_every_summary_names_its_claims():
    for summary in CONTENT.evidence.summaries.values():
        composed = {
            a["resource"].rsplit("/", 1)[1] for a in RESOURCES[f"Library/{summary.id}"]["relatedArtifact"] if a["type"] == "composed-of"
        }
        assert composed == set(summary.claims)


def test_figures_are_printed_with_their_source():
    statistics = RESOURCES["Evidence/hsct-020"]["statistic"]
    assert any("HR 0.07" in s["description"] and "0.02-0.24" in s["description"] for s in statistics)


def test_csl_and_bibtex_hold_every_source_once():
    items = csl_json(CONTENT.evidence.sources.values())
    assert [item["id"] for item in items] == sorted(CONTENT.evidence.sources)
    keys = re.findall(r"^@(?:article|misc)\{([^,]+),$", bibtex(CONTENT.evidence.sources.values()), re.MULTILINE)
    assert keys == sorted(CONTENT.evidence.sources)


def test_bibtex_of_one_source():
    entry = bibtex([CONTENT.evidence.sources["burt-2019-mist"]])
    assert "journal = {JAMA}" in entry
    assert "volume = {321}" in entry
    assert "pages = {165--174}" in entry
    assert "doi = {10.1001/jama.2018.18743}" in entry
