"""Expected against read: every difference as one line that a neurologist can follow."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cds.patient.context import Fact, PatientContext
from cds.three_valued import Bounds

CLOSE = 0.05
"""How near a number must be: a twentieth of a year or of an EDSS point decides nothing."""

CONTAINS = ("reason", "text", "note", "tier_reason", "stop_reason")
"""Members of a record that are sentences: the expected words must occur in them."""

_AT_LEAST = re.compile(r">= ?(\d+(?:\.\d+)?)")
_RANGE = re.compile(r"(within )?(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)")


def fact_differences(expected: Mapping[str, Any], context: PatientContext) -> Iterator[str]:
    """Facts that were read otherwise than expected; a fact no reader provides is a difference too."""
    for name, wanted in expected.items():
        fact = context.facts.get(name)
        if fact is None:
            yield f"fact {name}: expected {wanted!r}, but no reader provides this fact"
        elif isinstance(wanted, Mapping):
            yield from _detailed(name, wanted, fact)
        elif not same(wanted, fact.value):
            yield f"fact {name}: expected {wanted!r}, read {_told(fact)}"


def _detailed(name: str, wanted: Mapping[str, Any], fact: Fact) -> Iterator[str]:
    unknown = set(wanted) - {"is", "because", "from", "how", "date"}
    if unknown:
        yield f"fact {name}: {', '.join(sorted(unknown))} cannot be expected; use is, because, from, how, date"
    if "is" in wanted and not same(wanted["is"], fact.value):
        yield f"fact {name}: expected {wanted['is']!r}, read {_told(fact)}"
    if "because" in wanted and str(wanted["because"]).casefold() not in fact.reason.casefold():
        yield f"fact {name}: expected the reason to say {wanted['because']!r}, read {fact.reason!r}"
    missing = [resource for resource in wanted.get("from", ()) if resource not in fact.resources]
    if missing:
        yield f"fact {name}: expected it to rest on {', '.join(missing)}, read {', '.join(fact.resources) or 'none'}"
    for member in ("how", "date"):
        if member in wanted and str(wanted[member]) != str(getattr(fact, member)):
            yield f"fact {name}: expected {member} {wanted[member]}, read {getattr(fact, member)}"


def same(wanted: Any, value: Any) -> bool:
    """Whether a value is as written in a table: unknown, a truth, a word, a number, `>=2`, `2 to 4` or `within 2 to 4`."""
    if wanted is None or wanted == "unknown":
        return value is None
    if isinstance(wanted, bool) or not isinstance(value, Bounds):
        return type(wanted) is type(value) and bool(wanted == value)
    if isinstance(wanted, int | float):
        return _near(value.low, wanted) and _near(value.high, wanted)
    if at_least := _AT_LEAST.fullmatch(wanted):
        return _near(value.low, float(at_least[1])) and math.isinf(value.high)
    if span := _RANGE.fullmatch(wanted):
        low, high = float(span[2]), float(span[3])
        return value.low >= low and value.high <= high if span[1] else _near(value.low, low) and _near(value.high, high)
    return False


def _near(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= CLOSE


def _told(fact: Fact) -> str:
    value = "unknown" if fact.value is None else str(fact.value) if isinstance(fact.value, Bounds) else repr(fact.value)
    return f"{value} because {fact.reason!r} [{', '.join(fact.resources)}]"


def context_differences(expected: Mapping[str, Any], context: PatientContext) -> Iterator[str]:
    """Records (treatments, relapses, scans, cautions, conflicts ...) that are missing; `[]` expects none at all."""
    for name, wanted in expected.items():
        member = _snake(name)
        if member == "prior_hsct":
            yield from fact_differences({"priorHsct": wanted}, context)
        elif not hasattr(context, member):
            yield f"context {name}: there is no such member of the patient context"
        else:
            yield from _record_differences(name, wanted, getattr(context, member))


def _record_differences(name: str, wanted: Sequence[Any], records: Sequence[Any]) -> Iterator[str]:
    if not wanted and records:
        yield f"{name}: expected none, read {_listed(records)}"
    left = list(records)
    for record in wanted:
        partial = {"id": record} if isinstance(record, str) else record
        found = next((actual for actual in left if not list(_member_differences(partial, actual))), None)
        if found is not None:
            left.remove(found)
            continue
        near = [actual for actual in left if any(same_member(key, value, actual) for key, value in list(partial.items())[:1])]
        why = "; ".join(_member_differences(partial, near[0])) if near else f"read {_listed(records)}"
        yield f"{name}: expected {partial!r}, {why}"


def _member_differences(partial: Mapping[str, Any], actual: Any) -> Iterator[str]:
    for key, wanted in partial.items():
        if not hasattr(actual, _snake(key)):
            yield f"{type(actual).__name__} has no {key}"
        elif not same_member(key, wanted, actual):
            yield f"{key} is {_shown(getattr(actual, _snake(key)))}, not {wanted!r}"


def same_member(key: str, wanted: Any, actual: Any) -> bool:
    """Whether a record's member is as expected: sentences by substring, resources and notes by containment, dates as text."""
    member = _snake(key)
    value = getattr(actual, member, None)
    if wanted is None or wanted == "unknown":
        return value is None or value == "unknown"
    if member in CONTAINS:
        return isinstance(value, str) and str(wanted).casefold() in value.casefold()
    if member in ("resources", "notes"):
        said = [wanted] if isinstance(wanted, str) else wanted
        return all(any(str(item).casefold() in str(part).casefold() for part in value or ()) for item in said)
    if isinstance(value, tuple):
        return [str(item) for item in wanted] == [str(item) for item in value]
    if isinstance(value, Bounds):
        return same(wanted, value)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, int | float):
        return _near(value, float(wanted))
    return str(wanted) == str(value)


