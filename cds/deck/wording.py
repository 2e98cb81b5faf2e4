"""Words that all cards share: `cards/<language>/wording.yaml`."""

from __future__ import annotations

from string import Formatter

from pydantic import BaseModel, ConfigDict, Field, field_validator

PHRASES: dict[str, frozenset[str]] = {
    name: frozenset(blanks.split())
    for name, blanks in {
        "failed": "drug when flags shown_by",
        "tried": "drugs",
        "since": "start",
        "from_to": "start end",
        "no_start": "",
        "no_end": "",
        "early": "",
        "induction_incomplete": "",
        "against": "drugs",
        "fits_profile": "features",
        "higher_activity": "features",
        "studied_differs": "people cited here",
        "licence_us": "text cited",
        "licence_eu": "text cited",
        "not_checked": "items",
        "unclear": "item reason",
        "unclear_brief": "items",
        "not_found": "drug items cited",
        "not_found_brief": "drugs",
        "uncited": "drug hazard reason",
        "uncited_brief": "drugs",
        "also": "drugs",
        "and_more": "first count",
        "not_read": "things",
        "asked_for": "what",
        "unanswered": "reason",
        "dates": "as_of version reviewed",
        "one_list": "list",
        "overdue": "",
        "evidence_link": "",
    }.items()
}
"""The phrases that code fills in, each with its blanks. English has them all; a translation may leave any out."""


class Wording(BaseModel):
    """Words shared by all cards, `wording.yaml`: how each stance, topic and outcome of a drug is said, and what is never said.

    A translation gives `openings`, `topics`, `titles`, `headings` and `terms`; what it leaves out, `phrases` too, is said in English.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    openings: dict[str, str] = Field(description="first words of a summary, by stance")
    topics: dict[str, str] = Field(description="name of each topic")
    titles: dict[str, str] = Field(description="parts of the headline of the safety card")
    outcomes: dict[str, str] = Field({}, description="how a drug ended, in a list of drugs tried")
    phrases: dict[str, str] = Field({}, description="lines of cards with blanks in braces, which are filled in from the chart")
    headings: dict[str, str] = Field({}, description="English heading of a card's body → the translation's")
    terms: dict[str, str] = Field({}, description="English name of a drug, hazard or datum in a headline → the translation's")
    abbreviations: dict[str, str] = Field({}, description="abbreviation → its words, spelled out at first use on a card")
    names: dict[str, tuple[str, ...]] = Field({}, description="why words in capitals are not spelled out → those words")
    override_reasons: dict[str, tuple[str, ...]] = Field({}, description="topic → codes of the reasons to override offered on its cards")
    drug_topics: tuple[str, ...] = Field((), description="beginnings of claim topics that speak of one drug as a treatment")
    never: tuple[str, ...] = Field((), description="words that decide for the clinician or promise too much; regular expressions")
    quoted: tuple[str, ...] = Field((), description="phrases of the field that hold such a word without directing")

    @field_validator("phrases")
    @classmethod
    def _blanks(cls, phrases: dict[str, str]) -> dict[str, str]:
        """Each phrase is one that a card uses, with just the blanks that are filled in."""
        for name, text in phrases.items():
            if name not in PHRASES:
                raise ValueError(f"{name!r} is no phrase of a card; there are {', '.join(sorted(PHRASES))}")
            blanks = {blank for _, blank, _, _ in Formatter().parse(text) if blank is not None}
            if blanks != PHRASES[name]:
                raise ValueError(f"{name!r} has the blanks {sorted(blanks)}; it takes {sorted(PHRASES[name])}")
        return phrases

    def phrase(self, name: str, **blanks: object) -> str:
        """A line of the cards with its blanks filled in."""
        return self.phrases[name].format(**blanks)

    def term(self, english: str) -> str:
        """The name as it stands inside a headline of this language."""
        return self.terms.get(english, english)
