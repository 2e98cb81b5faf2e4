"""The safety matrix: each drug (and AHSCT) against the hazards of this chart (clinical-rules section 4).

Fires on recorded facts only. A contraindication or boxed situation that is recorded is a warning; a caution is information;
what is to be monitored, or is not known, belongs to the moment of ordering. A pair on which nothing was read is `noEvidenceRead`,
never "safe".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from pydantic import Field

from cds.evidence.criteria import (
    VERDICTS,
    Condition,
    CriterionError,
    Facts,
    Ground,
    Verdict,
    compile_condition,
    reasons_of,
    resources_of,
)
from cds.evidence.load import ContentError, Evidence, read_records
from cds.evidence.model import Certainty, Claim, Criterion, Id, Record, Topic
from cds.fhir.dates import DateRange
from cds.patient.context import Episode
from cds.patient.facts import FactKind
from cds.patient.orders import Order
from cds.patient.reading import months_since
from cds.three_valued import Truth, all_of, any_of

Column = Literal["contraindication", "boxed", "caution", "monitor", "unread"]
"""Where clinical-rules section 4 lists the hazard; `unread`: recorded in the chart, and nothing was read on it with this drug."""
Level = Literal["warning", "info"]
Stage = Literal["drafted", "washIn", "acting", "rebound", "residual", "off", "unknown"]
"""Where a drug stands: the phase of its course (F11), or drafted in this call."""

_NEEDS_WORDS: tuple[Stage, ...] = ("rebound", "residual", "off", "unknown")
"""Stages in which a finding says how the drug stands: it is not simply being taken or drafted."""
AHSCT = "ahsct"
"""The row for transplantation; it stands in the matrix like a drug."""
AT_WORK: tuple[Stage, ...] = ("drafted", "washIn", "acting", "rebound", "residual", "unknown")
"""Stages in which a hazard is looked at unless it says otherwise: not once the drug is off."""
WARNED: tuple[Column, ...] = ("contraindication", "boxed")
"""Columns whose recorded hazards are warnings."""
RECORDED: tuple[Column, ...] = ("contraindication", "boxed", "caution", "unread")
"""Columns that fire on what is recorded; what is to be monitored is for the moment of ordering."""
UNREAD_FILE = "unread-hazards.yaml"
"""Beside the folder of the matrix: the hazards that are named where the chart holds them, although nothing was read on the pair."""


class Hazard(Record):
    """One hazard of one drug: when the chart holds it, and what labels or guidance say of the pair."""

    id: Id
    hazard: str = Field(description="the hazard as a clinician names it, such as `Pregnancy`")
    column: Column
    when: dict[str, Any] | None = Field(
        None, description="condition over facts, as in criteria; met: the hazard is recorded; absent: the stage of the drug decides alone"
    )
    stages: tuple[Stage, ...] = Field(AT_WORK, description="where the drug must stand")
    within_months: float | None = Field(None, description="only so many months after the last dose; drafted and going on are within")
    sentence: str = Field(description="what the source says of drug and hazard, at most 130 characters")
    certainty: Certainty = Field("high", description="high for a label or a regulator, lower for reviews and series")
    sources: tuple[Id, ...] = Field(description="sources of the sentence; at least one citable, or it is not printed")
    item: str = Field(description="the datum that would settle it, named when it is not known")
    claim: Id | None = Field(None, description="a claim that says the same; where a card shows it, only what the chart holds is added")
    rebound: bool = Field(False, description="a line on rebound, which moves into the switch card where that is shown")
    quiet: bool = Field(True, description="false: worth a card by itself in a stable patient")
    combination: bool = Field(False, description="of two MS drugs together; it says nothing against the drug in the other's place")


class SafetyRow(Record):
    """Everything encoded on the safety of one drug, and the hazards on which nothing was read."""

    drug: str
    name: str
    topic: Topic | None = Field(None, description="cards of this topic carry the recorded hazards of the row, such as transplantation's")
    hazards: tuple[Hazard, ...] = ()
    no_evidence_read: tuple[str, ...] = ()


class UnreadHazard(Record):
    """A hazard too grave to pass over where the chart holds it and the row of the drug lists it under `no_evidence_read`."""

    name: str = Field(description="as it stands under `no_evidence_read`")
    sentence: str = Field(description="what is said of every drug: that nothing was read")
    when: dict[str, Any] | None = Field(None, description="condition over facts, for every drug")
    when_of: dict[str, dict[str, Any]] = Field({}, description="drug → condition, where the fact is one of the drug")
    stages: tuple[Stage, ...] = Field(AT_WORK, description="where the drug must stand")
    item: str = Field(description="the datum that would settle it")

    def hazard_of(self, drug: str) -> Hazard | None:
        """The hazard as one of this drug; none where no condition is given for it."""
        when = self.when_of.get(drug, self.when)
        if when is None:
            return None
        id = f"{drug}-unread-{self.name.lower().replace(' ', '-')}"
        return Hazard(
            id=id,
            hazard=self.name,
            column="unread",
            when=when,
            stages=self.stages,
            sentence=self.sentence,
            sources=(),
            item=self.item,
            quiet=False,
        )


class Pair(Struct, frozen=True):
    """A drug and one hazard of it. `claim` is the sentence as a claim, and `criterion` the hazard as the explanation lists it."""

    drug: str
    name: str
    hazard: Hazard
    condition: Condition
    claim: Claim
    criterion: Criterion

    @classmethod
    def of(cls, row: SafetyRow, hazard: Hazard, catalogue: Mapping[str, FactKind]) -> Pair:
        """The pair with its condition compiled. Raises `CriterionError`."""
        return cls(
            drug=row.drug,
            name=row.name,
            hazard=hazard,
            condition=compile_condition(hazard.when or {"all": []}, catalogue, f"hazard {hazard.id}"),
            claim=Claim(
                id=hazard.id,
                sentence=hazard.sentence,
                area="ahsct" if row.drug == AHSCT else "dmt",
                therapy=row.name,
                topic="safety",
                certainty=hazard.certainty,
                certainty_reason="Safety matrix.",
                sources=hazard.sources,
            ),
            criterion=Criterion(
                id=hazard.id,
                text=f"{row.name}: {hazard.hazard}",
                when=hazard.when or {},
                basis=hazard.sources,
                item=hazard.item,
            ),
        )


class SafetyMatrix(Struct, frozen=True, dict=True):
    """All rows, and by drug its pairs in the order of the row."""

    rows: dict[str, SafetyRow]
    pairs: dict[str, tuple[Pair, ...]]

    @cached_property
    def against(self) -> SafetyMatrix:
        """What speaks against a drug where the chart holds it: no caution, and nothing that is only said of two drugs together."""
        return self._of(lambda hazard: hazard.column in WARNED and not hazard.combination)

    @cached_property
    def rebound(self) -> SafetyMatrix:
        """What is said of the months after stopping."""
        return self._of(lambda hazard: hazard.rebound)

    def _of(self, picks: Callable[[Hazard], bool]) -> SafetyMatrix:
        pairs = {drug: tuple(pair for pair in pairs if picks(pair.hazard)) for drug, pairs in self.pairs.items()}
        return SafetyMatrix(self.rows, pairs)


class Standing(Struct, frozen=True, kw_only=True):
    """How one drug stands in this chart. `taken` is the last day it was taken, if known; as of today while it goes on."""

    drug: str
    stage: Stage
    reason: str
    resources: tuple[str, ...] = ()
    taken: DateRange | None = None


class SafetyFinding(Struct, frozen=True):
    """One hazard of one drug against the chart. What it rests on is worked out where it is asked for: most findings are not shown.

    `courses` are those whose stage counts for the hazard and whose words belong to it.
    """

    pair: Pair
    verdict: Verdict
    facts: Facts
    courses: tuple[Standing, ...]
    drafted: bool

    def __repr__(self) -> str:
        """Which hazard it is and its verdict, and nothing else of the chart."""
        return f"SafetyFinding({self.hazard.id}: {self.verdict})"

    @property
    def drug(self) -> str:
        """The drug's id."""
        return self.pair.drug

    @property
    def name(self) -> str:
        """The drug's name."""
        return self.pair.name

    @property
    def hazard(self) -> Hazard:
        """The hazard as written."""
        return self.pair.hazard

    @property
    def claim(self) -> Claim:
        """The sentence as a claim, so that a card lists it with its sources like any other."""
        return self.pair.claim

    @property
    def behind(self) -> tuple[Ground, ...]:
        """What the verdict rests on: facts of the chart, and how the drug stands."""
        return (*(self.facts[name] for name in self.pair.condition.why(self.facts)), *self.courses)

    @property
    def reasons(self) -> tuple[str, ...]:
        """How the chart says so."""
        return reasons_of(self.behind)

    @property
    def reason(self) -> str:
        """The same in one text."""
        return " ".join(self.reasons)

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources behind it, `Type/id`."""
        return resources_of(self.behind)

    @property
    def level(self) -> Level:
        """`warning` where a contraindication or boxed situation is recorded, otherwise `info`."""
        return "warning" if self.verdict == "met" and self.hazard.column in WARNED else "info"

    @property
    def recorded(self) -> bool:
        """Whether the chart holds the hazard itself, and not only something to monitor."""
        return self.verdict == "met" and self.hazard.column in RECORDED


def load_safety(folder: Path, evidence: Evidence, catalogue: dict[str, FactKind]) -> SafetyMatrix:
    """Read `seeds/evidence/safety`. Raises `ContentError` for unknown facts, double ids and sources that do not exist."""
    rows: dict[str, SafetyRow] = {}
    pairs: dict[str, tuple[Pair, ...]] = {}
    ids = set(evidence.claims)
    grave = [record for _, record in read_records(folder.parent.glob(UNREAD_FILE), UnreadHazard)]
    for path, written in read_records(folder.glob("*.yaml"), SafetyRow):
        if written.drug in rows:
            raise ContentError(f"{path}: there is a row for {written.drug!r} already")
        row = rows[written.drug] = _with_unread(written, grave)
        for hazard in row.hazards:
            if hazard.id in ids:
                raise ContentError(f"{path}: the hazard id {hazard.id!r} is used twice")
            missing = [id for id in hazard.sources if id not in evidence.sources]
            if missing:
                raise ContentError(f"{path}: hazard {hazard.id}: there is no source {missing[0]!r}")
            if hazard.claim is not None and hazard.claim not in evidence.claims:
                raise ContentError(f"{path}: hazard {hazard.id}: there is no claim {hazard.claim!r}")
            ids.add(hazard.id)
        try:
            pairs[row.drug] = tuple(Pair.of(row, hazard, catalogue) for hazard in row.hazards)
        except CriterionError as error:
            raise ContentError(f"{path}: {error}") from error
    return SafetyMatrix(rows, pairs)


def _with_unread(row: SafetyRow, grave: Iterable[UnreadHazard]) -> SafetyRow:
    """The row with those of its unread pairs that are named where the chart holds the hazard."""
    found = (hazard.hazard_of(row.drug) for hazard in grave if hazard.name in row.no_evidence_read)
    return row.model_copy(update={"hazards": row.hazards + tuple(hazard for hazard in found if hazard is not None)})


def standings(episodes: Iterable[Episode], orders: Iterable[Order], as_of: date) -> tuple[Standing, ...]:
    """How every drug of the chart and of the draft orders stands on the day."""
    taken = [
        Standing(
            drug=episode.drug,
            stage=episode.phase,
            reason=_course(episode),
            resources=episode.resources,
            taken=_last_taken(episode, as_of),
        )
        for episode in episodes
    ]
    drafted = [drafted_standing(order.drug, as_of, order.resource) for order in orders if order.drug]
    transplants = [drafted_standing(AHSCT, as_of, order.resource) for order in orders if order.kind == "transplant"]
    return (*taken, *drafted, *transplants)


def drafted_standing(drug: str, as_of: date, *resources: str) -> Standing:
    """A drug that is drafted, or weighed as if it were."""
    return Standing(drug=drug, stage="drafted", reason="", resources=resources, taken=DateRange.on(as_of))


def stopped_standing(episode: Episode) -> Standing:
    """A drug that acts, weighed as if it had just been stopped."""
    return Standing(drug=episode.drug, stage="rebound", reason=_course(episode), resources=episode.resources)


def _last_taken(episode: Episode, as_of: date) -> DateRange | None:
    if episode.ongoing is True:
        return DateRange.on(as_of)
    return episode.end or (episode.doses[-1] if episode.doses else None)


def _course(episode: Episode) -> str:
    """The course in words, for hazards that rest on the drug itself."""
    name = episode.name[0].upper() + episode.name[1:]
    if episode.phase == "unknown":
        return f"Whether {episode.name} still acts is not known."
    if episode.ongoing is False and episode.end is not None:
        return f"{name} last taken {episode.end}."
    return f"{name} since {episode.start}." if episode.start else f"{name} is recorded."


def assess(matrix: SafetyMatrix, stands: Sequence[Standing], facts: Facts, as_of: date, *, held: bool = False) -> tuple[SafetyFinding, ...]:
    """Every hazard of the given drugs with its verdict; warnings first, then as written.

    `held`: only those whose condition the chart holds for certain.
    """
    of_drug: dict[str, list[Standing]] = {}
    for stand in stands:
        of_drug.setdefault(stand.drug, []).append(stand)
    judged = (
        (pair, holds, [stand for stand in courses if stand.stage in pair.hazard.stages])
        for drug, courses in of_drug.items()
        for pair in matrix.pairs.get(drug, ())
        if (holds := pair.condition.test(facts)) is True or not held
    )
    findings = [_finding(pair, holds, here, facts, as_of) for pair, holds, here in judged if here]
    return tuple(sorted(findings, key=lambda finding: finding.level != "warning"))


def _finding(pair: Pair, holds: Truth, here: Sequence[Standing], facts: Facts, as_of: date) -> SafetyFinding:
    hazard = pair.hazard
    near = [(stand, _near(hazard, stand, as_of)) for stand in here]
    verdict = VERDICTS[all_of((holds, any_of(within for _, within in near)))]
    courses = tuple(stand for stand, within in near if within is not False and (hazard.when is None or stand.stage in _NEEDS_WORDS))
    return SafetyFinding(pair, verdict, facts, courses, any(stand.stage == "drafted" for stand in here))


def _near(hazard: Hazard, stand: Standing, as_of: date) -> Truth:
    """Whether the last dose lies within the months of the hazard; unknown if no date says so."""
    if hazard.within_months is None:
        return True
    return None if stand.taken is None else months_since(stand.taken, as_of) <= hazard.within_months
