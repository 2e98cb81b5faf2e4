"""Conditions as statements about the patient: what was asserted, suspected or refuted, when, and whether it is over.

FHIR semantics: clinical-rules F1 and terminology `conventions.fhir_status_semantics`. Entered-in-error never counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange, add_days, add_months
from cds.patient.context import How
from cds.patient.reading import later, unique
from cds.patient.rules import Pattern, found
from cds.three_valued import Truth

Verification = Literal["confirmed", "notStated", "suspected", "refuted"]
State = Literal["active", "inactive", "remission", "resolved"]

BETWEEN_WORDS = " | "
"""Stands between the text of a concept and the displays of its codes."""
OLDEST = 130
"""Years of age beyond which an onset is not believed."""

_ROLES_THAT_COUNT = ("include", "context")
_ENCOUNTER = ("encounter-diagnosis", "encounter diagnosis")
_FAMILY_HISTORY = "condition-family-history"
_CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
_CERTAINTIES: dict[str, Verification] = {"G": "confirmed", "V": "suspected", "A": "refuted"}
"""How German charts state the verification beside the code: gesichert, Verdacht, Ausschluss."""
_OVER = "Z"
"""The same, Zustand nach: it was, and is over."""
_DATE_ONLY = re.compile(r"\s*(\d{4}(?:-\d{2}(?:-\d{2})?)?)\s*")


class Diagnosed(Struct, frozen=True, kw_only=True):
    """One Condition that a value set recognised. `text` is all that its code says in words, `note` what its notes say."""

    ref: str
    hits: tuple[Hit, ...]
    codes: tuple[str, ...]
    verification: Verification
    state: State
    encounter: bool
    onset: DateRange | None
    recorded: DateRange | None
    asserted_on: DateRange | None
    text: str
    note: str = ""
    severity: str = ""
    ended: DateRange | None = None

    @property
    def asserted(self) -> bool:
        """Confirmed, or without a verification status."""
        return self.verification in ("confirmed", "notStated")

    @property
    def over(self) -> bool:
        """A problem-list entry that is resolved. An encounter diagnosis is an event and has no end."""
        return self.state == "resolved" and not self.encounter

    @property
    def date(self) -> DateRange | None:
        """When it began, else when it was recorded."""
        return self.onset or self.recorded

    @property
    def stated_on(self) -> DateRange | None:
        """When the statement was made; where only the onset is known, some day from then on. It orders a diagnosis and its refutation."""
        if self.recorded or self.asserted_on:
            return self.recorded or self.asserted_on
        return DateRange(self.onset.first, date.max) if self.onset else None

    def of(self, *value_sets: str, roles: Sequence[str] = _ROLES_THAT_COUNT) -> tuple[Hit, ...]:
        """Its hits in the value sets, in the given roles."""
        return tuple(hit for hit in self.hits if hit.value_set in value_sets and hit.role in roles)

    def coded(self, codes: Sequence[str]) -> bool:
        """Whether one of its codes is among these (see `coded_as`)."""
        return coded_as(self.codes, codes)

    def words(self) -> str:
        """How a clinician would name the record: `problem list, confirmed, onset 2019-03`."""
        kind = "encounter diagnosis" if self.encounter else "problem list"
        verification = "verification not stated" if self.verification == "notStated" else self.verification
        state = "" if self.state == "active" or self.encounter else f", {self.state}"
        return f"{kind}, {verification}{state}, {onset_words(self)}"


def coded_as(codes: Iterable[str], wanted: Sequence[str]) -> bool:
    """Whether one of the codes is wanted; `K74*` stands for every code that begins so, dots left out of account."""
    return any(_fits(code, one) for code in codes for one in wanted)


def _fits(code: str, wanted: str) -> bool:
    code, wanted = code.replace(".", "").upper(), wanted.replace(".", "").upper()
    return code.startswith(wanted[:-1]) if wanted.endswith("*") else code == wanted


def dated(record: Diagnosed) -> str:
    """The date in words, saying when only the day of recording is known."""
    if record.onset is not None:
        return str(record.onset)
    return f"recorded {record.recorded}" if record.recorded is not None else "undated"


def onset_words(record: Diagnosed) -> str:
    """The date in words, saying what of the disease it is: its onset, or only the day of recording."""
    return f"onset {record.onset}" if record.onset is not None else dated(record)


def date_range(value: Any) -> DateRange | None:
    """A FHIR date in any of its forms, `None` if there is none."""
    return None if value is None else DateRange.parse(value)


def codes_in(concept: Any) -> frozenset[str]:
    """The bare codes of a status concept, and its text in lower case if it has no coding."""
    if concept is None:
        return frozenset()
    codes = frozenset(coding.code for coding in concept.coding or () if coding.code)
    return codes or frozenset({concept.text.strip().lower()} if concept.text else ())


def words_of(concept: Concept) -> str:
    """All that a concept says in words: its text and its displays."""
    return BETWEEN_WORDS.join(concept.words)


def says(concept: Concept, terminology: Terminology, *patterns: Pattern) -> bool:
    """Whether one of the patterns occurs in all that a concept says in words."""
    return bool(patterns) and terminology.once(concept, patterns, lambda: found(patterns, words_of(concept)))


def first_name(words: str) -> str:
    """What comes first of all that a concept says in words (`words_of`)."""
    return words.split(BETWEEN_WORDS)[0]


def notes_of(resource: Any) -> str:
    """The text of a resource's annotations."""
    return " ".join(note.text for note in resource.note or () if note.text)


