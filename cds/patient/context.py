"""What Ranvier knows of one patient: facts that criteria test, and the records behind them.

Everything here is immutable and free of I/O. A fact whose value is `None` is unknown, never "no".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from msgspec import Struct, field

from cds.fhir.chart import NotRead
from cds.fhir.dates import DateRange
from cds.three_valued import Bounds, Truth

How = Literal["coded", "derived", "text", "notFound"]
"""Where a fact comes from: a code or value, a rule over other facts, free text, or nothing at all."""


class Fact(Struct, frozen=True, kw_only=True):
    """One statement about the patient that a criterion can test.

    `value` is a word of the fact's vocabulary, a truth or a bounded number as `facts.CATALOGUE` says; `None` is unknown.
    `reason` is one sentence for the clinician; `resources` are the `Type/id` behind it; `date` is the clinical date of the data.
    """

    value: str | bool | Bounds | None
    reason: str
    resources: tuple[str, ...] = ()
    date: DateRange | None = None
    how: How = "derived"


class Relapse(Struct, frozen=True, kw_only=True):
    """One attack (records within 30 days merged, F4). `uncertain`: near an infection; `possible`: a steroid course alone."""

    onset: DateRange
    status: Literal["relapse", "uncertain", "possible"]
    resources: tuple[str, ...]
    how: How
    note: str = ""


class Scan(Struct, frozen=True, kw_only=True):
    """One MRI reading (F5). Lesion numbers are `None` where the report does not say; `counts` is `False` once PML is suspected.

    `region` is the cord only where the brain was not imaged; `disagreement` says where a coded count and the report differ; `unread`
    says why lesions may have been overlooked: a report that is preliminary, without a statement on lesions, or not understood.
    """

    date: DateRange
    gd_lesions: Bounds | None
    new_t2_lesions: Bounds | None
    compared_with: DateRange | None
    marked_t2_increase: Truth
    clean: Truth
    counts: bool
    resources: tuple[str, ...]
    how: How
    note: str = ""
    region: Literal["brain", "cord"] = "brain"
    disagreement: str = ""
    unread: str = ""

    @property
    def active(self) -> Truth:
        """Whether the scan shows inflammatory MS activity: a Gd lesion, or a new or enlarging T2 lesion."""
        if not self.counts:
            return False
        for lesions in (self.gd_lesions, self.new_t2_lesions):
            if lesions is not None and (lesions >= 1) is True:
                return True
        return False if self.clean is True else None


class EdssScore(Struct, frozen=True, kw_only=True):
    """One EDSS value with its date (F8); `near_relapse` marks a score within 90 days after an attack."""

    value: float
    date: DateRange
    resources: tuple[str, ...]
    how: How
    near_relapse: bool = False


Tier = Literal["high", "moderate", "differs", "notClassified"]
Outcome = Literal["failed", "stoppedOther", "completed", "ongoing", "unknown"]
FailureKind = Literal["inflammatory", "recorded", "worseningOnly"]
Phase = Literal["washIn", "acting", "rebound", "residual", "off", "unknown"]


class Episode(Struct, frozen=True, kw_only=True):
    """One course of one MS drug (F11), with how it ended (F13).

    `phase` is where it stands on the day of the advice: in wash-in, acting, in its rebound or residual window, off, or not known.
    `acting` is true in `washIn` and `acting`. `start` is `None` where no record tells it. `wash_in_ends` is the last day
    on which the wash-in can end, `None` while an induction course is incomplete or nothing tells by when the drug was begun.
    """

    drug: str
    name: str
    tier: Tier
    tier_reason: str
    start: DateRange | None
    end: DateRange | None
    ongoing: Truth
    doses: tuple[DateRange, ...]
    phase: Phase
    acts_until: date | None
    wash_in_ends: date | None
    window_ends: date | None
    induction_incomplete: bool
    outcome: Outcome
    failure_kind: FailureKind | None
    failed_on: DateRange | None
    early: bool
    early_activity: Truth = False
    """Whether there was marked early activity (F12e), also where it is no failure; `early_on` is the latest event of it."""
    early_on: DateRange | None = None
    stop_reason: str | None
    harmed: bool = False
    """Whether a reason for stopping was harm."""
    shown_by: str = ""
    """What showed the failure, in a few words; empty where it did not fail."""
    reason: str
    resources: tuple[str, ...]
    how: How
    notes: tuple[str, ...] = ()

    @property
    def acting(self) -> Truth:
        """Whether the drug acts on the day of the advice."""
        return None if self.phase == "unknown" else self.phase in ("washIn", "acting")


class ResponseScore(Struct, frozen=True, kw_only=True):
    """A MAGNIMS or modified Rio score (F10) of the first year of one course of interferon; a span where the year is not known exactly.

    It is shown, and no criterion can test it: the rules give it no part in any card. `date` is the first year itself.
    """

    name: str
    drug: str
    points: Bounds
    date: DateRange
    reason: str
    resources: tuple[str, ...]
    how: How = "derived"


class Caution(Struct, frozen=True, kw_only=True):
    """One finding that bears on safety, with value, date and source; `id` is the fact or definition it belongs to."""

    id: str
    status: str
    text: str
    resources: tuple[str, ...] = ()
    date: DateRange | None = None
    how: How = "coded"
    stale: bool = False


class Conflict(Struct, frozen=True, kw_only=True):
    """Two records that cannot both be right; shown, never resolved in silence."""

    id: str
    text: str
    resources: tuple[str, ...]


class PatientContext(Struct, frozen=True, kw_only=True):
    """Everything read from one chart for one day. Same chart and day, same context."""

    as_of: date
    facts: Mapping[str, Fact]
    treatments: tuple[Episode, ...] = ()
    relapses: tuple[Relapse, ...] = ()
    scans: tuple[Scan, ...] = ()
    edss_scores: tuple[EdssScore, ...] = ()
    response_scores: tuple[ResponseScore, ...] = ()
    cautions: tuple[Caution, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    not_read: tuple[NotRead, ...] = field(default=())
