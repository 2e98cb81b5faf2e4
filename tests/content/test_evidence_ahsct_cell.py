"""What must hold of the evidence on AHSCT and cell therapy: every id resolves, every number has its source, no sentence directs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds.evidence.model import Biomarker, Claim, FoundingDocument, Risk, Source

SEEDS = Path(__file__).parents[2] / "seeds"
EVIDENCE = SEEDS / "evidence"
AREAS = ("ahsct", "cell-therapy")

COUNTS = {
    "ahsct sources": 73,
    "ahsct claims": 93,
    "ahsct eligibility": 105,
    "cell-therapy sources": 111,
    "cell-therapy claims": 207,
    "cell-therapy eligibility": 126,
    "risks": 24,
    "biomarkers": 22,
    "documents": 3,
    "statements": 137,
}

DIRECTIVE = re.compile(
    r"\b(should|must|ought|need(s)? to|has to|have to|eligible|candidates?|safe|failed patients?|switch to|start taking|stop taking)\b"
    r"|\b(best|superior|excellent|outstanding|breakthrough therapy|cure[sd]?|guaranteed)\b",
    re.IGNORECASE,
)


def read(path: Path) -> Any:
    """The content of one YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def all_sources() -> dict[str, Source]:
    """Every source of the evidence base by id, also those of the drugs that these areas point to."""
    found: dict[str, Source] = {}
    for path in sorted(EVIDENCE.glob("sources/*/*.yaml")):
        source = Source.model_validate(read(path))
        assert source.id == path.stem, path
        assert source.id not in found, f"{path}: the id is used twice"
        found[source.id] = source
    return found


@cache
def claims_of(area: str) -> dict[str, Claim]:
    """The claims of one area by id."""
    found: dict[str, Claim] = {}
    for path in sorted(EVIDENCE.glob(f"claims/{area}/*.yaml")):
        for row in read(path):
            claim = Claim.model_validate(row)
            assert claim.id not in found, f"{path}: {claim.id} stands twice"
            assert claim.area == area, f"{path}: {claim.id} belongs to {claim.area}"
            found[claim.id] = claim
    return found


def own_claims() -> list[Claim]:
    """The claims on AHSCT, on cell therapy and on NMOSD."""
    nmosd = claims_of("dmt")["add-nmosd-ms-drugs"]
    return [*claims_of("ahsct").values(), *claims_of("cell-therapy").values(), nmosd]


def own_sources() -> list[Source]:
    """The sources of the two areas."""
    return [all_sources()[path.stem] for area in AREAS for path in sorted((EVIDENCE / "sources" / area).glob("*.yaml"))]


def documents() -> list[FoundingDocument]:
    """The three founding documents."""
    return [FoundingDocument.model_validate(read(path)) for path in sorted((SEEDS / "documents").glob("*.yaml"))]


def numbers(text: str) -> set[float]:
    """The numbers printed in a text; a percentage and its number count as the same, `1,114` as 1114."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return {float(token) for token in re.findall(r"\d+(?:\.\d+)?", plain)}


def printed(source: Source) -> set[float]:
    """Every number a claim may take from a source."""
    texts: list[str] = [source.title, str(source.year or ""), str(source.n if source.n is not None else "")]
    texts += [part or "" for part in (source.population, source.intervention, source.comparator, source.follow_up)]
    for figure in (*source.figures, *source.harms):
        texts += [part or "" for part in (figure.measure, figure.contrast, figure.value, figure.ci, figure.p, figure.timepoint)]
    for rule in source.eligibility:
        texts += [rule.criterion, str(rule.value), rule.note or ""]
    return numbers(" ".join(texts))


def missing(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Names that are not known."""
    return sorted(set(names) - set(known))


def test_the_counts_are_the_expected_ones() -> None:
    """A file that is lost or left half-written is noticed."""
    counted = {"documents": len(documents()), "statements": sum(len(d.statements) for d in documents())}
    for area in AREAS:
        sources = [s for s in own_sources() if (EVIDENCE / "sources" / area / f"{s.id}.yaml").exists()]
        counted[f"{area} sources"] = len(sources)
        counted[f"{area} claims"] = len(claims_of(area))
        counted[f"{area} eligibility"] = sum(len(s.eligibility) for s in sources)
    counted["risks"] = len(read(EVIDENCE / "risks.yaml"))
    counted["biomarkers"] = len(read(EVIDENCE / "biomarkers.yaml"))
    assert counted == COUNTS


