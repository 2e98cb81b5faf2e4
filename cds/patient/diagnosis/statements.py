"""What each MS entry states: by its status, its code and its words, which may contradict each other (clinical-rules F1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from cds.fhir.codes import Concept, Terminology
from cds.patient.context import Conflict
from cds.patient.records.conditions import BETWEEN_WORDS, Diagnosed, dated
from cds.patient.rules import Pattern, Rules, found


class MsRules(Rules):
    """What makes MS present or suspected, and how a first symptom is written (definition `diagnosis-ms`)."""

    ms: tuple[str, ...]
    cis: tuple[str, ...]
    ris: tuple[str, ...]
    unconfirmed: dict[str, Pattern]
    bare_ms: Pattern
    other_ms: Pattern
    suspected_text: tuple[Pattern, ...]
    suspected_name: tuple[Pattern, ...]
    suspected_course: tuple[Pattern, ...]
    refuted_text: tuple[Pattern, ...]
    refuted_note: tuple[Pattern, ...]
    family_text: tuple[Pattern, ...]
    part_codes: tuple[str, ...]
    part_text: tuple[Pattern, ...]
    youngest_years: int
    symptom_onset_text: tuple[Pattern, ...]


class Statements(NamedTuple):
    """What the entries state. One that asserts and denies MS is there twice; a `doubted` one is coded and confirmed, its words doubt."""

    ms: list[Diagnosed]
    others: list[Diagnosed]
    contradictory: tuple[Conflict, ...]
    doubted: tuple[Conflict, ...]


def read_statements(records: Iterable[Diagnosed], terminology: Terminology, rules: MsRules) -> Statements:
    """What the entries state, each by itself: those that speak of MS, and the `others`, such as CIS and RIS, as they are.

    An entry that is nothing but words is what its words say: MS, a suspicion, a refutation, or a relative's disease, which is left out.
    Where a code asserts MS and the words of the same entry deny it or tell of a relative, it is both confirmed and refuted.
    """
    ms: list[Diagnosed] = []
    others: list[Diagnosed] = []
    contradictory: list[Conflict] = []
    doubted: list[Conflict] = []
    known: dict[tuple[str, str, bool, bool], str] = {}
    for record in records:
        named, coded = bool(record.of(*rules.ms)), any(hit.how == "coded" for hit in record.of(*rules.ms))
        of_ms, words = _of_ms(record, rules), (record.text, record.note, named, coded)
        if of_ms and record.asserted and words not in known:  # charts repeat the same few entries over years
            known[words] = _against(*words, terminology, rules)
        against = known[words] if of_ms and record.asserted else ""
        if not of_ms:
            others.append(record)
        elif record.verification == "refuted" and _of_a_part(record, rules):
            continue
        elif against == "doubt":
            ms.append(replace(record, verification="suspected"))
            doubted += [_conflict(record, against)] if coded and record.verification == "confirmed" else []
        elif against and coded:
            ms += [record, replace(record, verification="refuted")]
            contradictory.append(_conflict(record, against))
        elif against == "denial":
            ms.append(replace(record, verification="refuted"))
        elif not against:
            ms.append(record)
    return Statements(ms, others, tuple(contradictory), tuple(doubted))


def _of_ms(record: Diagnosed, rules: MsRules) -> bool:
    """Whether it speaks of MS: by a value set, or, where none names another disease, in words that doubt, deny or tell of a relative."""
    if record.of(*rules.ms):
        return True
    roles = {hit.role for hit in record.hits}
    return "include" not in roles and ("context" not in roles or found((*rules.suspected_text, *rules.suspected_name), record.text))


def _of_a_part(record: Diagnosed, rules: MsRules) -> bool:
    """Whether it names an attack or a complication; to refute one, such as a pseudo-relapse, says nothing against MS itself."""
    return record.coded(rules.part_codes) or found(rules.part_text, record.text)


def _against(text: str, note: str, named: bool, coded: bool, terminology: Terminology, rules: MsRules) -> str:
    """What the words say against the patient's having MS: `family`, `denial`, `doubt` or nothing.

    `named`: a value set names MS; `coded`: by a code, beside which only words count that doubt the very name.
    """
    said = text.split(BETWEEN_WORDS)
    if any(_nothing_but(words, rules.family_text, terminology, rules) for words in said):
        return "family"
    if any(_nothing_but(words, rules.refuted_text, terminology, rules) for words in said) or (named and found(rules.refuted_note, note)):
        return "denial"
    doubted = found(rules.suspected_name, text) or (not coded and found(rules.suspected_text, text))
    doubted = doubted or (not coded and any(_nothing_but(words, rules.suspected_course, terminology, rules) for words in said))
    return "doubt" if doubted or not named else ""


def _nothing_but(words: str, patterns: tuple[Pattern, ...], terminology: Terminology, rules: MsRules) -> bool:
    """Whether the words hold one of the phrases and, this left out, do not name MS: "RRMS, not SPMS" does."""
    if not found(patterns, words):
        return False
    for pattern in patterns:
        words = re.sub(pattern, " ", words, flags=re.IGNORECASE)
    return not any(hit.role == "include" for hit in terminology.match(Concept(text=words), *rules.ms))


_SAYS = {"denial": "rule it out", "family": "tell of a relative's disease", "doubt": "leave it open"}


def _conflict(record: Diagnosed, against: str) -> Conflict:
    text = f"An entry is coded as multiple sclerosis ({dated(record)}), but its words {_SAYS[against]}."
    return Conflict(id="ms-code-against-words", text=text, resources=(record.ref,))


def confirmed_and_refuted(records: Sequence[Diagnosed], outcome: str) -> tuple[Conflict, ...]:
    """The conflict between entries that confirm MS and others that refute it; none where one entry alone does both."""
    confirming = [record for record in records if record.asserted]
    own = {record.ref for record in confirming}
    refuting = [record for record in records if record.verification == "refuted" and record.ref not in own]
    if not refuting:
        return ()
    said = f"Multiple sclerosis is recorded both as confirmed ({_stated(confirming)}) and as refuted ({_stated(refuting)}); {outcome}."
    refs = sorted({record.ref for record in (*confirming, *refuting)})
    return (Conflict(id="ms-confirmed-and-refuted", text=said, resources=tuple(refs)),)


def _stated(records: Sequence[Diagnosed]) -> str:
    """When the statements were made, as far as it is known."""
    days = [f"recorded {day}" if (day := record.recorded or record.asserted_on) else dated(record) for record in records]
    return ", ".join(dict.fromkeys(days))
