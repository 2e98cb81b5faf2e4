"""Why a drug was stopped, as coded or written (clinical-rules F13)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cds.fhir.codes import Concept, Terminology
from cds.patient.treatment.exposure import Stop
from cds.patient.treatment.rules import StopReasonRule, TreatmentRules

QUOTED = 80
"""Characters of a written reason that are shown."""

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


def stop_reasons(concepts: Iterable[Concept], notes: Iterable[str], terminology: Terminology, rules: TreatmentRules) -> tuple[Stop, ...]:
    """Every reason that status reasons and notes give, each once. A status reason that is not understood is kept as such."""
    found = [stop for concept in concepts for stop in _of_concept(concept, terminology, rules)]
    found += [stop for note in notes for stop in _of_note(note, terminology, rules)]
    return tuple(dict.fromkeys(found))


def _of_concept(concept: Concept, terminology: Terminology, rules: TreatmentRules) -> list[Stop]:
    if not concept:
        return []
    written = _quote(next(iter(concept.words), "") or ", ".join(coding.code for coding in concept.codings if coding.code))
    found: list[Stop] = []
    for kind in rules.stop_reasons.kinds:
        coded = {coding.code for coding in concept.codings} & set(kind.codes)
        matched = terminology.match(concept, *kind.value_sets) if kind.value_sets else ()
        hits = [hit for hit in matched if hit.how == "coded" and hit.role in ("include", "context")]
        if coded or any(not _weak(kind, hit.role) for hit in hits):
            found.append(Stop(kind=kind.kind, says=kind.says, written=written))
        elif hits:
            found.append(Stop(kind="other", says="another treatment to be tried first", written=written))
    if any(stop.kind == "adherence" for stop in found):
        found = [stop for stop in found if stop.kind != "other"]
    found = found or _of_words(" | ".join(concept.words), written, terminology, rules)
    return found or [Stop(kind=None, says="reason not understood", written=written)]


def _weak(kind: StopReasonRule, role: str) -> bool:
    """A code that only hints at lack of efficacy, such as `altchoice`."""
    return kind.kind == "efficacy" and role == "context"


def _of_words(words: str, written: str, terminology: Terminology, rules: TreatmentRules) -> list[Stop]:
    found = []
    for kind in rules.stop_reasons.kinds:
        hits = terminology.match_text(words, *kind.value_sets) if kind.value_sets else ()
        if any(hit.role == "include" for hit in hits) or _said(kind.text, words, rules):
            found.append(Stop(kind=kind.kind, says=kind.says, written=written))
    return found


def _said(pattern: str, words: str, rules: TreatmentRules) -> bool:
    """Whether the words say it, and nothing before them in the sentence denies it."""
    denied = re.compile(rules.stop_reasons.denied, re.IGNORECASE)
    return any(not denied.search(words[: found.start()]) for found in re.finditer(pattern, words, re.IGNORECASE))


def _of_note(note: str, terminology: Terminology, rules: TreatmentRules) -> list[Stop]:
    """The reasons in the sentences of a note that say the drug was stopped; plans and conditions do not count.

    That a drug is not taken as prescribed may stand in any sentence.
    """
    found: list[Stop] = []
    for sentence in _SENTENCE.split(note):
        stopped = re.search(rules.stop_reasons.stop_words, sentence, re.IGNORECASE)
        told = _of_words(sentence, _quote(sentence), terminology, rules)
        if not stopped or re.search(rules.stop_reasons.not_yet, sentence[: stopped.start()], re.IGNORECASE):
            told = [stop for stop in told if stop.kind == "adherence"]
        found += told
    return found


def _quote(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…"
