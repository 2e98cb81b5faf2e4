"""Evidence for a drafted drug in this course of MS (clinical-rules section 2, summary EV)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from cds.evidence.criteria import Condition, CriterionError, Facts, compile_condition
from cds.evidence.load import ContentError, Evidence, read_records
from cds.evidence.model import Id, Record
from cds.patient.facts import FactKind


class EvidenceRow(Record):
    """What the evidence on the drug says under one condition."""

    when: dict[str, Any] | None = Field(None, description="condition over facts; absent: whatever the chart says")
    stance: Literal["option", "notSupported", "background"]
    claims: tuple[Id, ...] = ()
    gaps: tuple[str, ...] = ()


class DrugEvidence(Record):
    """The evidence on one drug: the first row whose condition holds speaks."""

    drug: str
    name: str
    records: tuple[Id, ...] = Field((), description="drug records whose licences are quoted")
    gaps: tuple[str, ...] = Field((), description="what is not known of the drug, whatever the course of MS")
    rows: tuple[EvidenceRow, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class DrugEvidenceBase:
    """The evidence on all drugs, with compiled conditions."""

    drugs: dict[str, DrugEvidence]
    conditions: dict[str, tuple[Condition, ...]]


def load_drug_evidence(folder: Path, evidence: Evidence, catalogue: dict[str, FactKind]) -> DrugEvidenceBase:
    """Read `seeds/evidence/drug-evidence`. Raises `ContentError` for what does not exist, and for drugs without a last resort."""
    drugs: dict[str, DrugEvidence] = {}
    conditions: dict[str, tuple[Condition, ...]] = {}
    for path, record in read_records(folder.glob("*.yaml"), DrugEvidence):
        if record.drug in drugs:
            raise ContentError(f"{path}: there is evidence on {record.drug!r} already")
        if record.rows[-1].when is not None or any(row.when is None for row in record.rows[:-1]):
            raise ContentError(f"{path}: the last row, and only the last, has no `when`")
        for kind, ids, known in (
            ("claim", [id for row in record.rows for id in row.claims], evidence.claims),
            ("drug", record.records, evidence.drugs),
        ):
            if missing := [id for id in ids if id not in known]:
                raise ContentError(f"{path}: there is no {kind} {missing[0]!r}")
        try:
            compiled = [compile_condition(row.when or {"all": []}, catalogue, f"evidence on {record.drug}") for row in record.rows]
        except CriterionError as error:
            raise ContentError(f"{path}: {error}") from error
        drugs[record.drug] = record
        conditions[record.drug] = tuple(compiled)
    return DrugEvidenceBase(drugs, conditions)


def row_for(base: DrugEvidenceBase, drug: str, facts: Facts) -> EvidenceRow | None:
    """What speaks for the drug in this chart: the first row that surely holds; nothing if nothing is stored on the drug."""
    if drug not in base.drugs:
        return None
    rows = zip(base.drugs[drug].rows, base.conditions[drug], strict=True)
    return next(row for row, condition in rows if condition.test(facts) is True)
