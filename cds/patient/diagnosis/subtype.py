"""Which course of MS the chart records (clinical-rules F3). Only what a clinician wrote counts: no drug, EDSS or age."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Conflict, Fact, How
from cds.patient.reading import earliest, later
from cds.patient.records.conditions import Diagnosed, dated, how_known, refs, standing
from cds.patient.rules import Pattern, Rules, found
from cds.three_valued import Truth

PATH = ("ris", "cis", "rrms", "spms")
"""The forward path of relapsing-onset disease; the furthest recorded state counts."""

PROGRESSIVE = ("spms", "ppms", "prms")


class SubtypeRules(Rules):
    """Value sets and words of each course (definition `diagnosis-subtype`)."""

    subtypes: dict[str, tuple[str, ...]]
    progressive: tuple[str, ...]
    prms_codes: tuple[str, ...]
    aggressive: tuple[str, ...]
    relapsing_text: tuple[Pattern, ...]
    progressive_text: tuple[Pattern, ...]
    doubt_text: tuple[Pattern, ...]

    @cached_property
    def value_sets(self) -> tuple[str, ...]:
        """All value sets that say something about the course."""
        return tuple(name for names in self.subtypes.values() for name in names) + self.progressive + self.aggressive


class Course(Struct, frozen=True, kw_only=True):
    """The course as facts, and what contradicts."""

    subtype: Fact
    progressive: Fact
    relapsing: Fact
    aggressive: Fact
    conflicts: tuple[Conflict, ...]


class _Evidence(Struct, frozen=True):
    """One record's word on the course: a subtype, or `progressive`/`relapsing` where none is named."""

    word: str
    how: How
    record: Diagnosed


def read_course(
    terminology: Terminology,
    rules: SubtypeRules,
    ms_records: Sequence[Diagnosed],
    early: Mapping[str, Sequence[Diagnosed]],
    ms_possible: bool,
    silence: Truth,
    unread: frozenset[str],
) -> Course:
    """The course from the MS records and from `early` (CIS and RIS records, which name the course only where MS is not possible).

    `unread` are courses that refused records name.
    """
    conflicts: list[Conflict] = []
    kept, doubtful = _against_refutations(ms_records)
    evidence = [item for record in kept for item in _evidence(terminology, rules, record, conflicts)]
    unsure = unread | {item.word for record in doubtful for item in _evidence(terminology, rules, record, conflicts)}
    subtype = _ms_subtype(evidence, conflicts)
    if not ms_possible:
        subtype = _early_subtype(early) or subtype
    elif isinstance(subtype.value, str):
        _early_after(early, [item for item in evidence if item.word == subtype.value], conflicts)
    _noted(terminology, rules, kept, subtype, conflicts)
    if unsure - {subtype.value}:
        because = "could not be read" if unread else "is recorded both as confirmed and as refuted"
        subtype = Fact(value=None, reason=f"An MS diagnosis that names a course {because}.", resources=subtype.resources)
    suspected = [record for record in ms_records if record.verification == "suspected"]
    hinted = unsure | (_hinted(terminology, rules, ms_records) if subtype.value is None else frozenset())
    return Course(
        subtype=_with_suspicion(terminology, rules, subtype, suspected, conflicts),
        progressive=_flag(evidence, (*PROGRESSIVE, "progressive"), "A progressive course", silence, hinted),
        relapsing=_flag(evidence, ("rrms", "prms", "relapsing"), "A relapsing course", silence, unsure),
        aggressive=_aggressive(terminology, rules, kept, doubtful, silence),
        conflicts=tuple(conflicts),
    )


def _against_refutations(records: Sequence[Diagnosed]) -> tuple[list[Diagnosed], list[Diagnosed]]:
    """Asserted records that stand, and those of which it is not known whether a refutation of the same diagnosis came later."""
    refuted = [record for record in records if record.verification == "refuted"]
    kept, doubtful = [], []
    for record in records:
        own = [later(record.stated_on, other.stated_on) for other in refuted if _same_sets(record, other)]
        outlived = [later(other.stated_on, record.stated_on) for other in refuted if _same_sets(record, other)]
        if record.asserted and all(own):
            kept.append(record)
        elif record.asserted and True not in outlived:
            doubtful.append(record)
    return kept, doubtful