def card_differences(expected: Sequence[str], cards: Iterable[Any]) -> Iterator[str]:
    """The cards, in order, as `topic rule stance`, with `warning` or `critical` where the indicator says so."""
    shown = [card_name(card) for card in cards]
    if list(expected) != shown:
        yield f"cards: expected [{', '.join(expected)}], shown [{', '.join(shown)}]"


def card_name(card: Any) -> str:
    """`ahsct A1 option`, or `dmtSafety SF caution warning`."""
    return " ".join([card.topic, card.rule, card.stance, *([card.indicator] if card.indicator != "info" else [])])


def silence_differences(expected: Mapping[str, str], advice: Any) -> Iterator[str]:
    """Rules that spoke although silence was expected, or are silent for another reason."""
    shown = {card.rule for card in advice.cards}
    for rule, words in expected.items():
        reasons = [match.because for match in advice.matches if match.summary.rule == rule and match.because]
        reasons += [held.because for held in advice.held_back if held.candidate.rule == rule]
        if rule in shown:
            yield f"silent {rule}: it gave a card"
        elif not any(match.summary.rule == rule for match in advice.matches) and not reasons:
            yield f"silent {rule}: there is no such rule"
        elif not any(words.casefold() in reason.casefold() for reason in reasons):
            yield f"silent {rule}: expected a reason with {words!r}, found {reasons or 'none'}"


def safety_differences(expected: Mapping[str, Sequence[str]], advice: Any) -> Iterator[str]:
    """Hazards of the safety matrix with another verdict than expected."""
    found = {finding.hazard.id: finding for finding in advice.safety}
    for verdict, ids in expected.items():
        for id in ids:
            actual = found[id].verdict if id in found else "notAssessed"
            if actual != verdict:
                reason = f" because {found[id].reason!r}" if id in found else ""
                yield f"safety {id}: expected {verdict}, it is {actual}{reason}"


def wording_differences(expected: Mapping[str, Sequence[str]], advice: Any) -> Iterator[str]:
    """Words that a card of the rule was expected to say."""
    for rule, wanted in expected.items():
        text = " ".join(f"{card.summary} {card.detail}" for card in advice.cards if card.rule == rule)
        for words in wanted:
            if words.casefold() not in text.casefold():
                yield f"{rule}: expected the card to say {words!r}, it says {text!r}" if text else f"{rule}: no card is shown"


def _listed(records: Sequence[Any]) -> str:
    return "; ".join(_shown(record) for record in records) or "none"


def _shown(value: Any) -> str:
    if hasattr(value, "id") and hasattr(value, "text"):
        return f"{value.id} ({value.text})"
    return "none" if value is None else str(value)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)
