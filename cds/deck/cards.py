"""Load `cards/<language>/`: one file per card, YAML front matter and a Jinja2 body in the portable Markdown subset.

Templates are compiled once; an unknown variable, claim or fact is a `ContentError` in `ranvier content check`, never a hole in a card.
"""

from __future__ import annotations

from pathlib import Path
from types import MethodType
from typing import Any, Literal

import yaml
from jinja2 import StrictUndefined, Template, TemplateSyntaxError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds.deck.wording import PHRASES, Wording
from cds.evidence.criteria import Condition, CriterionError, compile_condition
from cds.evidence.load import ContentError, read_yaml
from cds.evidence.model import Stance, Topic
from cds.patient.facts import CATALOGUE
from cds.plain_yaml import load_yaml

ENGLISH = "en"
"""The language in which every card is complete; `cards/<language>/` translates it."""


class Draft(BaseModel):
    """A resource that a card may offer to draft where a site asks for suggestions; it decides nothing and is never recommended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str = Field(description="what the button says, at most 80 characters", max_length=80)
    when: dict[str, Any] | None = Field(None, description="condition over facts, as in criteria; absent: always")
    subject: Literal["subject", "for"] = Field(description="the element of the resource that names the patient")
    resource: dict[str, Any] = Field(description="the FHIR R4 resource, without patient and day")


class FrontMatter(BaseModel):
    """What a card file says of itself. In a translation, only the words that a clinician reads differ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: str = Field(description="the summary it shows, or the name of a card that code composes (`missing-data`, `dmt-safety`)")
    topic: Topic
    headline: str = Field(description="Jinja2; follows the stance's first words; summary of the card, at most 139 characters together")
    headlines: dict[Stance, str] = Field({}, description="another headline where the stance has changed")
    opening: str | None = Field(None, description="replaces the stance's first words on this card")
    options: bool = Field(False, description="whether it names drugs to change to, so that those that failed or did harm are left out")
    suggestions: tuple[Draft, ...] = Field((), description="what the card may offer to draft; only where a site asks for suggestions")


class PlainText(Struct, frozen=True):
    """Words without Jinja2, as most headlines are: they need not be compiled."""

    text: str

    def render(self, *_: Any) -> str:
        """The words, whatever the values."""
        return self.text


class CardFile(Struct, frozen=True):
    """One compiled card. `drafts` are its suggestions, each with its condition."""

    front: FrontMatter
    headlines: dict[str, Template | PlainText]
    body: Template | PlainText
    source: str
    drafts: tuple[tuple[Draft, Condition | None], ...] = ()


class Deck(Struct, frozen=True):
    """All cards by name, and the words they share, in one language."""

    cards: dict[str, CardFile]
    wording: Wording
    language: str = "en"


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way for methods of our own values: a card is mostly calls of the verbs of its pen."""

    def call(self, context: Context, called: Any, /, *args: Any, **named: Any) -> Any:
        """What a template gets where it calls something. All other methods, such as those of texts, go through the sandbox."""
        if type(called) is MethodType and isinstance(called.__self__, Struct):
            return called(*args, **named)
        return super().call(context, called, *args, **named)


def environment() -> ImmutableSandboxedEnvironment:
    """The template environment: sandboxed, no auto-created variables, nothing but what a card is given, trimmed blocks."""
    made = _Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False)
    made.globals.clear()
    return made


def load_decks(folder: Path) -> dict[str, Deck]:
    """Every language of `cards/`, English first. A folder with a `wording.yaml` is a language; its name is the BCP 47 code.

    A translated card has its own headline; where its body is empty, the English one is shown under translated headings.
    Raises `ContentError` naming the file and the problem.
    """
    english = load_deck(folder / ENGLISH, ENGLISH)
    if missing := sorted(PHRASES.keys() - english.wording.phrases.keys()):
        raise ContentError(f"{folder / ENGLISH / 'wording.yaml'}: phrases: {missing[0]!r} is missing")
    others = sorted(path.parent for path in folder.glob("*/wording.yaml") if path.parent.name != ENGLISH)
    return {ENGLISH: english} | {path.name: _translated(english, load_deck(path, path.name), path) for path in others}


def load_deck(folder: Path, language: str) -> Deck:
    """Read and compile every card below `folder`; `ContentError` names the file and the problem."""
    env = environment()
    cards: dict[str, CardFile] = {}
    for path in sorted(folder.glob("**/*.md")):
        card = _load_card(path, env)
        if card.front.card in cards:
            raise ContentError(f"{path}: a card for {card.front.card!r} exists already")
        cards[card.front.card] = card
    try:
        words = Wording.model_validate(read_yaml(folder / "wording.yaml"))
    except ValidationError as error:
        raise ContentError(f"{folder / 'wording.yaml'}: {_problems(error)}") from error
    return Deck(cards, words, language)


def _translated(english: Deck, other: Deck, folder: Path) -> Deck:
    """The translation on top of the English deck: what it does not say is said in English, and what is offered stays the same."""
    for name, card in other.cards.items():
        if name not in english.cards or card.front.topic != english.cards[name].front.topic:
            raise ContentError(f"{folder}: there is no English card {name!r} with topic {card.front.topic!r}")
    cards = {name: _on_top(card, other.cards[name]) if name in other.cards else card for name, card in english.cards.items()}
    said = {name: value for name, value in other.wording.model_dump(exclude_unset=True).items() if value}
    merged = {
        name: {**value, **said[name]} if isinstance(value, dict) else said[name]
        for name, value in english.wording.model_dump().items()
        if name in said
    }
    return Deck(cards, english.wording.model_copy(update=merged), other.language)


def _on_top(english: CardFile, other: CardFile) -> CardFile:
    words = {name: getattr(other.front, name) for name in ("headline", "headlines", "opening")}
    front = english.front.model_copy(update={name: value or getattr(english.front, name) for name, value in words.items()})
    body = other.body if other.source.rpartition("\n---")[2].strip() else english.body
    return CardFile(front, {**english.headlines, **other.headlines}, body, other.source, english.drafts)


def _template(text: str, env: ImmutableSandboxedEnvironment) -> Template | PlainText:
    """Raises `TemplateSyntaxError`."""
    return env.from_string(text) if "{" in text else PlainText(text)


def _load_card(path: Path, env: ImmutableSandboxedEnvironment) -> CardFile:
    text = path.read_text(encoding="utf-8")
    opening, separator, rest = text.partition("---\n")
    front_text, separator, body = f"{rest}\n".partition("\n---\n")
    if opening or not separator:
        raise ContentError(f"{path}: a card begins with YAML front matter between two lines of ---")
    try:
        front = FrontMatter.model_validate(load_yaml(front_text))
        headlines = {"": _template(front.headline, env)} | {stance: _template(text, env) for stance, text in front.headlines.items()}
        drafts = tuple((draft, _condition(draft)) for draft in front.suggestions)
        return CardFile(front, headlines, _template(body.strip(), env), text, drafts)
    except CriterionError as error:
        raise ContentError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        raise ContentError(f"{path}: the front matter is not valid YAML: {error}") from error
    except ValidationError as error:
        raise ContentError(f"{path}: front matter: {_problems(error)}") from error
    except TemplateSyntaxError as error:
        raise ContentError(f"{path}: line {error.lineno} of the body: {error.message}") from error


def _condition(draft: Draft) -> Condition | None:
    return compile_condition(draft.when, CATALOGUE, f"suggestion {draft.label!r}") if draft.when else None


def _problems(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())


Indicator = Literal["info", "warning"]
