"""Everything that a card can say is in American spelling; titles of sources keep theirs."""

import re

from cds.content import load_content

CONTENT = load_content()
BRITISH = re.compile(
    r"\b\w*(?:haem|aemi[ac]|oedem|tumour|paediatr|anaesth|rrhoea|oestr|foet|centre|favour|behaviou|colour|programme\b|licence|labell|fibre|litre|judgement|ageing"
    r"|isation|[a-z]{3}ised\b|[a-z]{3}ising\b|analyse[sd]?\b)\w*",
    re.IGNORECASE,
)
ALIKE = {"advised", "analyses", "compromised", "immunocompromised", "promising", "raised", "revised", "supervised", "surprising"}
"""Words that are spelled so on both sides of the Atlantic."""


def british(text):
    return [word for word in (found[0] for found in BRITISH.finditer(text)) if word.lower() not in ALIKE]


def texts():
    """(where, text) of everything that may stand on a card or in its explanation."""
    evidence = CONTENT.evidence
    for claim in evidence.claims.values():
        yield f"claim {claim.id}", f"{claim.sentence} {claim.brief or ''}"
    for summary in evidence.summaries.values():
        yield f"summary {summary.id}", " ".join((summary.title, summary.population, *summary.gaps))
    for criterion in evidence.criteria.values():
        yield f"criterion {criterion.id}", f"{criterion.text} {criterion.item}"
    for row in CONTENT.safety.rows.values():
        for hazard in row.hazards:
            yield f"hazard {hazard.id}", f"{row.name} {hazard.hazard} {hazard.sentence} {hazard.item}"
    for drug in CONTENT.drug_evidence.drugs.values():
        yield f"evidence on {drug.drug}", " ".join((drug.name, *drug.gaps, *(gap for row in drug.rows for gap in row.gaps)))
    for record in evidence.drugs.values():
        yield f"drug {record.id}", " ".join(str(text.value) for text in (record.indicated_us, record.indicated_eu) if text)
    for source, aspects in evidence.studied.items():
        yield f"studied {source}", " ".join(aspect.people for aspect, _ in aspects)
    for name, card in CONTENT.deck.cards.items():
        yield f"card {name}", re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", card.source)
    wording = CONTENT.deck.wording
    parts = (wording.openings, wording.topics, wording.titles, wording.outcomes, wording.phrases, wording.abbreviations)
    yield "wording", " ".join(text for part in parts for text in part.values())


def test_american_spelling():
    assert [(where, words) for where, text in texts() if (words := british(text))] == []


def test_british_spelling_is_noticed():
    assert british("Randomised trials of tumours at a centre; haematopoietic, analysed, labelled.") == [
        "Randomised", "tumours", "centre", "haematopoietic", "analysed", "labelled",
    ]  # fmt: skip
    assert british("Analyses advised; raised, revised, reprogrammed.") == []