def _same_sets(one: Diagnosed, other: Diagnosed) -> bool:
    return {hit.value_set for hit in one.hits} == {hit.value_set for hit in other.hits}


def coded_courses(rules: SubtypeRules, hits: Sequence[Hit], how: str = "coded") -> frozenset[str]:
    """The courses that hits of this kind name."""
    words = set()
    for hit in hits:
        if hit.how != how or hit.role != "include":
            continue
        words |= {word for word, value_sets in rules.subtypes.items() if hit.value_set in value_sets}
        if hit.value_set in rules.progressive:
            words.add("prms" if how == "text" or hit.code in rules.prms_codes else "progressive")
    return frozenset(words)


def _evidence(terminology: Terminology, rules: SubtypeRules, record: Diagnosed, conflicts: list[Conflict]) -> list[_Evidence]:
    coded = coded_courses(rules, record.hits)
    worded = _worded_courses(terminology, rules, record)
    specific, specific_text = coded - {"progressive"}, worded - {"progressive", "relapsing"}
    if len(specific) > 1 or (specific and specific_text and specific != specific_text):
        names = ", ".join(sorted(word.upper() for word in specific | specific_text))
        text = f"One record names several courses at once ({names}; {dated(record)}); it is not used."
        conflicts.append(Conflict(id=f"subtype-within-{record.ref}", text=text, resources=(record.ref,)))
        return [_Evidence("progressive", "derived", record)] if (specific | specific_text) & set(PROGRESSIVE) else []
    if coded:
        return [_Evidence(word, "coded", record) for word in sorted(coded)]
    return [_Evidence(word, "text", record) for word in sorted(worded)]


def _worded_courses(terminology: Terminology, rules: SubtypeRules, record: Diagnosed) -> frozenset[str]:
    """The courses that the words of the record name, unless the words leave doubt."""
    return frozenset() if found(rules.doubt_text, record.text) else _courses_in(terminology, rules, record.text)


def _courses_in(terminology: Terminology, rules: SubtypeRules, text: str) -> frozenset[str]:
    words = coded_courses(rules, terminology.match(Concept(text=text), *rules.value_sets), how="text")
    if not words and found(rules.relapsing_text, text):
        words |= {"relapsing"}
    if not words and found(rules.progressive_text, text):
        words |= {"progressive"}
    return words


def _hinted(terminology: Terminology, rules: SubtypeRules, records: Sequence[Diagnosed]) -> frozenset[str]:
    """The courses that suspected entries name, or words that doubt."""
    open_ = [
        record for record in records if record.verification == "suspected" or (record.asserted and found(rules.doubt_text, record.text))
    ]
    return frozenset(word for record in open_ for word in coded_courses(rules, record.hits) | _courses_in(terminology, rules, record.text))


def _ms_subtype(evidence: Sequence[_Evidence], conflicts: list[Conflict]) -> Fact:
    """The subtype of MS proper: coded evidence first, text only where no code names a course.

    Primary progressive and relapsing-onset disease exclude each other, in words as in codes.
    """
    named = [item for item in evidence if item.word not in ("progressive", "relapsing")]
    coded = [item for item in named if item.how == "coded"]
    used = coded or named
    words = {item.word for item in used}
    if not words:
        return _unnamed(evidence, conflicts)
    all_words = {item.word for item in named}
    if "ppms" in all_words and all_words & {"rrms", "spms"}:
        return _contradiction(named, conflicts, "both as primary progressive and as relapsing-onset disease")
    _text_against_code(coded, named, conflicts)
    if "rrms" in words and not words & {"spms", "prms"} and any(item.word == "progressive" for item in evidence):
        both = [item for item in evidence if item.word in ("rrms", "progressive")]
        return _contradiction(both, conflicts, "both as relapsing-remitting and as progressive")
    if "prms" in words and len(words) > 1:
        return _newest(used, conflicts)
    word = max(words, key=lambda w: PATH.index(w) if w in PATH else len(PATH))
    _step_back(used, word, conflicts)
    return _subtype_fact(word, [item for item in used if item.word == word])


