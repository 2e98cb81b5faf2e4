"""Run all checks of a profile against one service."""

from __future__ import annotations

from cds.probe.model import NotApplicable, Report, Result, Seen, Verdict
from cds.probe.session import Session
from cds.probe.table import CHECKS, Row

MAX_FAULTS = 4


def run(session: Session) -> Report:
    """Every check of the session's profile, in the order of the table."""
    results = tuple(_result(session, row) for row in CHECKS if session.profile in row.profiles)
    return Report(session.base, session.profile, len(session.exchanges), results)


def _result(session: Session, row: Row) -> Result:
    seen: list[Seen] = []
    try:
        for found in row.check(session):
            seen.append(found)  # noqa: PERF402 what was seen before a check gives up still counts
        reason = "no answer held what this check looks at"
    except NotApplicable as error:
        reason = str(error)
    faults = [one for one in seen if one.fault]
    shown = faults[0] if faults else seen[-1] if seen else None
    return Result(
        check=row.name,
        row=row.row,
        level=row.level,
        title=row.title,
        verdict=_verdict(session, row, seen, faults),
        why=_why(faults) if faults else "" if seen else reason,
        sent=shown.exchange.sent if shown else "",
        got=shown.exchange.got if shown else "",
        looked_at=len(seen),
    )


def _verdict(session: Session, row: Row, seen: list[Seen], faults: list[Seen]) -> Verdict:
    """An obligation that is broken is a failure; a recommendation or a decision of ours only in the strict profile."""
    if not seen:
        return "notApplicable"
    if not faults:
        return "pass"
    if row.advice:
        return "warn"
    return "fail" if session.strict or row.level in ("SHALL", "SHALL NOT") else "warn"


def _why(faults: list[Seen]) -> str:
    words = list(dict.fromkeys(f"{seen.fault} [{seen.exchange.what}: {seen.exchange.got}]" for seen in faults))
    more = len(words) - MAX_FAULTS
    return "; ".join(words[:MAX_FAULTS]) + (f"; and {more} more" if more > 0 else "")
