"""The real core behind the wire: prefetch values → chart → advice → cards as they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from msgspec.structs import replace

from cds.advice import Advice, Policy, advise
from cds.api.cards import wire_cards
from cds.api.core import Core, Opinion
from cds.calls import read_call
from cds.content import Content
from cds.evidence.load import ContentError
from cds.fhir.compiled import by_library, compiled
from cds.fhir.probe import plain, selective
from cds.first_look import first_look
from cds.patient.context import Fact
from cds.patient.relevance import relevance
from cds.protocol.discovery import SERVICES
from cds.protocol.language import preferred
from cds.protocol.request import HookCall
from cds.settings import Settings
from cds.three_valued import Truth

HOOKS = frozenset(service.hook for service in SERVICES)
"""Hooks that the core answers; `cds.protocol.discovery.SERVICES` says with which service."""


def core_of(content: Content, policy: Policy, reading: Literal["selective", "plain"] = "selective") -> Core:
    """The core for this content, as the wire uses it.

    `reading`: `selective` leaves out resources that no fact can rest on before they are read (`cds.fhir.probe`) and makes the others the
    fast way (`cds.fhir.compiled`); `plain` does neither.
    """
    if policy.language is not None and policy.language not in content.decks:
        raise ContentError(f"RANVIER_LANGUAGE: there are no cards in {policy.language!r}; there is {', '.join(content.decks)}")

    def opinion(call: HookCall, values: Mapping[str, Any], as_of: date) -> Opinion:
        context = vars(call.context)
        chart, trigger = read_call(
            call.hook,
            call.context.patient_id,
            values,
            content,
            draft_orders=context.get("draft_orders"),
            selections=context.get("selections"),
            conditions=context.get("conditions"),
            patient=False,
            make=make,
        )
        if chart.holds_records:
            chart = chart.with_patient()
        seen = look(chart, trigger, as_of)
        if seen.silent:
            return Opinion((), concerns(seen.ms), settled=True)
        spoken = policy if policy.language else replace(policy, language=preferred(call.accept_language, tuple(content.decks)))
        advice = advise(content, chart.with_patient(), trigger, as_of, spoken, seen.opening)
        return Opinion(wire_cards(advice, content, patient_id=call.context.patient_id), applies(advice), settled(advice))

    look = first_look(content)
    loads, make = (selective(relevance(content)), compiled) if reading == "selective" else (plain, by_library)
    signed = None if policy.signed is None else (len(policy.signed), len(content.deck.cards))
    return Core(content.edition.version, content.edition.hash, HOOKS, opinion, loads, signed)


ORDER_SELECT = next(service.id for service in SERVICES if service.hook == "order-select")
"""Where a site does not offer this service, order-sign has nothing to repeat."""


def policy_of(settings: Settings, signed: frozenset[str] | None = None) -> Policy:
    """What the site's settings ask of the cards; `signed` are those that may be shown where a sign-off is required."""
    public = settings.public_url if settings.public_url.startswith("https://") else None
    return Policy(
        cap=settings.max_cards,
        topics_off=frozenset(settings.topics_off),
        evidence_base=public,
        repeat_at_sign=settings.repeat_at_sign or (settings.services is not None and ORDER_SELECT not in settings.services),
        suggestions=settings.suggestions,
        language=settings.language,
        signed=signed,
    )


def applies(advice: Advice) -> Truth:
    """Whether the chart shows something to speak of: MS present or suspected, or a card for a state before it. Unknown is neither.

    A card that only names what is missing shows nothing: it would also come up for any patient whose diagnoses were cut off.
    """
    if any(card.topic != "missingData" for card in advice.cards):
        return True
    return concerns(advice.context.facts["ms"])


def concerns(ms: Fact) -> Truth:
    """Whether the fact `ms` says that MS is present or suspected."""
    return None if ms.value is None else ms.value in ("present", "suspected")


def settled(advice: Advice) -> bool:
    """Whether every summary has failed a gate or limit for good, so that more data could not make one speak."""
    refused = all(any(finding.verdict == "notMet" for finding in match.gates + match.limits) for match in advice.matches)
    return applies(advice) is False and refused
