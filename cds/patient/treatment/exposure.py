"""One course of one MS drug in time: what the records say, and where a day stands in it (clinical-rules F11).

Every boundary is a range of days, because records carry partial dates; a day that could stand on either side of one is in doubt.
"""

from __future__ import annotations

from datetime import date
from enum import IntEnum
from typing import Literal, NamedTuple

from msgspec import Struct

from cds.fhir.dates import DateRange
from cds.patient.context import How, Phase, Tier
from cds.patient.treatment.rules import FOREVER, Aftermath, Given, StopKind
from cds.three_valued import Truth

Told = Literal["taken", "finished", "ended", "paused", "given"]
"""What a record tells: in force, an order that ran out, stopped, interrupted, or a dose or dispense."""


class Stop(Struct, frozen=True, kw_only=True):
    """A recorded reason for stopping: its kind (`None`: not understood), the kind in words, and the reason as written."""

    kind: StopKind | None
    says: str
    written: str


class Record(Struct, frozen=True, kw_only=True):
    """What one resource says of one drug having been taken.

    `end` is a stated end of taking, `supply_until` the end of what was supplied, `last` the last date on which it shows the drug in use.
    `earlier`: its first date is no start, the drug may have been begun before. `not_on` is the day on which it was said that the drug is
    not taken (any more). `broken_off`: a dose that was begun and stopped. `doubt` says why it is not certain.
    """

    drug: str
    ref: str
    says: Told
    start: DateRange | None = None
    end: DateRange | None = None
    supply_until: DateRange | None = None
    last: DateRange | None = None
    earlier: bool = False
    not_on: DateRange | None = None
    stops: tuple[Stop, ...] = ()
    broken_off: bool = False
    how: How = "coded"
    doubt: str = ""
    notes: tuple[str, ...] = ()


class Place(IntEnum):
    """Where a day stands in a course of treatment, in the order of time."""

    BEFORE = 0
    WASH_IN = 1
    ACTING = 2
    AFTER = 3
    OFF = 4


class Places(NamedTuple):
    """The earliest and the latest place where a date may stand."""

    first: Place
    last: Place

    def at(self, place: Place) -> Truth:
        """Whether the date stands at the place."""
        return self.between(place, place)

    def between(self, first: Place, last: Place) -> Truth:
        """Whether the date stands at one of the places from the first to the last."""
        if first <= self.first and self.last <= last:
            return True
        return None if self.first <= last and first <= self.last else False


class Exposure(Struct, frozen=True, kw_only=True):
    """One course of one drug, with its boundaries in time.

    `start` is `None` where nothing tells how long ago it was begun; then `clock` ends on the day by which it was. `clock` is the start from
    which wash-in counts (the family's, where one of its drugs continues another). `wash_in` is `None` while an induction course is
    incomplete. `courses` are all days that may begin a course, `courses_sure` how many surely do. `answers_until` ends what is laid at this
    drug's door: a later drug past its wash-in, or a transplant. `stops` are the reasons of the final stop, `overtaken_stops` those of
    records after which the drug went on, or may have; among these `broken_off` are the reasons for which the last dose was broken off.
    `shown` is the last day on which a record shows the drug in use.
    """

    drug: str
    name: str
    tier: Tier
    tier_reason: str
    family: str
    given: Given
    adjunct: bool
    start: DateRange | None
    clock: DateRange
    last_taken: DateRange
    shown: DateRange | None
    end: DateRange | None
    ongoing: Truth
    doses: tuple[DateRange, ...]
    courses: tuple[DateRange, ...]
    courses_sure: int
    courses_needed: int
    wash_in: DateRange | None
    acts: DateRange
    aftermath: Aftermath
    window: DateRange
    answers_until: DateRange
    stops: tuple[Stop, ...]
    overtaken_stops: tuple[Stop, ...]
    broken_off: tuple[Stop, ...]
    assumed: str
    doubt: str
    continued_as: str
    notes: tuple[str, ...]
    resources: tuple[str, ...]
    how: How

    def begun_by(self, as_of: date) -> date | None:
        """The day by which it was surely begun; `None` if no record tells."""
        return self.clock.last if self.start is not None or self.clock.last < as_of else None

    @property
    def induction_incomplete(self) -> bool:
        """Fewer courses on record than the regimen has, however rough dates are read."""
        return self.given == "course" and len(self.courses) < self.courses_needed

    @property
    def induction_complete(self) -> bool:
        """As many courses on record as the regimen has, however rough dates are read."""
        return self.given == "course" and self.courses_sure >= self.courses_needed

    def place(self, when: DateRange) -> Places:
        """Where a date stands in the course as such."""
        return self._place(when, self.acts, self.window)

    def place_of_event(self, when: DateRange) -> Places:
        """Where an event stands in the time this drug answers for."""
        return self._place(when, _earlier(self.acts, self.answers_until), _earlier(self.window, self.answers_until))

    def _place(self, when: DateRange, acts: DateRange, window: DateRange) -> Places:
        wash_in = self.wash_in or DateRange(FOREVER, FOREVER)
        return Places(
            _place(when.first, self.clock.last, wash_in.last, acts.last, window.last),
            _place(when.last, self.clock.first, wash_in.first, acts.first, window.first),
        )

    def phase(self, as_of: date) -> Phase:
        """Where the course stands on a day; `unknown` if the records leave open whether the drug acts."""
        places = self.place(DateRange.on(as_of))
        if self.doubt and places.first != Place.OFF:
            return "unknown"
        if places.first == Place.BEFORE and places.last <= Place.ACTING:
            return "washIn"
        if places.first >= Place.AFTER and self.aftermath in ("off", "late"):
            return "off"
        if places.first == places.last:
            after: Phase = self.aftermath if self.aftermath in ("rebound", "residual") else "off"
            phases: dict[Place, Phase] = {Place.WASH_IN: "washIn", Place.ACTING: "acting", Place.AFTER: after, Place.OFF: "off"}
            return phases[places.first]
        if places.last > Place.ACTING:
            return "unknown"
        return "acting" if self.start is None else "washIn"

    def acting(self, as_of: date) -> Truth:
        """Whether the drug acts on a day."""
        phase = self.phase(as_of)
        return None if phase == "unknown" else phase in ("washIn", "acting")


def _earlier(one: DateRange, other: DateRange) -> DateRange:
    return DateRange(min(one.first, other.first), min(one.last, other.last))


def _place(day: date, start: date, wash_in: date, acts: date, window: date) -> Place:
    if day < start:
        return Place.BEFORE
    if day > acts:
        return Place.AFTER if day <= window else Place.OFF
    return Place.WASH_IN if day <= wash_in else Place.ACTING
