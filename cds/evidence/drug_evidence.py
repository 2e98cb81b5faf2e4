"""Evidence for a drafted drug in this course of MS (clinical-rules section 2, summary EV)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from pydantic import Field

from cds.evidence.criteria import Condition, CriterionError, Facts, compile_condition
from cds.evidence.load import ContentError, Evidence, read_records
from cds.evidence.model import Id, Record, Stance, StanceChange
from cds.patient.facts import FactKind

LEAST_SUPPORTED_FIRST: tuple[Stance, ...] = ("notSupported", "background", "option")
"""The stances of rows, in the order in which one speaks for several drafted drugs."""


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


class DraftedDrug(Record):
    """What holds of the evidence on every drafted drug, `seeds/evidence/drafted-drug.yaml`."""

    gates: tuple[Id, ...] = Field(description="criteria that must be met before evidence for a drafted drug is shown")
    stance_changes: tuple[StanceChange, ...] = Field((), description="the first whose condition holds replaces the stance of the rows")


class DrugEvidenceBase(Struct, frozen=True):
    """The evidence on all drugs, with compiled conditions, and what holds of every drafted drug."""

    drugs: dict[str, DrugEvidence]
    conditions: dict[str, tuple[Condition, ...]]
    gates: tuple[Id, ...]
    stance_changes: tuple[tuple[Stance, Condition], ...]


def load_drug_evidence(folder: Path, evidence: Evidence, catalogue: dict[str, FactKind]) -> DrugEvidenceBase:
    """Read `drug-evidence/` and `drafted-drug.yaml` of `seeds/evidence`.

    Raises `ContentError` for what does not exist, and for drugs without a last resort.
    """
    drugs: dict[str, DrugEvidence] = {}
    conditions: dict[str, tuple[Condition, ...]] = {}
    for path, record in read_records(folder.glob("drug-evidence/*.yaml"), DrugEvidence):
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
    gates, stance_changes = _of_every_drug(folder / "drafted-drug.yaml", evidence, catalogue)
    return DrugEvidenceBase(drugs, conditions, gates, stance_changes)


def _of_every_drug(
    path: Path, evidence: Evidence, catalogue: dict[str, FactKind]
) -> tuple[tuple[Id, ...], tuple[tuple[Stance, Condition], ...]]:
    records = [record for _, record in read_records([path], DraftedDrug)]
    if len(records) != 1:
        raise ContentError(f"{path}: holds {len(records)} records; it is one")
    drafted = records[0]
    if missing := [id for id in drafted.gates if id not in evidence.criteria]:
        raise ContentError(f"{path}: there is no criterion {missing[0]!r}")
    try:
        changes = ((change.stance, compile_condition(change.when, catalogue, "a drafted drug")) for change in drafted.stance_changes)
        return drafted.gates, tuple(changes)
    except CriterionError as error:
        raise ContentError(f"{path}: {error}") from error


def row_for(base: DrugEvidenceBase, drug: str, facts: Facts) -> EvidenceRow | None:
    """What speaks for the drug in this chart: the first row that surely holds; nothing if nothing is stored on the drug."""
    if drug not in base.drugs:
        return None
    rows = zip(base.drugs[drug].rows, base.conditions[drug], strict=True)
    return next(row for row, condition in rows if condition.test(facts) is True)


def stance_of(base: DrugEvidenceBase, rows: Iterable[EvidenceRow], facts: Facts) -> Stance:
    """The stance of several drafted drugs together: that of the least supported one, unless this chart changes it for every drug."""
    for changed, condition in base.stance_changes:
        if condition.test(facts) is True:
            return changed
    stances = {row.stance for row in rows}
    return next(stance for stance in LEAST_SUPPORTED_FIRST if stance in stances)
