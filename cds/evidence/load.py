"""Load `seeds/evidence` and `seeds/documents` into typed records, once, at start-up.

Every problem is a `ContentError` that names the file and what to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from msgspec import Struct
from pydantic import ValidationError

from cds.evidence.criteria import Condition, CriterionError, compile_condition
from cds.evidence.figures import numbers, printed
from cds.evidence.model import (
    Aspect,
    Biomarker,
    Claim,
    Criterion,
    Definition,
    Drug,
    FoundingDocument,
    Record,
    Risk,
    Source,
    Studied,
    Summary,
)
from cds.mendable import MendableError
from cds.patient.facts import FactKind
from cds.plain_yaml import load_yaml

R = TypeVar("R", bound=Record)


class ContentError(MendableError, ValueError):
    """Content that cannot be used; the message names the file, the record and the mend."""


class Citing(NamedTuple):
    """What a card needs to cite a claim, worked out once.

    Its sources, citable ones first, and those that are; whether it may be shown: a citable source, and none withdrawn or corrected
    without a second look; and sources without an identifier that alone print a number of it, which a card names beside the first.
    """

    sources: tuple[Source, ...]
    citable: tuple[Source, ...]
    showable: bool
    beside: tuple[Source, ...]


class Evidence(Struct, frozen=True, dict=True):
    """The whole evidence base, by id."""

    sources: dict[str, Source]
    claims: dict[str, Claim]
    criteria: dict[str, Criterion]
    conditions: dict[str, Condition]
    summaries: dict[str, Summary]
    stance_conditions: dict[str, tuple[Condition, ...]]
    drugs: dict[str, Drug]
    definitions: dict[str, Definition]
    risks: dict[str, Risk]
    biomarkers: dict[str, Biomarker]
    documents: dict[str, FoundingDocument]
    studied: dict[str, tuple[tuple[Aspect, Condition], ...]]
    """Source → what the people studied had in common, each with its condition."""

    @cached_property
    def in_order(self) -> tuple[Summary, ...]:
        """All summaries in the order of their ids."""
        return tuple(self.summaries[id] for id in sorted(self.summaries))

    @cached_property
    def _prepared(self) -> dict[tuple[str, str, tuple[str, ...]], Citing]:
        return {}

    def citing(self, claim: Claim) -> Citing:
        """What a card needs to cite the claim."""
        said = claim.id, claim.brief or claim.sentence, claim.sources
        if said not in self._prepared:
            self._prepared[said] = self._prepare(claim)
        return self._prepared[said]

    def _prepare(self, claim: Claim) -> Citing:
        sources = tuple(sorted((self.sources[id] for id in claim.sources), key=lambda source: not source.identifiers.citable))
        citable = tuple(source for source in sources if source.identifiers.citable)
        standing = all(source.correction is None or source.correction.cleared is not None for source in sources)
        left = numbers(claim.brief or claim.sentence).difference(*(numbers(printed(source)) for source in citable))
        beside = tuple(source for source in sources if source not in citable and left & numbers(printed(source)))
        return Citing(sources, citable, bool(citable) and standing, beside)

    def sources_of(self, claim: Claim) -> tuple[Source, ...]:
        """The sources of a claim, citable ones first, otherwise as written."""
        return self.citing(claim).sources

    def showable(self, claim: Claim) -> bool:
        """Whether a card may carry the claim."""
        return self.citing(claim).showable


def read_yaml(path: Path) -> Any:
    """The content of one YAML file; `ContentError` names the file and line if it is not YAML."""
    try:
        return load_yaml(path.read_bytes())
    except yaml.YAMLError as error:
        raise ContentError(f"{path}: not valid YAML: {error}") from error


def read_records(paths: Iterable[Path], model: type[R]) -> Iterator[tuple[Path, R]]:
    """All records of one kind; a file holds one record or a list of them."""
    for path in sorted(paths):
        content = read_yaml(path)
        for number, item in enumerate(content if isinstance(content, list) else [content], start=1):
            try:
                yield path, model.model_validate(item)
            except ValidationError as error:
                name = item.get("id", f"record {number}") if isinstance(item, dict) else f"record {number}"
                problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
                raise ContentError(f"{path}: {name}: {problems}") from error


def _by_id(paths: Iterable[Path], model: type[R]) -> dict[str, R]:
    found: dict[str, R] = {}
    for path, record in read_records(paths, model):
        id: str = vars(record)["id"]
        if id in found:
            raise ContentError(f"{path}: the id {id!r} is used twice; ids are unique within a kind")
        found[id] = record
    return found


def load_evidence(seeds: Path, catalogue: dict[str, FactKind]) -> Evidence:
    """Read the evidence base below `seeds` and compile its criteria against the fact catalogue.

    Raises `ContentError` for unreadable files, unknown fields, double ids, and criteria that name no fact.
    """
    evidence = seeds / "evidence"
    criteria = _by_id((evidence / "criteria").glob("**/*.yaml"), Criterion)
    summaries = _by_id((evidence / "summaries").glob("**/*.yaml"), Summary)
    studied = [record for _, record in read_records([evidence / "studied.yaml"], Studied)]
    try:
        conditions = {id: compile_condition(c.when, catalogue, f"criterion {id}") for id, c in criteria.items()}
        stance_conditions = {
            id: tuple(compile_condition(change.when, catalogue, f"summary {id}") for change in summary.stance_changes)
            for id, summary in summaries.items()
        }
        people = {
            record.source: tuple(
                (aspect, compile_condition(aspect.when, catalogue, f"studied {record.source}")) for aspect in record.aspects
            )
            for record in studied
        }
    except CriterionError as error:
        raise ContentError(str(error)) from error
    loaded = Evidence(
        sources=_by_id((evidence / "sources").glob("**/*.yaml"), Source),
        claims=_by_id((evidence / "claims").glob("**/*.yaml"), Claim),
        criteria=criteria,
        conditions=conditions,
        summaries=summaries,
        stance_conditions=stance_conditions,
        drugs=_by_id((evidence / "drugs").glob("**/*.yaml"), Drug),
        definitions=_by_id((evidence / "definitions").glob("**/*.yaml"), Definition),
        risks=_by_id([evidence / "risks.yaml"], Risk),
        biomarkers=_by_id([evidence / "biomarkers.yaml"], Biomarker),
        documents=_by_id((seeds / "documents").glob("*.yaml"), FoundingDocument),
        studied=people,
    )
    _check_references(loaded)
    return loaded


def _check_references(evidence: Evidence) -> None:
    """Every id that a record names exists; the first that does not is reported."""
    for claim in evidence.claims.values():
        _require(claim.sources, evidence.sources, f"claim {claim.id}", "source")
    for summary in evidence.summaries.values():
        where = f"summary {summary.id}"
        _require(summary.gates + summary.limits + summary.favourable, evidence.criteria, where, "criterion")
        claims = summary.claims + tuple(position.claim for position in summary.positions)
        claims += tuple(id for change in summary.stance_changes for id in change.claims)
        _require(claims, evidence.claims, where, "claim")
        _require(summary.ongoing_trials, evidence.sources, where, "source")
    _require(evidence.studied, evidence.sources, "studied.yaml", "source")
    for document in evidence.documents.values():
        where = f"document {document.id}"
        for statement in document.statements:
            _require(statement.claims, evidence.claims, where, "claim")
            _require((statement.source,) if statement.source else (), evidence.sources, where, "source")


def _require(ids: Iterable[str], known: dict[str, Any], where: str, kind: str) -> None:
    for id in ids:
        if id not in known:
            raise ContentError(f"{where}: there is no {kind} {id!r}; correct the id or add the {kind}")
