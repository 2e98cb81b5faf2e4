"""What the MRI scans of a window say (clinical-rules F5). "None" only where scans were read and none may be missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date

from cds.fhir.dates import add_months
from cds.patient.activity.relapse_counts import inside
from cds.patient.activity.rules import ActivityRules
from cds.patient.context import Fact, How, Scan
from cds.patient.reading import latest, unique
from cds.three_valued import Bounds, Truth

_NONE = Bounds.exactly(0)


def mri_facts(scans: Sequence[Scan], mri_open: str, rules: ActivityRules, as_of: date) -> dict[str, Fact]:
    """The `mri.*` facts. `mri_open` says why an MRI may be missing; empty if none is."""
    year = [scan for scan in scans if inside(scan.date, rules.look_back.months, as_of) is not False]
    return {
        "mri.activeLast12Months": _flag(year, mri_open, [scan.active for scan in year], "no scan shows MS activity", rules, as_of),
        "mri.gdLesionsLast12Months": _gd_lesions(year, mri_open, rules, as_of),
        "mri.markedT2IncreaseLast12Months": _flag(
            year,
            mri_open,
            [scan.marked_t2_increase if scan.counts else False for scan in year],
            "no marked increase is reported",
            rules,
            as_of,
        ),
        "mri.newLesionsLast36Months": _new_lesions(scans, mri_open, rules, as_of),
    }


def _flag(year: Sequence[Scan], mri_open: str, truths: Sequence[Truth], none: str, rules: ActivityRules, as_of: date) -> Fact:
    months = rules.look_back.months
    certain = [inside(scan.date, months, as_of) is True for scan in year]
    yes = [scan for scan, truth, sure in zip(year, truths, certain, strict=True) if truth is True and sure]
    if yes:
        return _found(True, yes, _list(yes))
    if not year:
        return Fact(value=None, reason=f"No MRI of the last {months} months was found.{_missing(mri_open)}", how="notFound")
    looked = [scan for scan, truth, sure in zip(year, truths, certain, strict=True) if truth is False and sure and scan.region == "brain"]
    if looked and all(truth is False for truth in truths) and not mri_open:
        return _found(False, year, f"In the last {months} months {none}: {_list(year)}")
    return _found(None, year, f"The MRI of the last {months} months does not settle it: {_list(year)}{_missing(mri_open)}")


def _found(value: Truth, scans: Sequence[Scan], reason: str) -> Fact:
    return Fact(value=value, reason=reason, resources=_refs(scans), date=latest(scan.date for scan in scans), how=_how(scans))


def _gd_lesions(year: Sequence[Scan], mri_open: str, rules: ActivityRules, as_of: date) -> Fact:
    months = rules.look_back.months
    counting = [scan for scan in year if scan.counts]
    sure = [scan for scan in counting if inside(scan.date, months, as_of) is True]
    low = max((scan.gd_lesions.low for scan in sure if scan.gd_lesions is not None), default=0.0)
    known = [scan.gd_lesions.high for scan in counting if scan.gd_lesions is not None]
    read = bool(sure) and len(known) == len(counting) and not mri_open
    value = Bounds(low, max(known)) if read else Bounds.at_least(low)
    if not year:
        return Fact(value=value, reason=f"No MRI of the last {months} months was found.{_missing(mri_open)}", how="notFound")
    return Fact(
        value=value,
        reason=f"Gd lesions on one scan of the last {months} months: {value}. {_list(year)}{_missing(mri_open)}",
        resources=_refs(year),
        date=latest(scan.date for scan in year),
        how=_how(year),
    )


def _new_lesions(scans: Sequence[Scan], mri_open: str, rules: ActivityRules, as_of: date) -> Fact:
    months = rules.mri.months
    within = [scan for scan in scans if inside(scan.date, months, as_of) is not False]
    sure = [scan for scan in within if inside(scan.date, months, as_of) is True and scan.counts]
    low = max((_lesions(scan).low for scan in sure), default=0.0)
    gap = mri_open or _gap(scans, within, rules, as_of)
    high = math.inf if gap else sum(_lesions(scan).high for scan in within)
    value = Bounds(low, max(low, high))
    reason = f"New, enlarging or enhancing lesions in the last {months} months: {value}. {_list(within)}" if within else ""
    return Fact(
        value=value,
        reason=" ".join(part for part in (reason, f"Not certain: {gap}" if gap else "") if part),
        resources=_refs(within),
        date=latest(scan.date for scan in within),
        how=_how(within) if within else "notFound",
    )


def _lesions(scan: Scan) -> Bounds:
    """New lesions of a scan: at least the larger of its numbers, because a Gd lesion is often the new T2 lesion; at most their sum."""
    t2, gd = scan.new_t2_lesions or Bounds(0, math.inf), scan.gd_lesions or (_NONE if scan.clean is True else Bounds(0, math.inf))
    return Bounds(max(t2.low, gd.low), t2.high + gd.high)


def _gap(scans: Sequence[Scan], within: Sequence[Scan], rules: ActivityRules, as_of: date) -> str:
    """Why the scans do not cover the window (definition `ranvier-mri-assessment`); empty if they do."""
    brain = [scan for scan in within if scan.region == "brain"]
    recent = rules.mri.latest_scan_months
    if not any(inside(scan.date, recent, as_of) is True and scan.clean is not None for scan in brain):
        return f"no MRI of the brain read for new lesions in the last {recent} months was found."
    unread = [scan for scan in within if scan.clean is None or not scan.counts]
    if unread:
        return f"not read for new MS lesions: MRI {', '.join(str(scan.date) for scan in unread)}."
    start = add_months(as_of, -rules.mri.months)
    oldest = min(
        (scan for scan in brain if inside(scan.date, rules.mri.months, as_of) is True), key=lambda scan: (scan.date.first, scan.date.last)
    )
    if oldest.compared_with is not None:
        return (
            "" if oldest.compared_with.last <= start else f"the oldest of these scans is compared with one of {oldest.compared_with} only."
        )
    earlier = [scan for scan in scans if scan.region == "brain" and scan.date.last <= start]
    return "" if earlier else f"no scan of {start} or before is known to compare with."


def _refs(scans: Iterable[Scan]) -> tuple[str, ...]:
    return unique(ref for scan in scans for ref in scan.resources)


def _how(scans: Iterable[Scan]) -> How:
    return "coded" if all(scan.how == "coded" for scan in scans) else "text"


def _missing(mri_open: str) -> str:
    return f" {mri_open}" if mri_open else ""


def _list(scans: Iterable[Scan]) -> str:
    return " ".join(
        f"{scan_words(scan)}." for scan in sorted(scans, key=lambda scan: (scan.date.first, scan.date.last, scan.region, scan.resources))
    )


def scan_words(scan: Scan) -> str:
    """One scan for a clinician: `MRI 2026-09: 3 new or enlarging T2 lesions, 1 Gd lesion, compared with 2024-07`."""
    name = f"MRI {scan.date}" if scan.region == "brain" else f"MRI of the cord {scan.date}"
    if scan.clean is True:
        what = "no new or enlarging T2 lesion" + (" and no Gd lesion" if scan.gd_lesions is not None else "")
    else:
        parts = [
            f"{number} {noun} lesion{'' if number.high == 1 else 's'}"
            for number, noun in ((scan.new_t2_lesions, "new or enlarging T2"), (scan.gd_lesions, "Gd"))
            if number is not None
        ]
        what = ", ".join(parts) or "no reading of lesions"
        if any(number is not None and math.isinf(number.high) for number in (scan.new_t2_lesions, scan.gd_lesions)):
            what += " (number not stated)"
        if scan.marked_t2_increase is True:
            what += ", marked increase"
    compared = f", compared with {scan.compared_with}" if scan.compared_with is not None else ""
    return f"{name}: {what}{compared}{'' if scan.counts else ' (not counted as MS activity: PML suspected)'}"