def _subtype_fact(word: str, items: Sequence[_Evidence]) -> Fact:
    first = min(items, key=lambda item: (item.record.date.first.isoformat() if item.record.date else "9", item.record.ref))
    source = "" if first.how == "coded" else " in words"
    return Fact(
        value=word,
        reason=f"{word.upper()} is recorded{source} ({first.record.words()}).",
        resources=refs(item.record for item in items),
        date=earliest(item.record.date for item in items),
        how=first.how,
    )


def _unnamed(evidence: Sequence[_Evidence], conflicts: Sequence[Conflict]) -> Fact:
    if conflicts:
        return Fact(value=None, reason=conflicts[0].text, resources=conflicts[0].resources)
    if not evidence:
        return Fact(value=None, reason="No record names the MS subtype.", how="notFound")
    word = "progressive" if any(item.word == "progressive" for item in evidence) else "relapsing"
    text = f"A {word} course is recorded, but no subtype."
    return Fact(value=None, reason=text, resources=refs(item.record for item in evidence), how=evidence[0].how)


def _contradiction(items: Sequence[_Evidence], conflicts: list[Conflict], both: str) -> Fact:
    resources = refs(item.record for item in items)
    dates = ", ".join(
        sorted({f"{item.word.upper() if item.word != 'progressive' else 'progressive MS'} {dated(item.record)}" for item in items})
    )
    text = f"MS is recorded {both} ({dates})."
    conflicts.append(Conflict(id="subtype-contradiction", text=text, resources=resources))
    return Fact(value=None, reason=text, resources=resources)


def _newest(items: Sequence[_Evidence], conflicts: list[Conflict]) -> Fact:
    """PRMS beside another course: the newest counts, a problem-list entry before an encounter diagnosis of the same date."""

    def outranks(one: Diagnosed, other: Diagnosed) -> bool:
        same_day = one.date is not None and one.date == other.date and one.date.first == one.date.last
        return later(one.date, other.date) is True or (same_day and other.encounter and not one.encounter)

    for item in items:
        if all(other.word == item.word or outranks(item.record, other.record) for other in items):
            fact = _subtype_fact(item.word, [other for other in items if other.word == item.word])
            text = f"MS is recorded under several courses; the newest counts. {fact.reason}"
            conflicts.append(Conflict(id="subtype-contradiction", text=text, resources=refs(one.record for one in items)))
            return fact
    return _contradiction(items, conflicts, "under several courses whose order is not known")


def _step_back(items: Sequence[_Evidence], word: str, conflicts: list[Conflict]) -> None:
    kept = [item for item in items if item.word == word]
    for item in items:
        if item.word != word and all(later(item.record.date, other.record.date) is True for other in kept):
            name, first = word.upper(), dated(kept[0].record)
            text = f"{item.word.upper()} is recorded ({dated(item.record)}) after {name} ({first}); {name} is kept."
            conflicts.append(Conflict(id="subtype-step-back", text=text, resources=refs([item.record, *(k.record for k in kept)])))
            return


def _text_against_code(coded: Sequence[_Evidence], named: Sequence[_Evidence], conflicts: list[Conflict]) -> None:
    codes = {item.word for item in coded}
    other = [item for item in named if item.how == "text" and item.word not in codes]
    if codes and other:
        named_by_code = ", ".join(sorted(code.upper() for code in codes))
        text = f"Text names {other[0].word.upper()} ({dated(other[0].record)}), codes name {named_by_code}; codes count."
        conflicts.append(Conflict(id="subtype-text-against-code", text=text, resources=refs(item.record for item in (*coded, *other))))


def _early_subtype(early: Mapping[str, Sequence[Diagnosed]]) -> Fact | None:
    """CIS, else RIS, where no MS is recorded. RIS is never upgraded (def-mcdonald2024)."""
    for word in ("cis", "ris"):
        asserted = [record for record in early[word] if record.asserted]
        if asserted and standing(early[word])[0] == "present":
            return Fact(
                value=word,
                reason=f"{word.upper()} is recorded ({asserted[0].words()}) and no MS.",
                resources=refs(asserted),
                date=earliest(record.date for record in asserted),
                how=how_known(asserted),
            )
    return None


