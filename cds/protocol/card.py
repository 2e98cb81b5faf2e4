"""Cards as they stand on the wire (contract 2.9 to 2.11 and 2.13). A card that breaks a rule cannot be made."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from cds.protocol.profiles import EPIC_CONTENT_TYPE, Profile

SUMMARY_LIMIT = 139
"""Longest summary in UTF-16 units: the specification says fewer than 140 characters (CH-CARD-02)."""


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def utf16_length(text: str) -> int:
    """Length as JavaScript, Java and C# clients count it."""
    return len(text.encode("utf-16-le")) // 2


def _short(text: str) -> str:
    if utf16_length(text) > SUMMARY_LIMIT:
        raise ValueError(f"a summary has at most {SUMMARY_LIMIT} UTF-16 units")
    return text


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or not url.isascii() or re.search(r"[\s<>\"\\]", url):
        raise ValueError("an absolute https address without credentials is needed")
    return url


Text = Annotated[str, Field(min_length=1)]
HttpsUrl = Annotated[str, AfterValidator(_https)]
CardUuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
ReverseDomain = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+)+$")]


class Coding(_Wire):
    """A code with its system; a reason to override carries its display as well."""

    code: Text
    system: Text
    display: Text | None = None


class Topic(Coding):
    """What kind of advice the card is; the same for the same advice on every call (CH-SRC-04)."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,100}$")]


class OverrideReason(Coding):
    """A reason a user may give for not following the card (CH-CARD-08)."""

    display: Text


class Source(_Wire):
    """Who says so: the primary source of the guidance on the card."""

    label: Text
    url: HttpsUrl | None = None
    icon: HttpsUrl | None = None
    topic: Topic


class Link(_Wire):
    """A reference for the reader, to the exact article or page (CH-LINK-04)."""

    label: Text
    url: HttpsUrl
    type: Literal["absolute"] = "absolute"


NON_ADHERENCE = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"


class Action(_Wire):
    """One thing that accepting a suggestion does: always the creation of a draft (CH-ACT-01, -02)."""

    type: Literal["create"] = "create"
    description: Text
    resource: dict[str, Any]


class Suggestion(_Wire):
    """A draft the user may accept; never marked as recommended (CH-SUG-01 to -05)."""

    label: Text
    uuid: CardUuid = Field(default_factory=lambda: str(uuid.uuid4()))
    actions: Annotated[tuple[Action, ...], Field(min_length=1, max_length=1)]


OVERRIDE_REASONS: tuple[OverrideReason, ...] = tuple(
    OverrideReason(code=code, system=NON_ADHERENCE, display=display)
    for code, display in (
        ("cds-not-applicable", "Not applicable to this patient"),
        ("patient-contraindication", "Contraindicated for this patient"),
        ("patient-refuses", "Patient refuses"),
        ("does-not-align-latest-evidence", "Does not align with the latest evidence"),
        ("service-not-available", "Not available here"),
        ("action-completed", "Already done"),
    )
)
"""Those that cards may offer, from the specification's own code system; `override_reasons` of cards/en/wording.yaml says which."""


class Card(_Wire):
    """One informational card. A new card has its own random uuid, which is never used again (CH-CARD-01)."""

    uuid: CardUuid = Field(default_factory=lambda: str(uuid.uuid4()))
    summary: Annotated[str, Field(min_length=1), AfterValidator(_short)]
    detail: Text | None = None
    indicator: Literal["info", "warning"]
    source: Source
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["any"] | None = None
    override_reasons: tuple[OverrideReason, ...] = OVERRIDE_REASONS
    links: tuple[Link, ...] = ()
    extension: dict[ReverseDomain, Any] | None = None

    @model_validator(mode="after")
    def _behavior_goes_with_suggestions(self) -> Card:
        if bool(self.suggestions) != (self.selection_behavior is not None):
            raise ValueError("selectionBehavior is there with suggestions, and only then (CH-CARD-07)")
        return self

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Card:
        if len({link.label for link in self.links}) < len(self.links):
            raise ValueError("link labels must be unique on a card")
        return self


class CdsResponse(_Wire):
    """Answer of a service: the cards, most relevant first, possibly none."""

    cards: tuple[Card, ...]


def for_client(card: Card, profile: Profile) -> Card:
    """The card as this kind of client gets it (CH-CARD-10). Its uuid stays."""
    extension = dict(card.extension or {}) if profile.explanation else {}
    if profile.content_type:
        extension[EPIC_CONTENT_TYPE] = "text/markdown"
    return card.model_copy(update={"extension": extension})


def prune(value: Any) -> Any:
    """The value without null, empty string, empty list or empty object anywhere inside (CH-GEN-02); false and 0 stay."""
    if isinstance(value, str):  # most are
        return value
    if isinstance(value, dict):
        return {name: kept for name, member in value.items() if (kept := prune(member)) or kept == 0}
    if isinstance(value, list | tuple):
        return [kept for member in value if (kept := prune(member)) or kept == 0]
    return value


def encode(cards: Iterable[Card]) -> bytes:
    """The body of a successful answer; `cards` is always there, even when there is nothing to say (CH-RESP-01, -02)."""
    return orjson.dumps({"cards": [prune(card.model_dump(by_alias=True)) for card in cards]})
