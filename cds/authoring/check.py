"""`ranvier content check`: everything that must hold of evidence and cards before anyone is shown them.

Loading already refuses unknown fields, double ids and references that lead nowhere (`ContentError`). Here: figures, identifiers,
wording, templates, founding statements, coverage and overdue reviews.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from jinja2 import nodes
from msgspec import Struct

from cds.content import Content
from cds.deck.cards import CardFile, environment
from cds.deck.pen import VERBS
from cds.evidence.figures import numbers, printed
from cds.evidence.load import Evidence, read_yaml
from cds.evidence.model import Claim, Source
from cds.patient.facts import CATALOGUE

FEWEST_CLAIMS = 8
"""An evidence card rests on at least so many claims."""
NOT_EVIDENCE = frozenset(("missingData", "notMs", "dmtSafety", "dmtEvidence"))
"""Topics whose cards speak about the chart rather than sum up evidence."""
BRIEF_LIMIT = 130


class Problem(Struct, frozen=True):
    """Something wrong (`error`) or worth a look (`warning`), where, and the mend."""

    level: Literal["error", "warning"]
    where: str
    what: str


class Coverage(Struct, frozen=True):
    """How much of one kind is encoded: what the dossiers hold, what was added since, and what was left out with a reason."""

    kind: str
    encoded: int
    dossier: int
    added: int
    left_out: int

    @property
    def unexplained(self) -> int:
        """Records neither encoded nor left out with a reason, or encoded without being accounted for."""
        return abs(self.dossier + self.added - self.encoded - self.left_out)


def check(content: Content, today: date) -> list[Problem]:
    """All problems of the content on a given day, errors first."""
    found = [
        *_figures(content.evidence),
        *_sources(content.evidence),
        *_bases(content.evidence),
        *_wording(content),
        *_cards(content),
        *_safety(content),
        *_statements(content.evidence),
        *_reviews(content.evidence, today),
        *(
            Problem("error", f"coverage of {row.kind}", f"{row.unexplained} records are not accounted for in seeds/evidence/coverage.yaml")
            for row in coverage(content)
            if row.unexplained
        ),
    ]
    return sorted(found, key=lambda problem: (problem.level != "error", problem.where))


def _figures(evidence: Evidence) -> Iterator[Problem]:
    """Numbers are data: every number of a claim stands in one of its own sources."""
    held = {id: numbers(printed(source)) for id, source in evidence.sources.items()}
    for claim in evidence.claims.values():
        known = set().union(*(held[id] for id in claim.sources))
        for words in (claim.sentence, claim.brief or ""):
            for number in sorted(numbers(words) - known):
                yield Problem(
                    "error", f"claim {claim.id}", f"the number {number:f} stands in none of its sources ({', '.join(claim.sources)})"
                )


def _sources(evidence: Evidence) -> Iterator[Problem]:
    """A source has a way to be found; a claim names at least one; a withdrawn source is reported."""
    for source in evidence.sources.values():
        if source.identifiers.link is None and not source.read_at:
            yield Problem(
                "error", f"source {source.id}", "no identifier and no address; add a DOI, PMID, PMCID, registration or regulator URL"
            )
        if "FILL IN" in printed(source) + source.citation:
            yield Problem("error", f"source {source.id}", "a field still says FILL IN; write what was read, or leave the field out")
        if source.correction and source.correction.cleared is None:
            yield Problem(
                "warning", f"source {source.id}", f"{source.correction.status}; its claims stay off the cards until it is cleared"
            )
    for claim in evidence.claims.values():
        if not claim.sources:
            yield Problem("error", f"claim {claim.id}", "names no source")
        if claim.brief and len(claim.brief) > BRIEF_LIMIT:
            yield Problem("error", f"claim {claim.id}", f"its brief has {len(claim.brief)} characters; at most {BRIEF_LIMIT} fit on a card")


def _bases(evidence: Evidence) -> Iterator[Problem]:
    """Every criterion rests on something that exists, or says that it is a judgement."""
    known = {"judgement", *evidence.claims, *evidence.definitions, *evidence.risks, *evidence.sources, *evidence.drugs}
    for criterion in evidence.criteria.values():
        for id in criterion.basis:
            if id not in known:
                yield Problem("error", f"criterion {criterion.id}", f"its basis {id!r} is no claim, definition, risk, drug or source")
    for definition in evidence.definitions.values():
        for id in definition.sources:
            if id not in known:
                yield Problem("error", f"definition {definition.id}", f"there is no source {id!r}")
        if definition.basis == "sources" and not definition.sources:
            yield Problem("error", f"definition {definition.id}", "names no source; say `basis: judgement` if it is a Ranvier convention")


def _wording(content: Content) -> Iterator[Problem]:
    """Statements inform: no directive, no superlative, none of the words that decide for the clinician."""
    pattern = re.compile(r"\b(?:" + "|".join(content.deck.wording.never) + r")\b", re.IGNORECASE)
    quoted = content.deck.wording.quoted
    texts: list[tuple[str, str]] = []
    for claim in content.evidence.claims.values():
        texts += [(f"claim {claim.id}", claim.sentence), (f"claim {claim.id} (brief)", claim.brief or "")]
    for summary in content.evidence.summaries.values():
        texts += [(f"summary {summary.id}", text) for text in (summary.title, summary.population, *summary.gaps)]
    for criterion in content.evidence.criteria.values():
        texts.append((f"criterion {criterion.id}", criterion.text))
    for row in content.safety.rows.values():
        texts += [(f"hazard {hazard.id}", hazard.sentence) for hazard in row.hazards]
    for drug in content.drug_evidence.drugs.values():
        texts += [(f"evidence on {drug.drug}", gap) for gap in (*drug.gaps, *(gap for row in drug.rows for gap in row.gaps))]
    for name, card in content.deck.cards.items():
        texts.append((f"card {name}", " ".join(_literal_text(card))))
    for where, text in texts:
        for phrase in quoted:
            text = text.replace(phrase, "")
        if match := pattern.search(text):
            yield Problem("error", where, f"says {match.group(0)!r}; state what was found instead of directing")


def _safety(content: Content) -> Iterator[Problem]:
    """Every MS drug has its row; a hazard's sentence is short, takes its numbers from its sources, and has one that can be cited."""
    sources = content.evidence.sources
    for drug in content.rules.treatment.drugs.drugs:
        if drug not in content.safety.rows:
            yield Problem("error", f"drug {drug}", "has no row in seeds/evidence/safety; name at least what was not read")
    for hazard in (hazard for row in content.safety.rows.values() for hazard in row.hazards if hazard.column != "unread"):
        where = f"hazard {hazard.id}"
        if len(hazard.sentence) > BRIEF_LIMIT:
            yield Problem("error", where, f"its sentence has {len(hazard.sentence)} characters; at most {BRIEF_LIMIT} fit on a card")
        known = set().union(*(numbers(printed(sources[id])) for id in hazard.sources))
        for number in sorted(numbers(hazard.sentence) - known):
            yield Problem("error", where, f"the number {number:f} stands in none of its sources ({', '.join(hazard.sources)})")
        if not any(sources[id].identifiers.citable for id in hazard.sources):
            yield Problem("warning", where, "no source can be cited, so no card shows it; `ranvier explain` does")