def matcher(terminology: Terminology, *value_sets: str) -> Callable[[Concept], tuple[Hit, ...]]:
    """Match against these value sets, each concept once: charts repeat the same few concepts over years."""
    known: dict[Concept, tuple[Hit, ...]] = {}

    def match(concept: Concept) -> tuple[Hit, ...]:
        if concept not in known:
            known[concept] = terminology.match(concept, *value_sets)
        return known[concept]

    return match


def read_conditions(
    chart: Chart, terminology: Terminology, *value_sets: str, worded: tuple[Pattern, ...] = (), unless: tuple[Pattern, ...] = ()
) -> tuple[Diagnosed, ...]:
    """Every Condition that one of the value sets names, or that a guard or one of `worded` recognises and none of `unless` takes back.

    Words take back no code. Entered-in-error is left out; the order is stable.
    """
    birth = date_range(chart.patient.resource.birthDate) if chart.patient is not None else None
    records = []
    match = matcher(terminology, *value_sets)
    for entry in chart.entries("Condition"):
        condition = entry.resource
        concept = entry.concept
        hits = match(concept)
        if not is_said(condition, terminology):
            continue
        named = any(hit.role in _ROLES_THAT_COUNT or hit.how == "coded" for hit in hits)
        if named or ((hits or says(concept, terminology, *worded)) and not says(concept, terminology, *unless)):
            records.append(_diagnosed(entry.ref, condition, concept, hits, birth))
    return tuple(sorted(records, key=lambda record: (record.stated_on.first if record.stated_on else date.max, record.ref)))


def is_said(condition: Any, terminology: Terminology) -> bool:
    """Whether it says something of the patient: neither entered in error, nor filed as family history."""
    return "entered-in-error" not in codes_in(condition.verificationStatus) and not _of_the_family(condition, terminology)


def verification_of(condition: Any) -> Verification:
    """How sure it is: by its status, else by an extension of its code."""
    codes = codes_in(condition.verificationStatus)
    return _verification(codes) if codes else _certainty(condition)


def _of_the_family(condition: Any, terminology: Terminology) -> bool:
    """Whether its category files it as family history, by a code, by words, or by a code that is words."""
    for category in condition.category or ():
        said = (Concept.of(category), *map(Concept.of, sorted(codes_in(category))))
        if any(terminology.match(concept, _FAMILY_HISTORY) for concept in said):
            return True
    return False


def _diagnosed(ref: str, condition: Any, concept: Concept, hits: tuple[Hit, ...], birth: DateRange | None) -> Diagnosed:
    return Diagnosed(
        ref=ref,
        hits=hits,
        codes=tuple(coding.code for coding in concept.codings if coding.code),
        verification=verification_of(condition),
        state=_state(condition),
        encounter=any(not codes_in(category).isdisjoint(_ENCOUNTER) for category in condition.category or ()),
        onset=_onset(condition, birth),
        recorded=date_range(condition.recordedDate),
        asserted_on=_asserted_on(condition),
        text=words_of(concept),
        note=notes_of(condition),
        severity=words_of(Concept.of(condition.severity)).lower() if condition.severity else "",
        ended=_ended(condition),
    )


def _verification(codes: frozenset[str]) -> Verification:
    """A status that is not understood is no confirmation."""
    if "refuted" in codes:
        return "refuted"
    return "confirmed" if "confirmed" in codes else "suspected"


def _certainty(condition: Any) -> Verification:
    """The verification that an extension of the code states where the Condition has none; two that differ leave a suspicion."""
    stated = {_CERTAINTIES[code] for code in _beside_the_code(condition) if code in _CERTAINTIES}
    if len(stated) > 1:
        return "suspected"
    return stated.pop() if stated else "notStated"


def _beside_the_code(condition: Any) -> Iterator[str | None]:
    """The certainties that extensions of its codes state."""
    for coding in (condition.code.coding or ()) if condition.code is not None else ():
        for extension in (coding.extension or ()) if coding is not None else ():
            if extension.url == _CERTAINTY and extension.valueCoding is not None:
                yield extension.valueCoding.code


def _state(condition: Any) -> State:
    codes = codes_in(condition.clinicalStatus)
    if "resolved" in codes:
        return "resolved"
    if "remission" in codes:
        return "remission"
    if "inactive" in codes:
        return "inactive"
    ended = any((condition.abatementDateTime, condition.abatementPeriod, condition.abatementString, condition.abatementAge))
    return "resolved" if not codes and (ended or _OVER in _beside_the_code(condition)) else "active"


