"""Malignancy: active, past or none recorded (clinical-rules F19, risk-03). Malignant MS is not cancer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.context import Fact
from cds.patient.reading import latest
from cds.patient.records.conditions import Diagnosed, absent, how_known, refs, standing, why_open
from cds.patient.rules import Pattern, Rules, found

_ROLES = ("include", "context")


class MalignancyRules(Rules):
    """Value sets of malignancy (definition `caution-malignancy`).

    `excepted_codes` and, where no code is known, `excepted_text` never count; `counted_codes` are ambiguous codes that do;
    `history_codes` say that it is past. Other words without a code leave it open.
    """

    sets: tuple[str, ...]
    excepted_codes: tuple[str, ...]
    excepted_text: tuple[Pattern, ...]
    counted_codes: tuple[str, ...]
    history_codes: tuple[str, ...]
    past_states: tuple[str, ...]


def malignancy_fact(chart: Chart, terminology: Terminology, rules: MalignancyRules, conditions: Iterable[Diagnosed]) -> Fact:
    """Active unless resolved, a history code, basal-cell carcinoma of the skin or carcinoma in situ of the cervix."""
    records = [record for record in conditions if _counts(record, terminology, rules)]
    past = [record for record in records if record.asserted and _past(record, rules)]
    current = [record for record in records if record not in past]
    word, _ = standing(current)
    certain = [record for record in current if record.asserted and _certain(record, rules)]
    if word == "present" and certain:
        return _fact("active", "Malignancy is recorded", certain)
    if word in ("present", "suspected"):
        return _fact(None, "A possible malignancy is recorded, its kind or certainty not stated", current)
    if absent(chart, terminology, *rules.sets) is None:
        return Fact(
            value=None, reason=f"{why_open(chart)} Whether a malignancy is recorded cannot be said.", resources=refs(past), how="notFound"
        )
    if past:
        return _fact("past", "A past malignancy is recorded", past)
    reason = f"A malignancy was refuted ({records[-1].words()})." if records else "No malignancy is recorded."
    return Fact(value="none", reason=reason, resources=refs(records), how=how_known(records))


def _counts(record: Diagnosed, terminology: Terminology, rules: MalignancyRules) -> bool:
    hits = record.of(*rules.sets, roles=_ROLES)
    if not hits or record.coded(rules.excepted_codes):
        return False
    if any(hit.how == "coded" for hit in hits) or not found(rules.excepted_text, record.text):
        return True
    rest = record.text
    for pattern in rules.excepted_text:
        rest = re.sub(pattern, " ", rest, flags=re.IGNORECASE)
    return any(hit.role in _ROLES for hit in terminology.match_text(rest, *rules.sets))


def _past(record: Diagnosed, rules: MalignancyRules) -> bool:
    return record.coded(rules.history_codes) or (not record.encounter and record.state in rules.past_states)


def _certain(record: Diagnosed, rules: MalignancyRules) -> bool:
    """Coded as a malignancy, not only as a skin tumour of unstated kind, nor only in words."""
    return record.coded(rules.counted_codes) or (
        any(hit.how == "coded" for hit in record.of(*rules.sets, roles=("include",))) and not _only_ambiguous(record, rules)
    )


def _only_ambiguous(record: Diagnosed, rules: MalignancyRules) -> bool:
    """C44 lies inside the range of all malignancies and is ambiguous by itself: the narrower entry decides."""
    return any(hit.how == "coded" for hit in record.of(*rules.sets, roles=("context",)))


def _fact(value: str | None, text: str, records: Sequence[Diagnosed]) -> Fact:
    words = "; ".join(dict.fromkeys(f"{record.text or 'coded'}: {record.words()}" for record in records))
    return Fact(
        value=value,
        reason=f"{text} ({words}).",
        resources=refs(records),
        date=latest(record.date for record in records),
        how=how_known(records),
    )