def _literal_text(card: CardFile) -> Iterator[str]:
    tree = environment().parse(card.source)
    for data in tree.find_all(nodes.TemplateData):
        yield data.data


def _cards(content: Content) -> Iterator[Problem]:
    for name, card in content.deck.cards.items():
        yield from _card(name, card, content)
    for summary in content.evidence.summaries.values():
        if summary.topic not in NOT_EVIDENCE and len(summary.claims) < FEWEST_CLAIMS:
            yield Problem("error", f"summary {summary.id}", f"rests on {len(summary.claims)} claims; at least {FEWEST_CLAIMS} are needed")


def _card(name: str, card: CardFile, content: Content) -> Iterator[Problem]:
    """A card's template names only what exists, shows only citable claims of its summary, and types no figure of its own."""
    evidence = content.evidence
    where = f"card {name}"
    summary = evidence.summaries.get(name)
    front, _, body = card.source.removeprefix("---\n").partition("\n---\n")
    tree = environment().parse(body)
    named: dict[str, Container[str]] = {
        "claim": evidence.claims,
        "more": evidence.claims,
        "not_met": evidence.criteria,
        "why": CATALOGUE,
        "when_true": CATALOGUE,
        "known": CATALOGUE,
        "value": CATALOGUE,
    }
    for call in tree.find_all(nodes.Call):
        verb = call.node.name if isinstance(call.node, nodes.Name) else ""
        arguments = [argument.value for argument in call.args if isinstance(argument, nodes.Const)]
        if verb not in VERBS:
            yield Problem("error", where, f"its template calls {verb!r}; it can use {', '.join(sorted(VERBS))}")
        known = named.get(verb)
        for argument in arguments if known is not None else ():
            if known is not None and argument not in known:
                yield Problem("error", where, f"{verb}({argument!r}): there is no such {'claim' if verb in ('claim', 'more') else 'name'}")
            elif verb in ("claim", "more"):
                yield from _shown_claim(where, evidence.claims[argument], evidence, summary.claims if summary else None)
    for variable in {n.name for n in tree.find_all(nodes.Name) if n.ctx == "load"} - VERBS - _assigned(tree):
        yield Problem("error", where, f"its template uses {variable!r}, which does not exist")
    for text in (data.data for data in tree.find_all(nodes.TemplateData)):
        if numbers(text):
            yield Problem("error", where, f"types a figure of its own in {text.strip()[:60]!r}; take it from a claim")
    if numbers(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", front.partition("headline:")[2])) - {Decimal(18), Decimal(2020)}:
        yield Problem("error", where, "types a figure in its headline; take it from a claim in the body")


def _assigned(tree: nodes.Template) -> set[str]:
    return {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}


def _shown_claim(where: str, claim: Claim, evidence: Evidence, claims: tuple[str, ...] | None) -> Iterator[Problem]:
    if not any(source.identifiers.citable for source in evidence.sources_of(claim)):
        names = ", ".join(claim.sources)
        yield Problem(
            "error", where, f"shows claim {claim.id}, whose sources ({names}) have no DOI, PMID, PMCID, registration or regulator URL"
        )
    if claims is not None and claim.id not in claims:
        yield Problem("error", where, f"shows claim {claim.id}, which its summary does not list")


def _statements(evidence: Evidence) -> Iterator[Problem]:
    for document in evidence.documents.values():
        for statement in document.statements:
            if not statement.claims and not statement.source:
                yield Problem("error", f"document {document.id}, statement {statement.row}", "no claim and no source record carries it")


def _reviews(evidence: Evidence, today: date) -> Iterator[Problem]:
    for summary in evidence.summaries.values():
        if summary.next_review < today:
            yield Problem("warning", f"summary {summary.id}", f"its review was due on {summary.next_review}; the card says so")


def coverage(content: Content) -> list[Coverage]:
    """Encoded, in the dossiers and left out, for every kind of record."""
    evidence = content.evidence
    ledger = read_yaml(content.root / "seeds" / "evidence" / "coverage.yaml")
    encoded = {
        "sources": len(evidence.sources),
        "claims": len(evidence.claims),
        "drugs": len(evidence.drugs),
        "field definitions": sum(id.startswith("def-") for id in evidence.definitions),
        "risk items": len(evidence.risks),
        "biomarkers": len(evidence.biomarkers),
        "selection criteria": sum(len(source.eligibility) for source in evidence.sources.values()),
        "founding statements": sum(len(document.statements) for document in evidence.documents.values()),
        "value sets": len(content.terminology.value_sets),
    }
    return [
        Coverage(kind, count, ledger[kind]["dossier"], ledger[kind].get("added", 0), len(ledger[kind].get("left_out", [])))
        for kind, count in encoded.items()
    ]


def citable_sources(sources: Iterable[Source]) -> int:
    """How many sources a card may cite."""
    return sum(source.identifiers.citable for source in sources)
