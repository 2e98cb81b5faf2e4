"""Why a drug was stopped, as coded or written (clinical-rules F13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from cds.fhir.codes import Concept, Terminology
from cds.patient.reading import quoted
from cds.patient.rules import searcher
from cds.patient.treatment.exposure import Stop
from cds.patient.treatment.rules import StopReasonRule, TreatmentRules

QUOTED = 80
"""Characters of a written reason that are shown."""
NOT_UNDERSTOOD, PERHAPS_EFFICACY = "reason not understood", "perhaps lack of efficacy"
"""What is said of reasons that leave failure open."""

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


About = Callable[[str], bool]
"""Whether words of a note are about the drug of the record: false if they name another MS drug and not this one."""


def stop_reasons(
    concepts: Iterable[Concept], notes: Iterable[str], about: About, terminology: Terminology, rules: TreatmentRules
) -> tuple[Stop, ...]:
    """Every reason that status reasons and notes give, each once. A status reason that is not understood is kept as such."""
    found = [stop for concept in concepts for stop in _of_concept(concept, terminology, rules)]
    found += [stop for note in notes for stop in _of_note(note, about, terminology, rules)]
    return tuple(dict.fromkeys(found))


def says_not_taken(notes: Iterable[str], about: About, rules: TreatmentRules) -> bool:
    """Whether a note says that the drug was stopped or is not taken; neither a plan to stop nor another drug's or habit's end."""
    stops = rules.stop_reasons
    for sentence in (sentence for note in notes for sentence in _SENTENCE.split(note)):
        if searcher(stops.resumed)(sentence) or searcher(stops.something_else)(sentence):
            continue
        if _stopped(sentence, about, rules) or (_said(stops.not_taking, sentence, rules) and about(sentence)):
            return True
    return False


def never_taken(concepts: Iterable[Concept], notes: Iterable[str], about: About, rules: TreatmentRules) -> str:
    """The words of a status reason or note by which a drug was ordered in error or never taken; empty if none says so."""
    sentences = [sentence for note in notes for sentence in _SENTENCE.split(note)]
    for words in (*(" | ".join(concept.words) for concept in concepts), *sentences):
        if _said(rules.stop_reasons.never_taken, words, rules) and about(words):
            return quoted(words, QUOTED)
    return ""


def _of_concept(concept: Concept, terminology: Terminology, rules: TreatmentRules) -> list[Stop]:
    if not concept:
        return []
    written = quoted(next(iter(concept.words), "") or ", ".join(coding.code for coding in concept.codings if coding.code), QUOTED)
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
    coded_kinds = {stop.kind for stop in found}
    found += [stop for stop in _of_words(" | ".join(concept.words), written, terminology, rules) if stop.kind not in coded_kinds]
    return found or [Stop(kind=None, says=NOT_UNDERSTOOD, written=written)]


def _weak(kind: StopReasonRule, role: str) -> bool:
    """A code that only hints at lack of efficacy, such as `altchoice`."""
    return kind.kind == "efficacy" and role == "context"


def _of_words(words: str, written: str, terminology: Terminology, rules: TreatmentRules) -> list[Stop]:
    found = []
    for kind in rules.stop_reasons.kinds:
        hits = terminology.match_text(words, *kind.value_sets) if kind.value_sets else ()
        told = _failed(kind.text, words, rules) if kind.kind == "efficacy" else _said(kind.text, words, rules)
        if told or any(hit.role == "include" for hit in hits):
            found.append(Stop(kind=kind.kind, says=kind.says, written=written))
    if not any(stop.kind == "efficacy" for stop in found) and _perhaps_failed(words, rules):
        found.append(Stop(kind=None, says=PERHAPS_EFFICACY, written=written))
    return found


def _said(pattern: str, words: str, rules: TreatmentRules) -> bool:
    """Whether the words say it, and nothing before them in the sentence denies it."""
    denied = searcher(rules.stop_reasons.denied)
    return any(not denied(words[: found.start()]) for found in re.finditer(pattern, words, re.IGNORECASE))


def _failed(pattern: str, words: str, rules: TreatmentRules, *, sure: bool = True) -> bool:
    """Whether the words say that the drug did not work, neither denied nor feared.

    Unless `sure`, it is enough that they may: a denial ends at an "and", and what happened later may have happened on the drug.
    """
    stops = rules.stop_reasons
    denials = searcher(stops.denied), searcher(stops.feared)
    for found in re.finditer(pattern, words, re.IGNORECASE):
        before, after = words[: found.start()], words[found.end() :]
        joined = [0] if sure else [0, *(one.end() for one in re.finditer(stops.joined, before, re.IGNORECASE))]
        denied = any(denial(before[joined[-1] :]) for denial in denials) or re.match(stops.denied_after, after, re.IGNORECASE)
        later = searcher(stops.later_before)(before) or re.match(stops.later_after, after, re.IGNORECASE)
        if not denied and not (sure and later):
            return True
    return False


def _perhaps_failed(words: str, rules: TreatmentRules) -> bool:
    """Whether words may mean that the drug did not work: they hint at it, or it is not sure that a denial before them reaches so far."""
    texts = [kind.text for kind in rules.stop_reasons.kinds if kind.kind == "efficacy"]
    return any(_failed(pattern, words, rules, sure=False) for pattern in (rules.stop_reasons.perhaps_efficacy, *texts))


def _stopped(sentence: str, about: About, rules: TreatmentRules) -> bool:
    """Whether a sentence says that the drug of the record was stopped. What it names before its successor is what was stopped."""
    stopped = searcher(rules.stop_reasons.stop_words)(sentence)
    if not stopped or searcher(rules.stop_reasons.not_yet)(sentence[: stopped.start()]):
        return False
    successor = searcher(rules.stop_reasons.successor)(sentence[stopped.end() :])
    return about(sentence[: stopped.end() + successor.start()] if successor else sentence)


def _of_note(note: str, about: About, terminology: Terminology, rules: TreatmentRules) -> list[Stop]:
    """The reasons in the sentences of a note that say the drug was stopped; plans, conditions and other drugs do not count.

    That a drug is not taken as prescribed may stand in any sentence.
    """
    found: list[Stop] = []
    for sentence in _SENTENCE.split(note):
        told = _of_words(sentence, quoted(sentence, QUOTED), terminology, rules)
        if told and not _stopped(sentence, about, rules):
            told = [stop for stop in told if stop.kind == "adherence" and about(sentence)]
        found += told
    return found
