"""The real core behind the wire: prefetch values → chart → advice → cards as they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from cds.advice import ORDER_HOOKS, Advice, Policy, advise
from cds.api.cards import wire_cards
from cds.api.core import Core, Opinion
from cds.calls import read_call
from cds.content import Content
from cds.fhir.probe import plain, selective
from cds.patient.relevance import relevance
from cds.protocol.discovery import SERVICES
from cds.protocol.request import HookCall
from cds.settings import Settings
from cds.three_valued import Truth

HOOKS = frozenset(service.hook for service in SERVICES)
"""Hooks that the core answers; `cds.protocol.discovery.SERVICES` says with which service."""


def core_of(content: Content, policy: Policy, reading: Literal["selective", "plain"] = "selective") -> Core:
    """The core for this content, as the wire uses it.

    `reading`: whether resources that no fact can rest on are left out before they are read (`cds.fhir.probe`), or nothing is.
    """

    def opinion(call: HookCall, values: Mapping[str, Any], as_of: date) -> Opinion:
        chart, trigger = read_call(
            call.hook,
            call.context.patient_id,
            values,
            content,
            draft_orders=getattr(call.context, "draft_orders", None),
            selections=getattr(call.context, "selections", None),
            conditions=getattr(call.context, "conditions", None),
        )
        advice = advise(content, chart, trigger, as_of, policy)
        unrelated = trigger.hook in ORDER_HOOKS and not trigger.orders
        return Opinion(wire_cards(advice, content), applies(advice), unrelated or settled(advice))

    loads = selective(relevance(content)) if reading == "selective" else plain
    signed = None if policy.signed is None else (len(policy.signed), len(content.deck.cards))
    return Core(content.edition.version, content.edition.hash, HOOKS, opinion, loads, signed)


def policy_of(settings: Settings, signed: frozenset[str] | None = None) -> Policy:
    """What the site's settings ask of the cards; `signed` are those that may be shown where a sign-off is required."""
    public = settings.public_url if settings.public_url.startswith("https://") else None
    return Policy(
        cap=settings.max_cards,
        topics_off=frozenset(settings.topics_off),
        evidence_base=public,
        repeat_at_sign=settings.repeat_at_sign,
        signed=signed,
    )


def applies(advice: Advice) -> Truth:
    """Whether the chart shows something to speak of: MS present or suspected, or a card for a state before it. Unknown is neither.

    A card that only names what is missing shows nothing: it would also come up for any patient whose diagnoses were cut off.
    """
    value = advice.context.facts["ms"].value
    if any(card.topic != "missingData" for card in advice.cards):
        return True
    return None if value is None else value in ("present", "suspected")


def settled(advice: Advice) -> bool:
    """Whether every summary has failed a gate or limit for good, so that more data could not make one speak."""
    refused = all(any(finding.verdict == "notMet" for finding in match.gates + match.limits) for match in advice.matches)
    return applies(advice) is False and refused
