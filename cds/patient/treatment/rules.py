"""The rules of reading treatment (clinical-rules F11–F15, F19) as frozen, typed models.

The data stand in `seeds/evidence/definitions/treatment`; Python knows how they are applied, never what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import Literal, get_args

from msgspec import Struct
from pydantic import model_validator

from cds.fhir.dates import DateRange, add_days, add_months
from cds.patient.context import Tier
from cds.patient.records.mentions import MentionRules
from cds.patient.rules import Definitions, Pattern, Rules, RulesError, parse_rules
from cds.patient.treatment.tiers import Tiers

BEGINNING, FOREVER = date.min, date.max
"""The ends of what can be dated; a range that reaches them is open on that side."""

Given = Literal["supply", "dose", "course"]
Aftermath = Literal["off", "rebound", "residual", "late"]
Says = Literal["taken", "finished", "ended", "paused", "given", "brokenOff", "planned", "never", "unknown"]
StopKind = Literal["efficacy", "adherence", "harm", "pregnancy", "other"]


class Step(Rules):
    """A length of time in calendar months, weeks and days."""

    months: int = 0
    weeks: int = 0
    days: int = 0

    def after(self, day: date) -> date:
        """The day so much later; the open ends of time stay where they are, and the calendar ends at `FOREVER`."""
        if day in (BEGINNING, FOREVER):
            return day
        try:
            return add_months(day, self.months) + timedelta(weeks=self.weeks, days=self.days)
        except (OverflowError, ValueError):
            return FOREVER

    def before(self, day: date) -> date:
        """The day so much earlier."""
        return add_days(add_months(day, -self.months), -7 * self.weeks - self.days)

    def from_(self, when: DateRange) -> DateRange:
        """Every day so much later than a day of the range."""
        return DateRange(self.after(when.first), self.after(when.last))

    def __str__(self) -> str:
        parts = ((self.months, "months"), (self.weeks, "weeks"), (self.days, "days"))
        return " ".join(f"{number} {unit}" for number, unit in parts if number)


class DrugRule(Rules):
    """How one drug is recognised and when a record of it counts as MS treatment."""

    name: str
    window: str
    family: str | None = None
    value_sets: tuple[str, ...] = ()
    other_form: str | None = None
    unclear_names: tuple[Pattern, ...] = ()
    may_be: tuple[str, ...] = ()
    indication: Literal["assumed", "decides", "stated"] = "assumed"
    other_indications: tuple[str, ...] = ()
    adjunct: bool = False
    part_of_transplant: Step | None = None


class UnnamedStatus(Rules):
    """Diagnoses that say that a drug is taken which may be one for MS, and do not name it."""

    value_set: str
    codes: tuple[str, ...]
    words: Pattern


class DrugRules(Rules):
    """`ranvier-treatment-drugs`."""

    drugs: dict[str, DrugRule]
    anti_cd20: tuple[str, ...]
    procedure_words: Pattern
    procedure_not: Pattern
    infusion_words: Pattern
    placeholder_words: Pattern
    not_given_words: Pattern
    past_words: Pattern
    blinded_words: Pattern
    unnamed_words: Pattern
    unnamed_for_ms: Pattern
    unnamed_status: UnnamedStatus
    drug_codes: dict[str, Pattern]


class Indication(Rules):
    """Another disease that a drug may have been given for."""

    name: str
    text: Pattern
    value_sets: tuple[str, ...] = ()


class IndicationRules(Rules):
    """`ranvier-treatment-indications`."""

    ms_value_sets: tuple[str, ...]
    ms_text: tuple[Pattern, ...]
    no_disease: Pattern
    others: dict[str, Indication]


class Immunosuppression(Rules):
    """`ranvier-treatment-prior-immunosuppression`. `condition_text` are the words of a problem list that say the same as its codes."""

    drugs: tuple[str, ...]
    condition_value_set: str
    condition_codes: tuple[str, ...]
    condition_text: tuple[Pattern, ...]
    mentions: MentionRules


class Window(Rules):
    """One row of the F11 table: how long a drug acts, its wash-in, and what follows."""

    given: Given
    acts: Step
    wash_in: Step
    after: Aftermath
    after_until: Step | None = None
    acts_from: Literal["last", "first"] = "last"
    assumed_supply: Step | None = None
    same_course_within: Step | None = None
    courses: int = 1
    renewed: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Window:
        if self.given == "supply" and self.assumed_supply is None:
            raise ValueError("a drug given by supply needs assumed_supply")
        if self.given == "course" and self.same_course_within is None:
            raise ValueError("a drug given in courses needs same_course_within")
        if self.after in ("rebound", "residual") and self.after_until is None:
            raise ValueError(f"a {self.after} window needs after_until")
        return self


class RecordRules(Rules):
    """`ranvier-treatment-records`: how far a medication record reaches."""

    believed_active: Step
    renewal_gap: Step
    plan_valid: Step
    regimen: Step


class BegunEarlier(Rules):
    """What tells that the first date of a record is no start: categories of orders, types of dispenses, words of a note or dosage."""

    categories: tuple[str, ...]
    dispense_types: tuple[str, ...]
    words: Pattern


class Statuses(Rules):
    """`ranvier-treatment-statuses`: what the status of a record says about the drug having been taken."""

    MedicationRequest: dict[str, Says]
    MedicationStatement: dict[str, Says]
    MedicationAdministration: dict[str, Says]
    MedicationDispense: dict[str, Says]
    Procedure: dict[str, Says]
    plan_intents: tuple[str, ...]
    not_taken: tuple[str, ...]
    no_information: tuple[str, ...]
    begun_earlier: BegunEarlier

    def says(self, carrier: str, status: str | None) -> Says:
        """What a status says; one that is missing or not listed leaves it open."""
        listed: Mapping[str, Says] = getattr(self, carrier)
        return listed.get(status or "unknown", "unknown")


class StopReasonRule(Rules):
    """One kind of reason for stopping."""

    kind: StopKind
    says: str
    text: Pattern
    value_sets: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


class StopReasons(Rules):
    """`ranvier-treatment-stop-reasons`, in the order in which codes are looked up."""

    kinds: tuple[StopReasonRule, ...]
    stop_words: Pattern
    denied: Pattern
    feared: Pattern
    denied_after: Pattern
    later_before: Pattern
    later_after: Pattern
    joined: Pattern
    perhaps_efficacy: Pattern
    not_yet: Pattern
    successor: Pattern
    resumed: Pattern
    something_else: Pattern
    not_taking: Pattern
    never_taken: Pattern


class Mentions(Rules):
    """`ranvier-treatment-mentions`: words by which a text says that a drug is or was taken, or was not."""

    taken: Pattern
    ended: Pattern
    not_taken: Pattern


class Breakthrough(Rules):
    """`ranvier-treatment-breakthrough` (F12)."""

    relapses: int
    gd_lesions: int
    new_t2_lesions: int
    new_t2_within: Step
    t2_rule: str
    rebaseline_after: Step
    without_rebaseline_after: Step


class EarlyActivity(Rules):
    """`ranvier-treatment-early-activity` (F12e)."""

    begins: Step
    relapses: int
    relapse_with_gd_lesions: int
    gd_lesions: int


class Failure(Rules):
    """`ranvier-treatment-failure` (F13)."""

    recent: Step


class History(Rules):
    """`ranvier-treatment-history` (F14)."""

    naive_within: Step


class TreatmentRules(Struct, frozen=True, dict=True):
    """All rules of treatment. `tier_list` names the list of a site that reads one list only; otherwise all lists are read together."""

    drugs: DrugRules
    windows: Mapping[str, Window]
    indications: IndicationRules
    immunosuppression: Immunosuppression
    records: RecordRules
    statuses: Statuses
    stop_reasons: StopReasons
    mentions: Mentions
    breakthrough: Breakthrough
    early: EarlyActivity
    failure: Failure
    history: History
    tiers: Tiers
    tier_list: str | None = None

    @classmethod
    def of(cls, definitions: Definitions, tier_list: str | None = None) -> TreatmentRules:
        """Parse the rules from the thresholds of all definitions, by id.

        Raises `RulesError` if a definition is missing, a field does not fit, or a drug names a window, family or list that is not there.
        """
        drugs = parse_rules(DrugRules, definitions, "ranvier-treatment-drugs")
        prefix = "ranvier-treatment-window-"
        rules = cls(
            drugs=drugs,
            windows={id.removeprefix(prefix): parse_rules(Window, definitions, id) for id in definitions if id.startswith(prefix)},
            indications=parse_rules(IndicationRules, definitions, "ranvier-treatment-indications"),
            immunosuppression=parse_rules(Immunosuppression, definitions, "ranvier-treatment-prior-immunosuppression"),
            records=parse_rules(RecordRules, definitions, "ranvier-treatment-records"),
            statuses=parse_rules(Statuses, definitions, "ranvier-treatment-statuses"),
            stop_reasons=parse_rules(StopReasons, definitions, "ranvier-treatment-stop-reasons"),
            mentions=parse_rules(Mentions, definitions, "ranvier-treatment-mentions"),
            breakthrough=parse_rules(Breakthrough, definitions, "ranvier-treatment-breakthrough"),
            early=parse_rules(EarlyActivity, definitions, "ranvier-treatment-early-activity"),
            failure=parse_rules(Failure, definitions, "ranvier-treatment-failure"),
            history=parse_rules(History, definitions, "ranvier-treatment-history"),
            tiers=parse_rules(Tiers, definitions, "ranvier-treatment-tiers"),
            tier_list=tier_list,
        )
        rules._check()
        return rules

    def _check(self) -> None:
        for drug, rule in self.drugs.drugs.items():
            _require(rule.window, self.windows, f"ranvier-treatment-drugs: {drug}", "window")
            _require(drug, self.tiers.drugs, "ranvier-treatment-tiers", "drug")
            for indication in rule.other_indications:
                _require(indication, self.indications.others, f"ranvier-treatment-drugs: {drug}", "indication")
            for other in rule.may_be:
                _require(other, self.drugs.drugs, f"ranvier-treatment-drugs: {drug}", "drug")
        for drug in (*self.drugs.anti_cd20, *self.immunosuppression.drugs, *self.tiers.drugs):
            _require(drug, self.drugs.drugs, "treatment definitions", "drug")
        if self.tier_list is not None and self.tier_list not in self.tiers.lists:
            raise RulesError(f"RANVIER_EFFICACY_LIST: there is no list {self.tier_list!r}; there are {', '.join(self.tiers.lists)}")
        missing = set(get_args(StopKind)) - {rule.kind for rule in self.stop_reasons.kinds}
        if missing:
            raise RulesError(f"definition 'ranvier-treatment-stop-reasons': no rule of the kind {sorted(missing)[0]!r}")

    @cached_property
    def drug_of_value_set(self) -> Mapping[str, tuple[str, bool]]:
        """Value set → the drug it names, and whether it stands for a product that is not the MS one."""
        found = {value_set: (drug, False) for drug, rule in self.drugs.drugs.items() for value_set in rule.value_sets}
        return found | {rule.other_form: (drug, True) for drug, rule in self.drugs.drugs.items() if rule.other_form is not None}

    @cached_property
    def unclear_names(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """Drug and pattern of the names that say the ingredient only."""
        return tuple(
            (drug, re.compile(pattern, re.IGNORECASE)) for drug, rule in self.drugs.drugs.items() for pattern in rule.unclear_names
        )

    @property
    def value_sets(self) -> frozenset[str]:
        """Every value set that the rules name."""
        others = (value_set for other in self.indications.others.values() for value_set in other.value_sets)
        stops = (value_set for kind in self.stop_reasons.kinds for value_set in kind.value_sets)
        return frozenset(
            (*self.drug_of_value_set, *self.indications.ms_value_sets, *others, *stops, self.immunosuppression.condition_value_set)
        )

    def window(self, drug: str) -> Window:
        """The drug's row of the F11 table."""
        return self.windows[self.drugs.drugs[drug].window]

    def name(self, drug: str) -> str:
        """The drug's name for a clinician."""
        return self.drugs.drugs[drug].name

    def family(self, drug: str) -> str:
        """What the drug counts as: its family, or itself."""
        return self.drugs.drugs[drug].family or drug

    def tier(self, drug: str) -> tuple[Tier, str]:
        """The drug's class, and the lists behind it in words (F15)."""
        row = self.tiers.drugs[drug]
        if self.tier_list is not None:
            return self._tier_of_one_list(drug, self.tier_list)
        words = "; ".join(f"{self.tiers.lists[list_].name}: {word}" for list_, word in row.words.items()) or "named by none of the lists"
        like = f"; classed like {self.name(row.like)}" if row.like else ""
        remark = f" ({row.remark})" if row.remark else ""
        return row.tier, f"{words}{remark}{like}; {self.tiers.reading}"

    @property
    def one_list(self) -> str:
        """The name of the one list of efficacy classes that is read; empty where all are read together."""
        return self.tiers.lists[self.tier_list].name if self.tier_list is not None else ""

    def _tier_of_one_list(self, drug: str, list_: str) -> tuple[Tier, str]:
        like = self.tiers.drugs[drug].like
        named = drug if self.tiers.says(list_, drug) is not None else like or drug
        says = self.tiers.says(list_, named)
        name = self.tiers.lists[list_].name
        if says is None:
            return "notClassified", f"not named by {name}"
        reason = f"{name}: {self.tiers.drugs[named].words[list_]}" + (f"; classed like {self.name(named)}" if named != drug else "")
        return ("high" if says == "high" else "moderate"), reason


def _require(name: str, known: Iterable[str], where: str, kind: str) -> None:
    if name not in known:
        raise RulesError(f"{where}: there is no {kind} {name!r}")
