"""The treatment history as read, with what is known of the reading itself."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from cds.fhir.dates import DateRange
from cds.patient.treatment.exposure import Exposure
from cds.patient.treatment.indications import NotForMs
from cds.patient.treatment.medication_records import Planned
from cds.three_valued import Truth


class History(Struct, frozen=True, kw_only=True):
    """The courses of treatment with what is known of the reading itself.

    `readable` is F14; `whole` says that silence about a drug means it was not taken; `gaps` names what could not be read.
    """

    exposures: tuple[Exposure, ...]
    as_of: date
    readable: Truth
    readable_reason: str
    whole: bool
    gaps: str
    planned: tuple[Planned, ...]
    not_for_ms: tuple[NotForMs, ...]
    immunosuppressants: tuple[tuple[str, DateRange | None, str], ...]
    immunosuppressed: tuple[tuple[str, DateRange | None, str], ...]
    conditions_read: bool

    @property
    def certain(self) -> tuple[Exposure, ...]:
        """Courses that were certainly taken, and for MS."""
        return tuple(exposure for exposure in self.exposures if not exposure.doubt)

    @property
    def absent(self) -> Truth:
        """What it means that nothing was found: `False` if it was not there, `None` if it may not have been read."""
        return False if self.whole else None

    @property
    def caveat(self) -> str:
        """Why silence proves nothing; empty if it does."""
        if self.whole:
            return ""
        return self.readable_reason if self.readable is not True else f"Not all medication data were read ({self.gaps})."
