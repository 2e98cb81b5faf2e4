"""Records of attacks → attacks: records with onset within 30 days are one (clinical-rules F4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.dates import DateRange, add_days
from cds.patient.context import How
from cds.patient.reading import unique
from cds.three_valued import Truth


class Attack(Struct, frozen=True, kw_only=True):
    """One attack, from one record or several. `stated`: the onset itself is recorded; otherwise it is taken from the date of a visit.

    `provisional`: every record of it is provisional, or its words call it possible. `syndrome`: every record of it is optic neuritis or
    myelitis that nobody calls a relapse.
    """

    onset: DateRange
    stated: bool
    provisional: bool
    resources: tuple[str, ...]
    how: How
    note: str = ""
    syndrome: bool = False


def merged(attacks: Iterable[Attack], within_days: int) -> tuple[Attack, ...]:
    """Records whose onsets certainly lie within so many days of one another are one attack. In the order of time.

    Where rough dates leave open whether a record belongs to another attack, they stay apart, and its onset reaches back to that attack.
    """
    groups = _grouped(attacks, within_days)
    links = _links(groups, within_days)
    found = [_reaching_back(number, groups, links, within_days) for number in range(len(groups))]
    return tuple(sorted(found, key=_order))


def _grouped(attacks: Iterable[Attack], within_days: int) -> list[list[Attack]]:
    """The records of each attack. Groups that no further record can reach are set aside, so that time grows with the records alone."""
    closed: list[list[Attack]] = []
    near: list[list[Attack]] = []
    for attack in sorted(set(attacks), key=_order):
        limit = add_days(attack.onset.first, -within_days)
        closed += [group for group in near if max(one.onset.last for one in group) < limit]
        near = [group for group in near if max(one.onset.last for one in group) >= limit]
        linked = [group for group in near if any(_apart(one.onset, attack.onset) <= within_days for one in group)]
        near = [group for group in near if group not in linked]
        near.append([*(one for group in linked for one in group), attack])
    return sorted((sorted(group, key=_order) for group in (*closed, *near)), key=lambda group: _order(group[0]))


def _links(groups: Sequence[Sequence[Attack]], within_days: int) -> list[set[int]]:
    """For each group, the others that may be one attack with it."""
    links: list[set[int]] = [set() for _ in groups]
    near: list[int] = []
    for number, group in enumerate(groups):
        limit = add_days(group[0].onset.first, -within_days)
        near = [other for other in near if max(one.onset.last for one in groups[other]) >= limit]
        for other in near:
            if _may_be_one(groups[other], group, within_days):
                links[number].add(other)
                links[other].add(number)
        near.append(number)
    return links


def _reaching_back(number: int, groups: Sequence[Sequence[Attack]], links: Sequence[set[int]], within_days: int) -> Attack:
    """The attack of a group; its onset reaches back to the first day on which it may have begun as one with others."""
    attack = _one(groups[number])
    firsts = []
    for other in links[number]:
        if links[other] - {number} or len(groups[other]) > 1:
            firsts.append(min(_one(groups[n]).onset.first for n in _chain(number, links)))
        else:
            limit = add_days(groups[number][0].onset.first, -within_days)
            firsts.append(max(_one(groups[other]).onset.first, limit))
    first = min(firsts, default=attack.onset.first)
    if first >= attack.onset.first:
        return attack
    days = ", ".join(str(_one(groups[other]).onset) for other in sorted(links[number]))
    note = f"{attack.note} Recorded with onset {attack.onset}; may be one attack with that of {days}.".strip()
    return replace(attack, onset=DateRange(first, attack.onset.last), note=note)


def _chain(number: int, links: Sequence[set[int]]) -> set[int]:
    """All groups that may be one attack with this one, through others."""
    reached, new = {number}, {number}
    while new:
        new = {other for n in new for other in links[n]} - reached
        reached |= new
    return reached


def _order(attack: Attack) -> tuple[object, ...]:
    return (attack.onset.first, attack.onset.last, not attack.stated, attack.provisional, attack.resources, attack.how, attack.note)


def _apart(one: DateRange, other: DateRange) -> int:
    """The greatest number of days between two dates."""
    return max(abs((other.last - one.first).days), abs((one.last - other.first).days))


def _may_be_one(earlier: Sequence[Attack], later: Sequence[Attack], within_days: int) -> bool:
    """Whether a record of each may lie within so many days of the other."""
    return any(
        one.onset.first <= add_days(other.onset.last, within_days) and other.onset.first <= add_days(one.onset.last, within_days)
        for one in earlier
        for other in later
    )


def _one(group: Sequence[Attack]) -> Attack:
    """The attack behind several records: its onset is the first that is stated."""
    stated = [attack for attack in group if attack.stated] or list(group)
    return replace(
        stated[0],
        onset=DateRange(min(attack.onset.first for attack in stated), min(attack.onset.last for attack in stated)),
        provisional=all(attack.provisional for attack in group),
        syndrome=all(attack.syndrome for attack in group),
        resources=unique(ref for attack in group for ref in attack.resources),
        how="coded" if any(attack.how == "coded" for attack in group) else "text",
        note=" ".join(dict.fromkeys(attack.note for attack in stated if attack.note)),
    )


def fewest(onsets: Iterable[DateRange], within_days: int) -> int:
    """How many attacks there were at least: the onsets that certainly lie further apart than one attack can spread."""
    count, last = 0, None
    for onset in sorted(onsets, key=lambda day: (day.last, day.first)):
        if last is None or onset.first > add_days(last, within_days):
            count, last = count + 1, onset.last
    return count


def days_between(start: DateRange, day: DateRange, least: int, most: int) -> Truth:
    """Whether a day lies from `least` to `most` days after a start; unknown if the dates could go either way."""
    earliest, latest = (day.first - start.last).days, (day.last - start.first).days
    if least <= earliest and latest <= most:
        return True
    return False if latest < least or earliest > most else None