@pytest.mark.parametrize("claim", own_claims(), ids=lambda claim: claim.id)
def test_a_claim_is_sourced_short_and_does_not_direct(claim: Claim) -> None:
    """Design promises 2 and 3: a source behind every sentence, and no sentence that directs."""
    assert claim.sources
    assert not missing(claim.sources, all_sources())
    assert len(claim.sentence.split()) <= 40
    assert claim.brief is None or len(claim.brief) <= 130
    for text in (claim.sentence, claim.brief or "", claim.certainty_reason, claim.applies_to or "", *claim.caveats):
        found = DIRECTIVE.search(text)
        assert found is None, f"{found.group(0)!r} in: {text}"


@pytest.mark.parametrize("claim", own_claims(), ids=lambda claim: claim.id)
def test_every_number_of_a_claim_stands_in_its_sources(claim: Claim) -> None:
    """Numbers are data: sentence and brief print nothing that its sources do not hold."""
    known: set[float] = set().union(*(printed(all_sources()[name]) for name in claim.sources))
    for text in (claim.sentence, claim.brief or ""):
        assert not numbers(text) - known, text


@pytest.mark.parametrize("source", own_sources(), ids=lambda source: source.id)
def test_a_source_says_what_was_read_and_where(source: Source) -> None:
    """A short citation, unique figure ids, https identifiers, and the place of reading."""
    assert len(source.citation) <= 40
    assert source.read_at
    figures = [figure.id for figure in (*source.figures, *source.harms)]
    assert len(figures) == len(set(figures))
    assert source.same_as is None or source.same_as in all_sources()
    identifiers = source.identifiers
    assert identifiers.link is not None
    assert identifiers.regulator is None or identifiers.regulator.startswith("https://")
    assert identifiers.doi is None or re.fullmatch(r"10\.\d{4,9}/\S+", identifiers.doi)
    assert identifiers.pmid is None or identifiers.pmid.isdigit()
    assert identifiers.pmcid is None or re.fullmatch(r"PMC\d+", identifiers.pmcid)
    stated = {"figures": source.figures, "harms": source.harms, "eligibility": source.eligibility, "n": source.n is not None}
    assert not [name for name, value in stated.items() if value and not any(v.startswith(name) for v in source.verified)]


def test_every_claim_leading_a_card_has_a_brief() -> None:
    """AHSCT, cell, regulatory and harm claims are printed on a card an eighth of a screen wide."""
    background = {"bg"}
    assert not [claim.id for claim in own_claims() if claim.brief is None and claim.id.split("-")[0] not in background]


def test_risks_and_biomarkers_resolve() -> None:
    """Every risk and every biomarker names sources that exist, under an id of its own."""
    risks = [Risk.model_validate(row) for row in read(EVIDENCE / "risks.yaml")]
    markers = [Biomarker.model_validate(row) for row in read(EVIDENCE / "biomarkers.yaml")]
    for rows in (risks, markers):
        assert len({row.id for row in rows}) == len(rows)
        for row in rows:
            assert row.sources
            assert not missing(row.sources, all_sources()), row.id


def test_every_founding_statement_is_carried() -> None:
    """Each statement has a claim or a source record, and the rows are counted through without a gap."""
    claims = {name for area in (*AREAS, "dmt") for name in claims_of(area)}
    rows: list[int] = []
    for document in documents():
        assert document.source in all_sources()
        for statement in document.statements:
            assert statement.claims or statement.source, f"{document.id} row {statement.row} is carried by nothing"
            assert not missing(statement.claims, claims), f"{document.id} row {statement.row}"
            assert statement.source is None or statement.source in all_sources()
            rows.append(statement.row)
    assert sorted(rows) == list(range(1, len(rows) + 1))


def test_a_caveat_is_a_whole_sentence() -> None:
    """A list that a comma cut in two shows halves of a caveat as two caveats."""
    claims = [claim for area in (*AREAS, "dmt") for claim in claims_of(area).values()]
    told = [(claim.id, text) for claim in claims for text in claim.caveats]
    told += [(source.id, text) for source in all_sources().values() for text in source.limitations]
    assert not [(id, text) for id, text in told if not text.endswith(".")]


def test_what_is_left_out_has_a_reason() -> None:
    """Left-out items are listed once, with a kind and a reason."""
    rows = read(EVIDENCE / "left-out.yaml")
    assert all(set(row) == {"id", "kind", "reason"} and row["reason"] for row in rows)
    assert len({(row["id"], row["kind"]) for row in rows}) == len(rows)


def test_a_corrected_article_is_marked() -> None:
    """The two articles whose pages announce a correction carry it, so that their claims stay off the cards until someone has looked."""
    assert {source.id for source in own_sources() if source.correction} == {"aan-2018", "src-riordan-2018"}
