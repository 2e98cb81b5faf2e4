"""The whole answer of every service for every synthetic patient, as YAML that reads well in a diff."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import yaml

from cds.advice import Policy, advise
from cds.api.cards import wire_cards
from cds.content import Content
from cds.explain_input import chart_of_request
from cds.protocol.card import prune
from cds.protocol.profiles import EXPLANATION
from cds.vignette.patients import Hook, SyntheticPatient

FOLDER = Path(__file__).parent / "patients"
HOOKS: tuple[str, ...] = get_args(Hook)
CHANGING = "(differs with every answer)"
POLICY = Policy(suggestions=True, evidence_base="https://ranvier.example")
"""Everything that an answer can hold is in it."""


class _Readable(yaml.CSafeDumper):
    """Texts of several lines as blocks."""


_Readable.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def answers(patient: SyntheticPatient, content: Content) -> dict[str, Any]:
    """Hook → the answer without what differs every time; the name of an earlier hook where the answer is the same."""
    found: dict[str, Any] = {}
    for hook in HOOKS:
        chart, trigger = chart_of_request(patient.expand().request(hook), content)
        cards = wire_cards(advise(content, chart, trigger, patient.as_of, POLICY), content, patient_id=patient.id)
        answer = {"cards": [_settled(prune(card.model_dump(by_alias=True))) for card in cards]}
        found[hook] = next((f"as at {earlier}" for earlier, given in found.items() if given == answer), answer)
    return found


def _settled(card: dict[str, Any]) -> dict[str, Any]:
    card["uuid"] = CHANGING
    card["extension"][EXPLANATION]["contentHash"] = CHANGING
    for suggestion in card.get("suggestions", ()):
        suggestion["uuid"] = CHANGING
    return card


def as_text(found: dict[str, Any]) -> str:
    """The answers as they are stored."""
    return yaml.dump(found, Dumper=_Readable, allow_unicode=True, sort_keys=False, width=140)
