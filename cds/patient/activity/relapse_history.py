"""What a chart says of relapses, as records (clinical-rules F4, F6)."""

from __future__ import annotations

from msgspec import Struct

from cds.fhir.dates import DateRange
from cds.patient.activity.infections import Infection
from cds.patient.activity.steroids import SteroidCourse
from cds.patient.context import How, Relapse
from cds.patient.disability.edss import EdssRecord
from cds.three_valued import Bounds


class UndatedRelapse(Struct, frozen=True, kw_only=True):
    """A relapse recorded without an onset; `known_by` is when it was recorded.

    It counts in no window and may belong to any before that day. `counted`: only a stated number with its period speaks of it. `most`: how
    many relapses it may be.
    """

    known_by: DateRange | None
    resources: tuple[str, ...]
    counted: bool = False
    most: float = 1


class RelapseCount(Struct, frozen=True, kw_only=True):
    """A stated number of relapses from `start` to `until`; `start` is `None` where it does not say since when."""

    number: Bounds
    start: DateRange | None
    until: DateRange
    what: str
    resources: tuple[str, ...]
    how: How


class Assessment(Struct, frozen=True, kw_only=True):
    """A day on which a clinician looked: a neurology visit, an EDSS, a statement on relapses."""

    date: DateRange
    what: str
    resources: tuple[str, ...]


class StatedActivity(Struct, frozen=True, kw_only=True):
    """Activity as a diagnosis code states it, on the day it was recorded (F6)."""

    active: bool
    date: DateRange
    code: str
    resources: tuple[str, ...]


class RelapseHistory(Struct, frozen=True, kw_only=True):
    """All that a chart says of relapses. `counted` are those among the relapses that only a number states, `by_syndrome` those that are
    recorded only as optic neuritis or myelitis.

    `complete`: silence means absence, as far as this chart goes; `why_open` says why not. `mri_open` says why an MRI may be missing
    among the scans; empty if none is. `edss_left_aside` are EDSS records that give no value.
    """

    relapses: tuple[Relapse, ...] = ()
    counted: tuple[Relapse, ...] = ()
    by_syndrome: tuple[Relapse, ...] = ()
    undated: tuple[UndatedRelapse, ...] = ()
    infections: tuple[Infection, ...] = ()
    infections_complete: bool = False
    steroid_courses: tuple[SteroidCourse, ...] = ()
    steroids_readable: bool = False
    counts: tuple[RelapseCount, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    stated: tuple[StatedActivity, ...] = ()
    complete: bool = False
    why_open: str = ""
    mri_open: str = ""
    edss_left_aside: tuple[EdssRecord, ...] = ()