def _early_after(early: Mapping[str, Sequence[Diagnosed]], kept: Sequence[_Evidence], conflicts: list[Conflict]) -> None:
    records = [_Evidence(word, "coded", record) for word, found_ in early.items() for record in found_ if record.asserted]
    if kept:
        _step_back([*records, *kept], kept[0].word, conflicts)


def _noted(terminology: Terminology, rules: SubtypeRules, kept: Sequence[Diagnosed], subtype: Fact, conflicts: list[Conflict]) -> None:
    """A note of an MS entry that names a course further on, such as "converted to SPMS", changes nothing but is shown."""
    passed = PATH[: PATH.index(subtype.value) + 1] if subtype.value in PATH else (subtype.value,)
    for record in kept:
        if subtype.value is None or not record.note or found(rules.doubt_text, record.note):
            continue
        words = coded_courses(rules, terminology.match(Concept(text=record.note), *rules.value_sets), how="text")
        other = sorted(words - {*passed, "progressive", "relapsing"})
        if other:
            text = f"A note of an MS entry names {other[0].upper()} ({dated(record)}); {str(subtype.value).upper()} is kept."
            conflicts.append(Conflict(id="subtype-noted", text=text, resources=(*subtype.resources, record.ref)))


def _with_suspicion(
    terminology: Terminology, rules: SubtypeRules, subtype: Fact, suspected: Sequence[Diagnosed], conflicts: list[Conflict]
) -> Fact:
    """A course recorded as provisional changes nothing but is shown where it differs."""
    for record in suspected:
        words = coded_courses(rules, record.hits) | _worded_courses(terminology, rules, record)
        other = sorted(words - {subtype.value, "progressive", "relapsing"})
        if other and subtype.value is not None:
            text = f"{other[0].upper()} is recorded as suspected ({dated(record)}); {str(subtype.value).upper()} is kept."
            conflicts.append(Conflict(id="subtype-suspected", text=text, resources=(*subtype.resources, record.ref)))
    return subtype


def _flag(evidence: Sequence[_Evidence], words: Sequence[str], what: str, silence: Truth, unsure: Collection[str]) -> Fact:
    items = [item for item in evidence if item.word in words]
    if items:
        since = earliest(item.record.date for item in items)
        reason = f"{what} is recorded ({items[0].record.words()})."
        return Fact(value=True, reason=reason, resources=refs(item.record for item in items), date=since, how=items[0].how)
    if silence is None or any(word in unsure for word in words):
        return Fact(
            value=None, reason=f"{what} is not certain: it is suspected, refuted elsewhere or in what could not be read.", how="notFound"
        )
    return Fact(value=False, reason=f"{what} is not recorded.", how="notFound")


def _aggressive(
    terminology: Terminology, rules: SubtypeRules, kept: Sequence[Diagnosed], doubtful: Sequence[Diagnosed], silence: Truth
) -> Fact:
    """A malignant, fulminant or Marburg variant, by code or in words that leave no doubt."""
    named = [record for record in kept if _names_aggressive(terminology, rules, record)]
    if named:
        day: DateRange | None = earliest(record.date for record in named)
        reason = f"A malignant, fulminant or Marburg variant of MS is recorded ({named[0].words()})."
        how: How = "coded" if any(hit.how == "coded" for record in named for hit in record.of(*rules.aggressive)) else "text"
        return Fact(value=True, reason=reason, resources=refs(named), date=day, how=how)
    if silence is None or any(_names_aggressive(terminology, rules, record) for record in doubtful):
        reason = "An aggressive variant is not certain: it is refuted elsewhere or in what could not be read."
        return Fact(value=None, reason=reason, how="notFound")
    return Fact(value=False, reason="No aggressive variant is recorded.", how="notFound")


def _names_aggressive(terminology: Terminology, rules: SubtypeRules, record: Diagnosed) -> bool:
    if any(hit.how == "coded" for hit in record.of(*rules.aggressive)):
        return True
    return bool(terminology.match(Concept(text=record.text), *rules.aggressive)) and not found(rules.doubt_text, record.text)
