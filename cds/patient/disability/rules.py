"""The rules of reading the EDSS and its worsening (clinical-rules F8–F10) as frozen, typed models.

The data stand in `seeds/evidence/definitions/disability`; Python knows how they are applied, never what they say.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from cds.patient.activity.rules import Around, ChartRecords, chart_records
from cds.patient.rules import Definitions, Rules, parse_rules


class CurrentEdss(Rules):
    """`ranvier-edss-current`."""

    months: int
    marked_after_months: int


class AfterRelapse(Rules):
    """A window of days after a relapse."""

    days_after_relapse: int


class Step(Rules):
    """By how much a baseline must rise."""

    from_: float = Field(alias="from")
    to: float
    rise: float


class WorseningRule(Rules):
    """`cdw-24w-5-5`: the steps by baseline, lowest first, and how much later they are confirmed."""

    name: str
    steps: tuple[Step, ...]
    confirmed_after_months: int

    @model_validator(mode="after")
    def _in_order(self) -> WorseningRule:
        bounds = [bound for step in self.steps for bound in (step.from_, step.to)]
        if not bounds or bounds != sorted(bounds) or bounds[0] != 0:
            raise ValueError("steps: give them from 0 upwards without overlap")
        return self

    def threshold(self, reference: float) -> float:
        """The EDSS at which a worsening from the reference begins."""
        return reference + next(step.rise for step in reversed(self.steps) if step.from_ <= reference)


class Reference(Rules):
    """`ranvier-worsening-reference`."""

    months_before_start: int
    months_after_start: int
    lowest_within_months: int


class WorseningAssessment(Rules):
    """`ranvier-worsening-assessment`."""

    latest_score_months: int


class DisabilityRules(ChartRecords, frozen=True, kw_only=True):
    """All rules of reading disability."""

    current: CurrentEdss
    near_relapse: AfterRelapse
    worsening: WorseningRule
    reference: Reference
    assessment: WorseningAssessment
    raw: AfterRelapse
    pira: Around

    @classmethod
    def of(cls, definitions: Definitions) -> DisabilityRules:
        """Parse the rules from the thresholds of all definitions, by id.

        Raises `RulesError` if a definition is missing or a field does not fit.
        """
        return cls(
            current=parse_rules(CurrentEdss, definitions, "ranvier-edss-current"),
            near_relapse=parse_rules(AfterRelapse, definitions, "ranvier-near-relapse"),
            worsening=parse_rules(WorseningRule, definitions, "cdw-24w-5-5"),
            reference=parse_rules(Reference, definitions, "ranvier-worsening-reference"),
            assessment=parse_rules(WorseningAssessment, definitions, "ranvier-worsening-assessment"),
            raw=parse_rules(AfterRelapse, definitions, "ranvier-raw-window"),
            pira=parse_rules(Around, definitions, "ranvier-pira-window"),
            **chart_records(definitions),
        )
