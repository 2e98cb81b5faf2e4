"""All reviewed content in one immutable value: terminology, reading rules, evidence and cards, with its version and hash.

`cards/` and `seeds/` travel inside the wheel; `RANVIER_CONTENT` points to a site's own reviewed copy of both.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from msgspec import Struct

from cds.deck.cards import ENGLISH, Deck, load_decks
from cds.deck.edition import Edition
from cds.evidence.drug_evidence import DrugEvidenceBase, load_drug_evidence
from cds.evidence.load import ContentError, Evidence, load_evidence, read_yaml
from cds.evidence.safety import SafetyMatrix, load_safety
from cds.fhir.codes import Terminology
from cds.patient.facts import CATALOGUE
from cds.patient.read import ReadingRules
from cds.patient.rules import RulesError


class Content(Struct, frozen=True):
    """Everything the core knows, loaded once."""

    terminology: Terminology
    rules: ReadingRules
    evidence: Evidence
    safety: SafetyMatrix
    drug_evidence: DrugEvidenceBase
    decks: dict[str, Deck]
    """Language → its cards; English is complete, the others stand on it."""
    edition: Edition
    root: Path

    @property
    def deck(self) -> Deck:
        """The English cards."""
        return self.decks[ENGLISH]


def default_root() -> Path:
    """The folder that holds `cards/` and `seeds/`: inside an installed wheel, or the checkout."""
    packaged = Path(__file__).parent / "_content"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent


def load_content(root: Path | None = None, local_codes: Path | None = None, efficacy_list: str | None = None) -> Content:
    """Read and check all content below `root`. Raises `ContentError` naming the file and the mend.

    `local_codes` are a site's own codes; `efficacy_list` is the one list of efficacy classes that it reads, instead of all together (F15).
    """
    root = root or default_root()
    seeds, cards = root / "seeds", root / "cards"
    for folder in (seeds, cards):
        if not folder.is_dir():
            raise ContentError(f"{root}: no folder {folder.name}/ here; RANVIER_CONTENT names the folder that holds cards/ and seeds/")
    evidence = load_evidence(seeds, CATALOGUE)
    decks = load_decks(cards)
    deck = decks[ENGLISH]
    for name, card in deck.cards.items():
        summary = evidence.summaries.get(name)
        if summary and summary.topic != card.front.topic:
            raise ContentError(f"card {name}: its topic is {card.front.topic}, its summary's is {summary.topic}")
    missing = [id for id in evidence.summaries if id not in deck.cards]
    if missing:
        raise ContentError(f"summary {missing[0]}: no file in cards/ shows it; add one with `card: {missing[0]}`")
    try:
        rules = ReadingRules.of({id: definition.thresholds for id, definition in evidence.definitions.items()}, efficacy_list)
    except RulesError as error:
        raise ContentError(str(error)) from error
    return Content(
        terminology=Terminology.load(seeds / "terminology", local_codes=local_codes),
        rules=rules,
        evidence=evidence,
        safety=load_safety(seeds / "evidence" / "safety", evidence, CATALOGUE),
        drug_evidence=load_drug_evidence(seeds / "evidence", evidence, CATALOGUE),
        decks=decks,
        edition=_edition(root, rules.treatment.one_list),
        root=root,
    )


def _edition(root: Path, one_list: str) -> Edition:
    """Version and review day as written in `seeds/edition.yaml`; the hash is over every content file's bytes."""
    about = read_yaml(root / "seeds" / "edition.yaml")
    digest = hashlib.sha256()
    files = {path.relative_to(root).as_posix(): path for folder in ("cards", "seeds") for path in (root / folder).rglob("*")}
    for name in sorted(files):
        if files[name].is_file():
            digest.update(name.encode() + b"\0" + files[name].read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return Edition(about["version"], digest.hexdigest(), about["reviewed"], one_list)
