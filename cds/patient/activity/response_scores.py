"""MAGNIMS and modified Rio score: the response to interferon after its first year (clinical-rules F10).

They were made for interferon and say little of other drugs (def-score-cautions), so no other drug has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from cds.fhir.dates import DateRange, add_months
from cds.patient.activity.mri_facts import scan_words
from cds.patient.activity.relapse_history import RelapseHistory
from cds.patient.context import Episode, ResponseScore, Scan
from cds.patient.reading import unique
from cds.patient.rules import Definitions, Rules, parse_rules
from cds.three_valued import Bounds


class ResponseScoreRules(Rules):
    """`ranvier-response-scores`."""

    drugs: tuple[str, ...]
    months: int
    scan_from_months: int
    scan_to_months: int
    baseline_to_months: int
    magnims_new_t2_lesions: int
    modified_rio_more_than_new_t2_lesions: int

    @classmethod
    def of(cls, definitions: Definitions) -> ResponseScoreRules:
        """Parse the rules. Raises `RulesError` if the definition is missing or a field does not fit."""
        return parse_rules(cls, definitions, "ranvier-response-scores")


def response_scores(
    episodes: Iterable[Episode], history: RelapseHistory, scans: Sequence[Scan], rules: ResponseScoreRules, as_of: date
) -> tuple[ResponseScore, ...]:
    """Both scores of every course of interferon that lasted its first year."""
    found: list[ResponseScore] = []
    for episode in episodes:
        if episode.drug not in rules.drugs or episode.start is None:
            continue
        year_ends = add_months(episode.start.last, rules.months)
        lasted = episode.ongoing is True if episode.end is None else episode.end.first >= year_ends
        if year_ends > as_of or not lasted:
            continue
        found += _scores(episode, episode.start, year_ends, history, scans, rules)
    return tuple(found)


def _scores(
    episode: Episode, start: DateRange, year_ends: date, history: RelapseHistory, scans: Sequence[Scan], rules: ResponseScoreRules
) -> list[ResponseScore]:
    relapses = [one for one in history.relapses if one.status != "possible" and one.onset.within(start.first, year_ends) is not False]
    sure = [
        one for one in relapses if one.status == "relapse" and one.onset.within(start.last, add_months(start.first, rules.months)) is True
    ]
    assessed = history.complete and not history.undated and any(one.date.first >= year_ends for one in history.assessments)
    number = Bounds(len(sure), len(relapses)) if assessed else Bounds.at_least(len(sure))
    first, last = add_months(start.last, rules.scan_from_months), add_months(start.first, rules.scan_to_months)
    yearly = [one for one in scans if one.counts and one.region == "brain" and one.date.within(first, last) is True]
    lesions = [found for one in yearly if (found := _lesions_of_the_year(one, add_months(start.last, rules.baseline_to_months)))]
    new_t2 = Bounds(max(one.low for one in lesions), max(one.high for one in lesions)) if lesions else Bounds.at_least(0)
    said = "; ".join(scan_words(one) for one in yearly) or f"no MRI from {first} to {last} with a count of new T2 lesions"
    reason = f"First year of {episode.name}, from {start}: {number} {'relapse' if number.exact == 1 else 'relapses'}; {said}."
    resources = unique(
        (*episode.resources, *(ref for one in relapses for ref in one.resources), *(ref for one in yearly for ref in one.resources))
    )
    many = new_t2 >= rules.magnims_new_t2_lesions
    more = new_t2 > rules.modified_rio_more_than_new_t2_lesions
    points = {
        "MAGNIMS score": Bounds(_magnims(number.low, many is True), _magnims(number.high, many is not False)),
        "modified Rio score": Bounds(_modified_rio(number.low, more is True), _modified_rio(number.high, more is not False)),
    }
    return [
        ResponseScore(
            name=name, drug=episode.drug, points=bounds, date=DateRange(start.first, year_ends), reason=reason, resources=resources
        )
        for name, bounds in points.items()
    ]


def _lesions_of_the_year(scan: Scan, baseline_until: date) -> Bounds | None:
    """New T2 lesions of the first year: at least those of a scan that was compared with one taken well after the start."""
    found, compared = scan.new_t2_lesions, scan.compared_with
    return Bounds.at_least(found.low) if found and compared and compared.last > baseline_until else found


def _magnims(relapses: float, many_lesions: bool) -> int:
    """Two for two relapses or for one with many lesions, one for either, none for neither (def-magnims-score)."""
    return 2 if relapses >= 2 or (relapses >= 1 and many_lesions) else 1 if relapses >= 1 or many_lesions else 0


def _modified_rio(relapses: float, many_lesions: bool) -> int:
    """One point for lesions, up to two for relapses (def-modified-rio)."""
    return int(min(relapses, 2)) + int(many_lesions)
