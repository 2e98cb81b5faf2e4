"""Codes: what a FHIR CodeableConcept means, by the value sets of `seeds/terminology`.

Every coding is looked at; text only where no code was recognised. A code of one system never satisfies another.
Matching is dictionary look-ups prepared at load; nothing is read from disk afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from msgspec import Struct, field

from cds.fhir.local_codes import LocalCode, LocalCodesError, read_local_codes
from cds.fhir.systems import Systems
from cds.fhir.value_sets import (
    Code,
    NeverMatch,
    Role,
    System,
    TerminologyError,
    TextGuard,
    TextPattern,
    ValueSet,
    check_references,
    read_list,
    read_value_sets,
)

__all__ = ["Coding", "Concept", "Contradiction", "Hit", "LocalCodesError", "Terminology", "TerminologyError", "ValueSet"]

_GUARD_WINDOW = 80
_LONGEST_REMEMBERED = 120
"""Words and codes of a concept longer than this, in characters, may be free text, which nothing remembers."""
_MOST_REMEMBERED = 16_384
_CONTRADICTIONS, _WORDS = "contradictions", "words"

Found = TypeVar("Found")
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n+")


class Coding(NamedTuple):
    """One coding as it was sent."""

    system: str | None
    code: str | None
    display: str | None


class Concept(Struct, frozen=True, dict=True):
    """A CodeableConcept as it was sent, validated or not."""

    codings: tuple[Coding, ...] = ()
    text: str | None = None

    @classmethod
    def of(cls, source: Any) -> Concept:
        """From a fhir.resources CodeableConcept or Coding, from JSON (also broken JSON), or from a plain string; empty for None."""
        if source is None:
            return _NOTHING
        if hasattr(source, "coding"):
            listed = [item for item in source.coding or () if item is not None]
            codings = [Coding(_words(coding.system), _words(coding.code), _words(coding.display)) for coding in listed]
            return cls(tuple(codings), _words(source.text))
        match source:
            case Concept():
                return source
            case str():
                return cls(text=_words(source))
            case Mapping():
                raw = source.get("coding", source if "code" in source else None)
                items = [item for item in (raw if isinstance(raw, list) else [raw]) if isinstance(item, Mapping)]
                codings = [Coding(_words(item.get("system")), _words(item.get("code")), _words(item.get("display"))) for item in items]
                return cls(tuple(codings), _words(source.get("text")))
        if not hasattr(source, "display"):
            return _NOTHING
        return cls((Coding(_words(source.system), _words(source.code), _words(source.display)),))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Everything it says in words, each once: its text, then the displays."""
        return tuple(dict.fromkeys([part for part in (self.text, *[coding.display for coding in self.codings]) if part]))

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self.text or self.codings)


def _words(value: Any) -> str | None:
    """A string without outer blanks; numbers as written; anything else is nothing."""
    if type(value) is str:
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


_NOTHING = Concept()


class Hit(Struct, frozen=True):
    """One value set that a concept or text fell into.

    `how` is `coded` or `text`; `system` and `code` are the recognised code as the value set writes it (None for text). `captured` are
    the named groups of the text pattern, such as an EDSS score, or what a site's local mapping says of its code.
    """

    value_set: str
    role: Role
    how: Literal["coded", "text"]
    system: str | None
    code: str | None
    label: str
    captured: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """What was captured under a name."""
        return dict(self.captured).get(name)


class Contradiction(NamedTuple):
    """A code that means one drug, and another code or words of the same concept that mean another: a conflict, not a fact."""

    coded: Hit
    other: Hit


class _Pattern(NamedTuple):
    role: Role
    regex: re.Pattern[str]
    before: tuple[re.Pattern[str], ...]
    after: tuple[re.Pattern[str], ...]


class _LocalSystem(NamedTuple):
    regex: re.Pattern[str]
    codes: dict[str, Hit]


