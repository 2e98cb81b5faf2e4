"""A core that stands in for the real one: it speaks when a Condition in the prefetch has the code 24700007 or 426373005."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from cds.api.core import Core, Opinion
from cds.protocol.card import Card, Link, Source, Topic
from cds.protocol.request import CONTEXTS, HookCall
from cds.three_valued import Truth

MS_CODES = {"24700007", "426373005"}
TOPICS = "https://ranvier.example/topics"


def card(summary: str = "Option: evidence on high-efficacy therapy", topic: str = "dmtSwitch", **changes: Any) -> Card:
    """A card that is right in every respect."""
    return Card(
        **{
            "summary": summary,
            "detail": "What the evidence shows ([Author 2024](https://doi.org/10.1000/182)).\n\n- Chart as of 2026-11-20.",
            "indicator": "info",
            "source": Source(label="Ranvier", url="https://ranvier.example", topic=Topic(code=topic, system=TOPICS)),
            "links": (Link(label="Author 2024, Journal", url="https://doi.org/10.1000/182"),),
            "extension": {"org.ranvier.explanation": {"asOf": "2026-11-20", "notRead": []}},
            **changes,
        }
    )


def resources(value: Any, resource_type: str) -> list[dict[str, Any]]:
    """The resources of a type in a prefetch value."""
    if not isinstance(value, dict):
        return []
    entries = value.get("entry") or [] if value.get("resourceType") == "Bundle" else [{"resource": value}]
    found = [entry["resource"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)]
    return [resource for resource in found if resource.get("resourceType") == resource_type]


def _codes(condition: dict[str, Any]) -> set[str]:
    code = condition.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    return {str(coding.get("code")) for coding in codings if isinstance(coding, dict)} if isinstance(codings, list) else set()


def advise(call: HookCall, values: Mapping[str, Any], as_of: date) -> Opinion:
    """Two cards for a patient with MS, none otherwise."""
    conditions = [condition for value in values.values() for condition in resources(value, "Condition")]
    partial = (isinstance(values.get("conditions"), dict) and "link" in values["conditions"]) or "conditions" not in values
    applies: Truth = True if any(_codes(condition) & MS_CODES for condition in conditions) else None if partial else False
    cards = (card(detail=f"Evidence.\n\n- Chart as of {as_of}."), card("Background: repair therapies", "msc")) if applies else ()
    return Opinion(cards, applies, settled=applies is False)


def core(hooks: frozenset[str] = frozenset(CONTEXTS)) -> Core:
    """The stand-in, answering these hooks."""
    return Core(version="test", hash="0" * 64, hooks=hooks, advise=advise)