def _onset(condition: Any, birth: DateRange | None) -> DateRange | None:
    if condition.onsetDateTime is not None:
        return DateRange.parse(condition.onsetDateTime)
    if condition.onsetPeriod is not None and condition.onsetPeriod.start is not None:
        return DateRange.parse(condition.onsetPeriod.start)
    if condition.onsetString is not None and (written := _DATE_ONLY.fullmatch(condition.onsetString)):
        try:
            return DateRange.parse(written[1])
        except ValueError:
            return None
    age = condition.onsetAge
    if age is None or age.value is None or birth is None:
        return None
    if (age.code or age.unit) in ("a", "year", "years", "yr") and 0 <= age.value <= OLDEST:
        months = int(age.value * 12)
        return DateRange(add_months(birth.first, months), add_days(add_months(birth.last, months + 12), -1))
    return None


def _ended(condition: Any) -> DateRange | None:
    """When it ended, as stated: its abatement, else the end of its onset period."""
    periods = [period for period in (condition.abatementPeriod, condition.onsetPeriod) if period is not None]
    ends = [condition.abatementDateTime, *(period.end for period in periods)]
    return next((DateRange.parse(end) for end in ends if end is not None), None)


def _asserted_on(condition: Any) -> DateRange | None:
    for extension in condition.extension or ():
        if extension.url == "http://hl7.org/fhir/StructureDefinition/condition-assertedDate":
            return date_range(extension.valueDateTime)
    return None


def absent(chart: Chart, terminology: Terminology, *value_sets: str, among: str = "Condition") -> Truth:
    """What silence in a list of resources means: `True` if it was read whole, `None` if something may be missing from it.

    A refused resource leaves it open unless its code could be salvaged and is of none of the value sets.
    """
    if not chart.complete(among):
        return None
    for item in chart.not_read:
        if item.type == among and (not item.concepts or any(terminology.match(concept, *value_sets) for concept in item.concepts)):
            return None
    return True


def unread_concepts(chart: Chart) -> tuple[Concept, ...]:
    """The codes that could be salvaged from refused Conditions."""
    return tuple(concept for item in chart.not_read if item.type == "Condition" for concept in item.concepts)


def doubted(record: Diagnosed, patterns: tuple[Pattern, ...]) -> Diagnosed:
    """A record that has words such as "possible stroke" and no known code is a suspicion."""
    coded = any(hit.how == "coded" for hit in record.hits)
    return replace(record, verification="suspected") if not coded and record.asserted and found(patterns, record.text) else record


_LISTS = {
    "AllergyIntolerance": "The allergy list",
    "Condition": "The problem list",
    "Observation": "The list of results",
    "Procedure": "The list of procedures",
}


def why_open(chart: Chart, among: str = "Condition") -> str:
    """Why silence in the list proves nothing, for the clinician."""
    if among in chart.partial:
        return f"{_LISTS[among]} was read in part only."
    if not chart.complete(among):
        return f"{_LISTS[among]} was not read."
    return f"An entry of {_LISTS[among].lower()} could not be read."


Standing = Literal["present", "suspected", "excluded", "none"]


def standing(records: Iterable[Diagnosed]) -> tuple[Standing, bool]:
    """What confirmed, suspected and refuted records of one disease say together, and whether they contradict each other (F1).

    The later statement decides between a confirmation and a refutation; where the order is not known, or a suspicion came after the
    refutation, it stays `suspected`.
    """
    records = tuple(records)
    asserted = [record for record in records if record.asserted]
    suspected = [record for record in records if record.verification == "suspected"]
    refuted = [record for record in records if record.verification == "refuted"]
    if asserted and not refuted:
        return "present", False
    if asserted:
        if any(all(later(one.stated_on, other.stated_on) is True for other in refuted) for one in asserted):
            return "present", True
        if any(all(later(one.stated_on, other.stated_on) is True for other in (*asserted, *suspected)) for one in refuted):
            return "excluded", True
        return "suspected", True
    if suspected:
        outdated = any(all(later(one.stated_on, other.stated_on) is True for other in suspected) for one in refuted)
        return ("excluded" if outdated else "suspected"), False
    return ("excluded" if refuted else "none"), False


def how_known(records: Iterable[Diagnosed], *value_sets: str) -> How:
    """`coded` if one of the records has a code in the value sets (any, if none is named), else `text`; `notFound` for no record."""
    records = tuple(records)
    hits = (hit for record in records for hit in record.hits if not value_sets or hit.value_set in value_sets)
    return "notFound" if not records else "coded" if any(hit.how == "coded" for hit in hits) else "text"


def refs(records: Iterable[Diagnosed]) -> tuple[str, ...]:
    """The resources behind the records, each once."""
    return unique(record.ref for record in records)