class Terminology(Struct, frozen=True, eq=False):
    """All value sets, prepared for matching."""

    value_sets: Mapping[str, ValueSet]
    systems: Systems
    never_match: tuple[NeverMatch, ...]
    _exact: Mapping[tuple[str, str], tuple[Hit, ...]]
    _prefixes: Mapping[tuple[str, str], tuple[Hit, ...]]
    _ranges: Mapping[str, tuple[tuple[str, str, Hit], ...]]
    _prefixed: frozenset[str]
    _longest_prefix: int
    _local: tuple[_LocalSystem, ...]
    _patterns: Mapping[str, tuple[_Pattern, ...]]
    _guards_of: Mapping[str, tuple[str, ...]]
    _drug_sets: tuple[str, ...]
    _remembered: dict[tuple[Concept, Any], Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """How much it knows."""
        return f"Terminology({len(self.value_sets)} value sets)"

    @classmethod
    def load(cls, folder: Path, local_codes: Path | None = None) -> Terminology:
        """Read `seeds/terminology`, and a site's own codes if it has any (docs/local-codes.md).

        Raises `TerminologyError` or `LocalCodesError`; both name the file and the mend.
        """
        systems = Systems.of(read_list(System, folder / "systems.yaml"))
        text_guards = {guard.id: guard for guard in read_list(TextGuard, folder / "text-guards.yaml")}
        listed = list(read_value_sets(folder, {id: system.uri for id, system in systems.by_id.items()}))
        never = read_list(NeverMatch, folder / "never-match.yaml")
        check_references(listed, text_guards, never)
        value_sets = {value_set.id: value_set for value_set in listed}
        own = read_local_codes(local_codes, value_sets) if local_codes else ()
        exact, prefixes, ranges = _tables(listed, own, systems)
        return cls(
            value_sets,
            systems,
            never,
            exact,
            prefixes,
            ranges,
            frozenset({system for system, _ in prefixes} | set(ranges)),
            max((len(code) for _, code in prefixes), default=0),
            _local_systems(own),
            {value_set.id: _compiled(value_set, text_guards) for value_set in listed if value_set.text},
            {id: (id, *(guard.id for guard in listed if id in guard.guards)) for id in value_sets},
            tuple(value_set.id for value_set in listed if value_set.drug),
        )

    def match(self, concept: Concept, *value_sets: str) -> tuple[Hit, ...]:
        """Where a concept falls among the value sets (among all if none is named), codes before text.

        An exclude hit takes back the include and context hits of the sets that it guards. Text is read only where no coding was
        recognised by any set, or where a set says that words settle what its code leaves open. A concept that says `none known`
        or `no information` falls nowhere. Raises `KeyError` for a value set that does not exist.
        """
        asked = concept, value_sets
        found = self._remembered.get(asked)
        return found if found is not None else self._remember(asked, self._match(concept, value_sets))

    def _match(self, concept: Concept, value_sets: tuple[str, ...]) -> tuple[Hit, ...]:
        wanted = self._known(value_sets)
        if any(self.systems.says_absent(coding.system) for coding in concept.codings):
            return ()
        coded = [hit for coding in concept.codings for hit in self._coded(coding)]
        readable = wanted if not coded else [id for id in wanted if self._unsettled(id, coded)]
        said = [coded, *(self._worded(words, readable) for words in concept.words)] if readable else [coded]
        excluded = [{hit.value_set for hit in hits if hit.role == "exclude"} for hits in said]
        standing: list[Hit] = []
        for place, hits in enumerate(said):
            guards = {guard for other, found in enumerate(excluded) if other != place or hits is coded for guard in found}
            standing += [hit for hit in hits if not self._taken_back(hit, guards)]
        return tuple(dict.fromkeys(hit for hit in standing if hit.value_set in wanted))

    def match_text(self, text: str | None, *value_sets: str) -> tuple[Hit, ...]:
        """The same for a free string such as a note or a conclusion. Every hit has `how="text"`."""
        wanted = self._known(value_sets)
        return tuple(dict.fromkeys(hit for hit in self._worded(text or "", wanted) if hit.value_set in wanted))

    def contradictions(self, concept: Concept) -> tuple[Contradiction, ...]:
        """Codings that mean another drug, or another product of the drug, than the words or a coding beside them.

        Drugs are those of the value sets with `drug`. Words that are ambiguous by themselves contradict nothing.
        """
        asked = concept, _CONTRADICTIONS
        known: tuple[Contradiction, ...] | None = self._remembered.get(asked)
        return known if known is not None else self._remember(asked, self._contradictions(concept))

    def _contradictions(self, concept: Concept) -> tuple[Contradiction, ...]:
        coded = [found for coding in concept.codings if (found := self._drugs(self._coded(coding)))]
        worded = [found for words in concept.words if (found := self._drugs(self._worded(words, self._drug_sets)))]
        pairs = [*combinations(coded, 2), *((one, other) for one in coded for other in worded)]
        return tuple(dict.fromkeys(Contradiction(one[0], other[0]) for one, other in pairs if self._differ(one, other)))

    def once(self, concept: Concept, patterns: tuple[str, ...], occur: Callable[[], bool]) -> bool:
        """Whether the patterns `occur` in the words of the concept: looked up once for each concept that is remembered."""
        asked = concept, (_WORDS, patterns)
        known: bool | None = self._remembered.get(asked)
        return known if known is not None else self._remember(asked, occur())

    def legible(self, concept: Concept) -> bool:
        """Whether it can be told what a concept means or does not mean: it has words, or a code that some value set knows.

        An unknown code without words could mean anything; RxNorm products, for one, are known by example only.
        """
        return bool(concept.words) or any(self._coded(coding) for coding in concept.codings)

    def _remember(self, asked: tuple[Concept, Any], found: Found) -> Found:
        """Charts repeat the same few concepts, and several readers ask of each. When it becomes too much, all is forgotten."""
        concept, _ = asked
        said = (concept.text, *(part for coding in concept.codings for part in coding))
        if all(len(part) <= _LONGEST_REMEMBERED for part in said if part):
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[asked] = found
        return found

    def _known(self, ids: tuple[str, ...]) -> tuple[str, ...]:
        for id in ids:
            if id not in self.value_sets:
                raise KeyError(f"there is no value set {id!r} in seeds/terminology")
        return ids or tuple(self.value_sets)

    def _coded(self, coding: Coding) -> list[Hit]:
        """All value sets that know the code; of a set's entries the most specific one counts: exact, then longest prefix, then range."""
        place = self.systems.place(coding.system, coding.code)
        if place is None:
            return []
        system, code = place
        found = list(self._exact.get(place, ()))
        found += [local.codes[code] for local in self._local if code in local.codes and local.regex.fullmatch(coding.system or "")]
        if system in self._prefixed:
            for length in range(min(len(code), self._longest_prefix), 2, -1):
                _add(found, self._prefixes.get((system, code[:length]), ()))
            _add(found, [hit for first, last, hit in self._ranges.get(system, ()) if first <= code[:3] <= last])
        return found

    def _unsettled(self, id: str, coded: list[Hit]) -> bool:
        """Whether the words must decide: the set says so, and its codes here are all ambiguous."""
        roles = {hit.role for hit in coded if hit.value_set == id}
        return roles == {"context"} and self.value_sets[id].text_settles_context

    def _worded(self, text: str, ids: Iterable[str]) -> list[Hit]:
        """Text hits of the sets and of those that guard them. Each sentence is read by itself: a guard takes back what stands beside it."""
        readable = [guard for guard in dict.fromkeys(guard for id in ids for guard in self._guards_of[id]) if guard in self._patterns]
        standing: list[Hit] = []
        for sentence in _SENTENCE.split(text):
            hits = [hit for id in readable for pattern in self._patterns[id] for hit in self._found(id, pattern, sentence)]
            excluded = [hit.value_set for hit in hits if hit.role == "exclude"]
            standing += [hit for hit in hits if not self._taken_back(hit, excluded)]
        return standing

    def _found(self, id: str, pattern: _Pattern, text: str) -> Iterator[Hit]:
        for found in pattern.regex.finditer(text):
            before, after = text[max(0, found.start() - _GUARD_WINDOW) : found.start()], text[found.end() : found.end() + _GUARD_WINDOW]
            if any(guard.search(before) for guard in pattern.before) or any(guard.match(after) for guard in pattern.after):
                continue
            captured = tuple((name, value) for name, value in found.groupdict().items() if value is not None)
            yield Hit(id, pattern.role, "text", None, None, self.value_sets[id].title, captured)
            if not pattern.regex.groupindex:
                return

    def _taken_back(self, hit: Hit, guards: Collection[str]) -> bool:
        """Whether one of the guards, by its own exclude hit, takes an include or context hit back."""
        return hit.role in ("include", "context") and any(guard in self._guards_of[hit.value_set] for guard in guards)

    def _drugs(self, hits: Iterable[Hit]) -> list[Hit]:
        """The hits that name a drug; a captured `abbreviation` has other meanings too and names none."""
        return [hit for hit in hits if self.value_sets[hit.value_set].drug and hit.get("abbreviation") is None]

    def _differ(self, one: list[Hit], other: list[Hit]) -> bool:
        """Whether two namings have no drug in common, or mean the MS product here and another product of the same drug there."""
        drugs, others = ({self.value_sets[hit.value_set].drug for hit in hits} for hits in (one, other))
        for_ms, others_for_ms = ({hit.role == "include" for hit in hits if hit.role in ("include", "exclude")} for hits in (one, other))
        return not drugs & others or (for_ms, others_for_ms) in (({True}, {False}), ({False}, {True}))


def _add(found: list[Hit], more: Iterable[Hit]) -> None:
    """Add hits of value sets that have none yet."""
    known = {hit.value_set for hit in found}
    found.extend(hit for hit in more if hit.value_set not in known)


def _tables(value_sets: Iterable[ValueSet], own: Iterable[LocalCode], systems: Systems) -> tuple[Any, Any, Any]:
    """The look-up tables: by code, by prefix, and the ranges of each system."""
    exact: dict[tuple[str, str], tuple[Hit, ...]] = {}
    prefixes: dict[tuple[str, str], tuple[Hit, ...]] = {}
    ranges: dict[str, tuple[tuple[str, str, Hit], ...]] = {}
    for value_set in value_sets:
        for code in value_set.codes:
            hit = Hit(value_set.id, code.role, "coded", code.system, code.code, code.words)
            key = code.system, systems.fold(code.system, code.code)
            match code:
                case Code(match="range", range_end=str(last)):
                    ranges[code.system] = (*ranges.get(code.system, ()), (key[1], systems.fold(code.system, last), hit))
                case Code(match="prefix"):
                    prefixes[key] = (*prefixes.get(key, ()), hit)
                case _:
                    exact[key] = (*exact.get(key, ()), hit)
    for entry in own:
        if entry.system is not None and (place := systems.place(entry.system, entry.code)) is not None:
            exact[place] = (*exact.get(place, ()), _local_hit(entry))
    return exact, prefixes, ranges


def _local_systems(own: Iterable[LocalCode]) -> tuple[_LocalSystem, ...]:
    by_pattern: dict[str, dict[str, Hit]] = {}
    for entry in own:
        if entry.system_pattern is not None:
            by_pattern.setdefault(entry.system_pattern, {})[entry.code] = _local_hit(entry)
    return tuple(_LocalSystem(re.compile(pattern), codes) for pattern, codes in by_pattern.items())


def _local_hit(entry: LocalCode) -> Hit:
    return Hit(entry.value_set, "include", "coded", entry.system or entry.system_pattern, entry.code, entry.label, entry.captured)


def _compiled(value_set: ValueSet, guards: Mapping[str, TextGuard]) -> tuple[_Pattern, ...]:
    """The patterns of a set, guards (exclude) first."""
    own = [guards[id] for id in value_set.text_guards]
    before = tuple(re.compile(pattern, re.IGNORECASE) for guard in own for pattern in guard.before)
    after = tuple(re.compile(pattern, re.IGNORECASE) for guard in own for pattern in guard.after)

    def compiled(source: TextPattern) -> _Pattern:
        regex = re.compile(source.pattern, 0 if source.case else re.IGNORECASE)
        return _Pattern(source.role, regex, before, after)

    return tuple(compiled(source) for source in sorted(value_set.text, key=lambda source: source.role != "exclude"))
