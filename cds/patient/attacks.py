"""Records of attacks → attacks: records with onset within 30 days are one (clinical-rules F4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from cds.fhir.dates import DateRange
from cds.patient.context import How
from cds.patient.reading import unique
from cds.three_valued import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack, from one record or several. `stated`: the onset itself is recorded; otherwise it is taken from the date of a visit.

    `provisional`: every record of it is provisional, or its words call it possible. `reaches_back`: it may be one with an earlier attack.
    """

    onset: DateRange
    stated: bool
    provisional: bool
    resources: tuple[str, ...]
    how: How
    note: str = ""
    reaches_back: bool = False


def merged(attacks: Iterable[Attack], within_days: int) -> tuple[Attack, ...]:
    """Records whose onsets certainly lie within so many days of one another are one attack. In the order of time.

    Where rough dates leave open whether a record belongs to an earlier attack, they stay apart, and its onset reaches back to that attack.
    """
    groups: list[list[Attack]] = []
    for attack in sorted(set(attacks), key=_order):
        linked = [group for group in groups if any(_apart(one.onset, attack.onset) <= within_days for one in group)]
        groups = [group for group in groups if group not in linked]
        groups.append([*(one for group in linked for one in group), attack])
    ordered = sorted((sorted(group, key=_order) for group in groups), key=lambda group: _order(group[0]))
    found: list[Attack] = []
    for number, group in enumerate(ordered):
        earlier = [n for n in range(number) if _may_be_one(ordered[n], group, within_days)]
        limit = group[0].onset.first - timedelta(days=within_days)
        firsts = [
            found[n].onset.first if found[n].reaches_back or len(ordered[n]) > 1 else max(found[n].onset.first, limit) for n in earlier
        ]
        found.append(_reaching_back(_one(group), min(firsts, default=date.max), [found[n].onset for n in earlier]))
    return tuple(sorted(found, key=_order))


def _order(attack: Attack) -> tuple[object, ...]:
    return (attack.onset.first, attack.onset.last, not attack.stated, attack.provisional, attack.resources, attack.how, attack.note)


def _apart(one: DateRange, other: DateRange) -> int:
    """The greatest number of days between two dates."""
    return max(abs((other.last - one.first).days), abs((one.last - other.first).days))


def _may_be_one(earlier: Sequence[Attack], later: Sequence[Attack], within_days: int) -> bool:
    """Whether a record of each may lie within so many days of the other."""
    return any(
        one.onset.first <= other.onset.last + timedelta(days=within_days)
        and other.onset.first <= one.onset.last + timedelta(days=within_days)
        for one in earlier
        for other in later
    )


def _reaching_back(attack: Attack, first: date, earlier: Sequence[DateRange]) -> Attack:
    """The attack with its onset from the first day on which it may have begun as one with an earlier attack."""
    if first >= attack.onset.first:
        return attack
    days = ", ".join(map(str, earlier))
    note = f"{attack.note} Recorded with onset {attack.onset}; may be one attack with that of {days}.".strip()
    return replace(attack, onset=DateRange(first, attack.onset.last), reaches_back=True, note=note)


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
