"""The safety matrix: each drug (and AHSCT) against the hazards of this chart (clinical-rules section 4).

Fires on recorded facts only. A contraindication or boxed situation that is recorded is a warning; a caution is information;
what is to be monitored, or is not known, belongs to the moment of ordering. A pair on which nothing was read is `noEvidenceRead`,
never "safe".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from cds.evidence.criteria import Condition, CriterionError, Facts, Verdict, compile_condition
from cds.evidence.load import ContentError, Evidence, read_records
from cds.evidence.model import Id, Record
from cds.patient.facts import FactKind

Column = Literal["contraindication", "boxed", "caution", "monitor"]
Level = Literal["warning", "info"]


class Hazard(Record):
    """One hazard of one drug: when the chart holds it, and what labels or guidance say of the pair."""

    id: Id
    hazard: str = Field(description="the hazard as a clinician names it, such as `Pregnancy`")
    column: Column
    when: dict[str, Any] = Field(description="condition over facts, as in criteria; met means the hazard is recorded")
    sentence: str = Field(description="what the source says of drug and hazard, at most 130 characters")
    sources: tuple[Id, ...] = Field(description="sources of the sentence; at least one citable")
    item: str = Field(description="the datum that would settle it, named when it is not known")
    rebound: bool = Field(False, description="a line on rebound, which moves into the switch card where that is shown")
    quiet: bool = Field(True, description="false: worth a card by itself in a stable patient")


class SafetyRow(Record):
    """Everything encoded on the safety of one drug, and the hazards on which nothing was read."""

    drug: str
    name: str
    hazards: tuple[Hazard, ...] = ()
    no_evidence_read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SafetyMatrix:
    """All rows with their compiled conditions."""

    rows: dict[str, SafetyRow]
    conditions: dict[str, Condition]


@dataclass(frozen=True, slots=True)
class SafetyFinding:
    """One hazard of one drug against the chart."""

    drug: str
    name: str
    hazard: Hazard
    verdict: Verdict
    reason: str
    resources: tuple[str, ...]

    @property
    def level(self) -> Level:
        """`warning` where a contraindication or boxed situation is recorded, otherwise `info`."""
        return "warning" if self.hazard.column in ("contraindication", "boxed") else "info"


def load_safety(folder: Path, evidence: Evidence, catalogue: dict[str, FactKind]) -> SafetyMatrix:
    """Read `seeds/evidence/safety`. Raises `ContentError` for unknown facts, double ids and sources that do not exist."""
    rows: dict[str, SafetyRow] = {}
    conditions: dict[str, Condition] = {}
    for path, row in read_records(folder.glob("*.yaml"), SafetyRow):
        if row.drug in rows:
            raise ContentError(f"{path}: there is a row for {row.drug!r} already")
        rows[row.drug] = row
        for hazard in row.hazards:
            if hazard.id in conditions:
                raise ContentError(f"{path}: the hazard id {hazard.id!r} is used twice")
            missing = [id for id in hazard.sources if id not in evidence.sources]
            if missing:
                raise ContentError(f"{path}: hazard {hazard.id}: there is no source {missing[0]!r}")
            try:
                conditions[hazard.id] = compile_condition(hazard.when, catalogue, f"hazard {hazard.id}")
            except CriterionError as error:
                raise ContentError(f"{path}: {error}") from error
    return SafetyMatrix(rows, conditions)


def assess(matrix: SafetyMatrix, drugs: Iterable[str], facts: Facts) -> tuple[SafetyFinding, ...]:
    """Every hazard of the given drugs with its verdict; warnings first, then as written."""
    findings = [
        _finding(row, hazard, matrix.conditions[hazard.id], facts)
        for drug in dict.fromkeys(drugs)
        if (row := matrix.rows.get(drug)) is not None
        for hazard in row.hazards
    ]
    return tuple(sorted(findings, key=lambda finding: finding.level != "warning"))


def _finding(row: SafetyRow, hazard: Hazard, condition: Condition, facts: Facts) -> SafetyFinding:
    truth = condition.test(facts)
    verdict: Verdict = "unknown" if truth is None else "met" if truth else "notMet"
    behind = [facts[name] for name in condition.facts if truth is None or facts[name].value not in (None, False)]
    reason = " ".join(dict.fromkeys(fact.reason for fact in behind if fact.reason))
    resources = tuple(dict.fromkeys(resource for fact in behind for resource in fact.resources))
    return SafetyFinding(row.drug, row.name, hazard, verdict, reason, resources)
