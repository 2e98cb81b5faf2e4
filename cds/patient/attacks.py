"""Records of attacks → attacks: records with onset within 30 days are one (clinical-rules F4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cds.fhir.dates import DateRange
from cds.patient.context import How
from cds.patient.reading import unique
from cds.three_valued import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack, from one record or several. `stated`: the onset itself is recorded; otherwise it is taken from the date of a visit.

    `provisional`: every record of it is provisional, or its words call it possible.
    """

    onset: DateRange
    stated: bool
    provisional: bool
    resources: tuple[str, ...]
    how: How
    note: str = ""


def merged(attacks: Iterable[Attack], within_days: int) -> tuple[Attack, ...]:
    """Attacks whose onsets certainly lie within so many days of the first of them are one; the others stay apart.

    In the order of time.
    """
    groups: list[list[Attack]] = []
    for attack in sorted(set(attacks), key=_order):
        home = next((group for group in groups if _apart(group[0].onset, attack.onset) <= within_days), None)
        if home is None:
            groups.append([attack])
        else:
            home.append(attack)
    return tuple(sorted((_one(group) for group in groups), key=_order))


def _order(attack: Attack) -> tuple[object, ...]:
    return (attack.onset.first, attack.onset.last, not attack.stated, attack.provisional, attack.resources, attack.how, attack.note)


def _apart(one: DateRange, other: DateRange) -> int:
    """The greatest number of days between two dates."""
    return max(abs((other.last - one.first).days), abs((one.last - other.first).days))


def _one(group: Sequence[Attack]) -> Attack:
    """The attack behind several records: its onset is the first that is stated."""
    stated = [attack for attack in group if attack.stated] or list(group)
    return replace(
        stated[0],
        onset=DateRange(min(attack.onset.first for attack in stated), min(attack.onset.last for attack in stated)),
        provisional=all(attack.provisional for attack in group),
        resources=unique(ref for attack in group for ref in attack.resources),
        how="coded" if any(attack.how == "coded" for attack in group) else "text",
        note=" ".join(dict.fromkeys(attack.note for attack in stated if attack.note)),
    )


def fewest(onsets: Iterable[DateRange], within_days: int) -> int:
    """How many attacks there were at least: the onsets that certainly lie further apart than one attack can spread."""
    count, last = 0, None
    for onset in sorted(onsets, key=lambda day: (day.last, day.first)):
        if last is None or onset.first > last + timedelta(days=within_days):
            count, last = count + 1, onset.last
    return count


def days_between(start: DateRange, day: DateRange, least: int, most: int) -> Truth:
    """Whether a day lies from `least` to `most` days after a start; unknown if the dates could go either way."""
    earliest, latest = (day.first - start.last).days, (day.last - start.first).days
    if least <= earliest and latest <= most:
        return True
    return False if latest < least or earliest > most else None
