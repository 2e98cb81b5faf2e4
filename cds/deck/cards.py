"""Load `cards/`: one file per card, YAML front matter and a Jinja2 body in the portable Markdown subset.

Templates are compiled once; an unknown variable, claim or fact is a `ContentError` in `ranvier content check`, never a hole in a card.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import StrictUndefined, Template, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds.evidence.load import ContentError, read_yaml
from cds.evidence.model import Stance, Topic


class FrontMatter(BaseModel):
    """What a card file says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: str = Field(description="the summary it shows, or the name of a card that code composes (`missing-data`, `dmt-safety`)")
    topic: Topic
    headline: str = Field(description="Jinja2; follows the stance's first words; summary of the card, at most 139 characters together")
    headlines: dict[Stance, str] = Field({}, description="another headline where the stance has changed")
    opening: str | None = Field(None, description="replaces the stance's first words on this card")


@dataclass(frozen=True, slots=True)
class CardFile:
    """One compiled card."""

    front: FrontMatter
    headlines: dict[str, Template]
    body: Template
    source: str


@dataclass(frozen=True, slots=True)
class Wording:
    """Words shared by all cards: how each stance, topic and outcome of a drug is said, and what is never said.

    `drug_topics` are the beginnings of claim topics that speak of one drug as a treatment; such a claim is left out where a
    contraindication or boxed situation of that drug is recorded.
    """

    openings: dict[str, str]
    topics: dict[str, str]
    outcomes: dict[str, str]
    drug_topics: tuple[str, ...]
    never: tuple[str, ...]
    quoted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deck:
    """All cards by name, and the words they share."""

    cards: dict[str, CardFile]
    wording: Wording


def environment() -> ImmutableSandboxedEnvironment:
    """The template environment: sandboxed, no auto-created variables, trimmed blocks."""
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False)


def load_deck(folder: Path) -> Deck:
    """Read and compile every card below `folder`; `ContentError` names the file and the problem."""
    env = environment()
    cards: dict[str, CardFile] = {}
    for path in sorted(folder.glob("**/*.md")):
        card = _load_card(path, env)
        if card.front.card in cards:
            raise ContentError(f"{path}: a card for {card.front.card!r} exists already")
        cards[card.front.card] = card
    words: dict[str, Any] = read_yaml(folder / "wording.yaml")
    lists = {name: tuple(words[name]) for name in ("drug_topics", "never", "quoted")}
    return Deck(cards, Wording(words["openings"], words["topics"], words["outcomes"], **lists))


def _load_card(path: Path, env: ImmutableSandboxedEnvironment) -> CardFile:
    text = path.read_text(encoding="utf-8")
    opening, separator, rest = text.partition("---\n")
    front_text, separator, body = rest.partition("\n---\n")
    if opening or not separator:
        raise ContentError(f"{path}: a card begins with YAML front matter between two lines of ---")
    try:
        front = FrontMatter.model_validate(yaml.load(front_text, Loader=yaml.CSafeLoader))
        headlines = {"": env.from_string(front.headline)} | {stance: env.from_string(text) for stance, text in front.headlines.items()}
        return CardFile(front, headlines, env.from_string(body.strip()), text)
    except yaml.YAMLError as error:
        raise ContentError(f"{path}: the front matter is not valid YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ContentError(f"{path}: front matter: {problems}") from error
    except TemplateSyntaxError as error:
        raise ContentError(f"{path}: line {error.lineno} of the body: {error.message}") from error


Indicator = Literal["info", "warning"]
