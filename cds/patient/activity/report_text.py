"""An MRI report in words → what it says of lesions (clinical-rules F5). Negation first; what is not recognised stays unknown.

The phrases are data (`seeds/evidence/definitions/reading/mri.yaml`); here is only the order in which they are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from cds.fhir.dates import DateRange
from cds.patient.words.dates import DATE, dates_replaced, names_day, read_date
from cds.patient.words.numbers import NumberWords
from cds.patient.words.patterns import compiled, holds_one
from cds.patient.words.vocabulary import Numbers, ReportWords
from cds.three_valued import Bounds, Truth

Kind = Literal["new", "enlarging", "gd"]
KINDS: tuple[Kind, ...] = ("new", "enlarging", "gd")

_READ = ("addendum", "summary", "findings")
"""The sections that are read; what stands in an earlier one counts before what a later one says of the same lesions."""

_ASIDE = " ¤ "
_DATE_MARK = "§"
_NONE = Bounds.exactly(0)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|[;\n]")


class ReportReading(Struct, frozen=True, kw_only=True):
    """What a report says. A number is `None` where it does not say or says it doubtfully; `phrases` are the words it rests on."""

    new: Bounds | None
    enlarging: Bounds | None
    gd: Bounds | None
    marked_increase: bool
    clean: Truth
    compared_with: DateRange | None
    pml: bool
    phrases: tuple[str, ...] = ()
    note: str = ""


class _Mention(Struct, frozen=True):
    """One phrase on lesions of one kind; `again` speaks of lesions that were mentioned before."""

    kind: Kind
    number: Bounds
    again: bool
    phrase: str


class _Said(Struct):
    """What one part of a report says so far. `open_*`: it speaks of change in words that were not understood."""

    mentions: list[_Mention] = field(default_factory=list)
    denied: dict[Kind, str] = field(default_factory=dict)
    marked: bool = False
    open_t2: bool = False
    open_gd: bool = False

    def deny(self, kinds: Iterable[Kind], phrase: str) -> None:
        """Note that lesions of these kinds are denied."""
        for kind in kinds:
            self.denied.setdefault(kind, phrase)

    def number(self, kind: Kind) -> Bounds | None:
        """Several phrases of one kind: at least the largest number, at most their sum. A lesion that is named beats a denial."""
        found = [mention for mention in self.mentions if mention.kind == kind]
        own = [mention.number for mention in found if not mention.again] or [mention.number for mention in found]
        if not own:
            return _NONE if kind in self.denied else None
        return Bounds(max(number.low for number in own), sum(number.high for number in own))

    def phrases(self) -> Iterator[str]:
        """The words behind it, in order."""
        for phrase in (*self.denied.values(), *(mention.phrase for mention in self.mentions)):
            yield " ".join(phrase.replace(_DATE_MARK, "[date]").split()).strip(" ,;")


class ReportReader(Struct, frozen=True):
    """The words of the rules, compiled once."""

    words: ReportWords
    numbers: NumberWords
    one: Mapping[str, re.Pattern[str]]
    many: Mapping[str, tuple[re.Pattern[str], ...]]
    headings: re.Pattern[str]
    heading_kinds: Mapping[str, str]

    @classmethod
    def of(cls, words: ReportWords, numbers: Numbers) -> ReportReader:
        """Compile the words. Raises `RulesError` naming a pattern that cannot be compiled."""
        counted = NumberWords.of(numbers)
        none = "|".join(re.escape(word) for word in (*numbers.none, "0"))
        shared = {**words.terms, "count": counted.pattern, "date": DATE, "word": r"[\w§+/'’()-]+"}
        number = {"number": rf"(?P<n>{counted.pattern})"}
        number_or_none = {"number": rf"(?P<n>{counted.pattern}|\b(?:{none})\b)"}
        one: dict[str, re.Pattern[str]] = {}
        many: dict[str, tuple[re.Pattern[str], ...]] = {}
        for name, value in words:
            terms = shared | (number_or_none if name.startswith("counted") else number)
            if isinstance(value, str):
                one[name] = compiled(value, terms, "ranvier-reading-mri")
            elif isinstance(value, tuple):
                many[name] = tuple(compiled(pattern, terms, "ranvier-reading-mri") for pattern in value)
        kinds = {heading: kind for kind, headings in words.headings.items() for heading in headings}
        written = "|".join(re.escape(heading) for heading in sorted(kinds, key=len, reverse=True))
        dated = rf"(?:\s+(?:of\s+|on\s+)?(?:{DATE}|#?\d))?"
        headings = re.compile(rf"(?:^|(?<=[\n.;:?!)]))\s*(?P<heading>{written}){dated}\s*:", re.IGNORECASE | re.MULTILINE)
        return cls(words, counted, one, many, headings, kinds)

    def read(self, text: str, *, cord: bool = False, on: DateRange | None = None) -> ReportReading:
        """Read one report. `cord`: an MRI of the spinal cord alone, of which "no new cord lesion" says all.

        `on` is the day of the scan: what the report says of another day is not said of this scan.
        """
        text = re.sub(r"[^\S\n]+", " ", text.replace("‐", "-").replace("‑", "-"))
        text = re.sub(r"\n\s+", "\n", text)
        if on is not None:
            text = dates_replaced(text, lambda hit: "today" if names_day(read_date(hit[0]), on) else hit[0])
        sections = tuple(self._sections(text))
        parts = tuple(self._read_part([words for section, words in sections if section == kind], cord) for kind in _READ)
        numbers: dict[Kind, Bounds | None] = {}
        contradicted = False
        for kind in KINDS:
            stated = [number for part in parts if (number := part.number(kind)) is not None]
            numbers[kind] = stated[0] if stated else None
            contradicted = contradicted or (stated[:1] == [_NONE] and any(number.low >= 1 for number in stated))
        open_t2 = contradicted or any(part.open_t2 for part in parts)
        open_gd = contradicted or any(part.open_gd for part in parts)
        no_comparison = any(pattern.search(text) for pattern in self.many["no_comparison"])
        for kind in KINDS:
            uncertain = open_gd if kind == "gd" else open_t2 or no_comparison
            if uncertain:
                numbers[kind] = _opened(numbers[kind])
        pml = self._pml(" ".join(words for section, words in sections if section in _READ))
        marked = any(part.marked for part in parts)
        note = "The report contradicts itself." if contradicted else _NOT_UNDERSTOOD if open_t2 or open_gd else ""
        return ReportReading(
            new=numbers["new"],
            enlarging=numbers["enlarging"],
            gd=numbers["gd"],
            marked_increase=marked,
            clean=_clean(numbers, blurred=marked or pml or open_t2 or open_gd or no_comparison),
            compared_with=self._compared(sections, text),
            pml=pml,
            phrases=tuple(dict.fromkeys(phrase for part in parts for phrase in part.phrases())),
            note=note,
        )

    def _sections(self, text: str) -> Iterator[tuple[str, str]]:
        """The report by its headings; text without one is findings."""
        kind, start = "findings", 0
        for heading in self.headings.finditer(text):
            yield kind, text[start : heading.start()]
            kind, start = self.heading_kinds[" ".join(heading["heading"].lower().split())], heading.end()
        yield kind, text[start:]

    def _read_part(self, parts: Iterable[str], cord: bool) -> _Said:
        said = _Said()
        for part in parts:
            text = dates_replaced(part, _DATE_MARK)
            for pattern in self.many["left_aside"]:
                text = pattern.sub(_ASIDE, text)
            for sentence in _SENTENCE_END.split(text):
                if _is_blank(sentence):
                    continue
                too_long = len(sentence) > self.words.longest_sentence
                rest = sentence if too_long else self._read_sentence(sentence, cord, said)
                said.open_t2 = said.open_t2 or bool(self.one["left_over_t2"].search(rest))
                said.open_gd = said.open_gd or bool(self.one["left_over_gd"].search(rest))
        return said

    def _read_sentence(self, sentence: str, cord: bool, said: _Said) -> str:
        """Read one sentence; returns what is left of it after everything that was recognised is taken out."""
        rest = self._counts(sentence, said)
        rest = self._denials("no_enhancement", ("gd",), rest, said, " ")
        unseen = list(self.one["not_seen"].finditer(rest)) if self._may_hold("not_seen", rest) else []
        for hit in unseen:
            said.deny(self._denied(hit["what"], cord=cord, whole=False), hit[0])
        rest = _replaced(rest, unseen, _ASIDE)
        rest = self._denials("not_changed", ("new", "enlarging"), rest, said, _ASIDE)
        rest = self._negations(rest, cord, said)
        if _is_blank(rest):
            return rest
        self._stability(rest, said)
        if any(not self._doubted(rest, hit) for pattern in self._patterns("marked", rest) for hit in pattern.finditer(rest)):
            said.marked = True
        self._mentions("gd", "enhancing", rest, said)
        rest = self._mentions("new", "new", rest, said)
        rest = self._mentions("enlarging", "enlarging", rest, said)
        rest = self._mentions("new", "burden", rest, said)
        for pattern in (*self._patterns("enhancing", rest), *self._patterns("marked", rest)):
            rest = pattern.sub(_ASIDE, rest)
        return rest

    def _may_hold(self, source: str, text: str) -> bool:
        """Whether the text has one of the words without which no pattern of this name is found; where none are known, it may."""
        needs = self.words.needs.get(source)
        return needs is None or holds_one(text, needs)

    def _patterns(self, source: str, text: str) -> tuple[re.Pattern[str], ...]:
        """The patterns of this name that can be found in the text: all, or none."""
        return self.many[source] if self._may_hold(source, text) else ()

    def _counts(self, sentence: str, said: _Said) -> str:
        """`New T2 lesions: 3`, `Gd lesions: none`."""
        kinds: tuple[tuple[Kind, str], ...] = (("new", "counted_new"), ("gd", "counted_enhancing"))
        for kind, source in kinds:
            for pattern in self._patterns(source, sentence):
                hits = list(pattern.finditer(sentence))
                for hit in hits:
                    number = self.numbers.read(hit["n"])
                    if number == _NONE:
                        said.deny((kind,), hit[0])
                    elif number is not None:
                        said.mentions.append(_Mention(kind, number, False, hit[0]))
                sentence = _replaced(sentence, hits, _ASIDE)
        return sentence

    def _negations(self, sentence: str, cord: bool, said: _Said) -> str:
        start = 0
        while hit := self.one["none"].search(sentence, start):
            end = hit.end()
            while joined := self.one["none_joined"].match(sentence, end):
                end = joined.end()
            phrase = sentence[hit.start() : end]
            kinds = self._denied(phrase, cord=cord, whole=bool(self.one["none_whole"].match(sentence, end)))
            kinds = () if self.one["none_of_one"].match(sentence, end) else kinds
            exception = self.one["except_for"].match(sentence, end)
            if exception and kinds:
                end = exception.end()
                kind: Kind = "new" if "new" in kinds else "gd"
                number = self._first_number(exception["rest"]) or Bounds.at_least(1)
                said.mentions.append(_Mention(kind, number, False, sentence[hit.start() : end]))
            else:
                said.deny(kinds, phrase)
            sentence = f"{sentence[: hit.start()]}{_ASIDE}{sentence[end:]}"
            start = hit.start() + len(_ASIDE)
        return sentence

    def _denials(self, source: str, kinds: tuple[Kind, ...], sentence: str, said: _Said, instead: str) -> str:
        """Note fixed phrases of denial; returns the sentence with something else instead of them."""
        for pattern in self._patterns(source, sentence):
            hits = list(pattern.finditer(sentence))
            for hit in hits:
                said.deny(kinds, hit[0])
            sentence = _replaced(sentence, hits, instead)
        return sentence

    def _denied(self, phrase: str, *, cord: bool, whole: bool) -> tuple[Kind, ...]:
        """What a negation denies; nothing if it speaks of a part of the brain only.

        `whole`: nothing follows that narrows it, so that "no lesions" denies all of them.
        """
        parts = {hit.lower() for hit in self.one["part_of_brain"].findall(phrase)}
        if cord:
            parts -= {"spinal", "cord", "cervical", "thoracic"}
        if parts and not {"supratentorial", "infratentorial"} <= parts:
            return ()
        if self.one["says_both"].search(phrase):
            return KINDS
        t2, gd = bool(self.one["says_t2"].search(phrase)), bool(self.one["says_gd"].search(phrase))
        if not t2 and not gd:
            return KINDS if whole and not self.one["says_neither"].search(phrase) else ()
        enlarging = t2 and bool(self.one["says_enlarging"].search(phrase))
        said: dict[Kind, bool] = {"new": t2, "enlarging": enlarging, "gd": gd}
        return tuple(kind for kind in KINDS if said[kind])

    def _stability(self, sentence: str, said: _Said) -> None:
        for pattern in self.many["normal"]:
            if hit := pattern.search(sentence):
                said.deny(KINDS, hit[0])
        stable = next((hit for pattern in self.many["stable"] if (hit := pattern.search(sentence))), None)
        if stable and not self.one["stable_in_part"].search(sentence):
            brief = _ASIDE.strip() not in sentence and len(sentence.split()) <= self.words.stable_alone_words
            if brief or self.one["stable_subject"].search(sentence):
                said.deny(("new", "enlarging"), stable[0])

    def _mentions(self, kind: Kind, source: str, sentence: str, said: _Said) -> str:
        """Note every lesion of one kind; returns the sentence without the phrases."""
        for pattern in self._patterns(source, sentence):
            hits = list(pattern.finditer(sentence))
            for hit in hits:
                if self._doubted(sentence, hit):
                    said.open_t2, said.open_gd = said.open_t2 or kind != "gd", said.open_gd or kind == "gd"
                else:
                    around = sentence[max(0, hit.start() - self.words.again_reach) : hit.end()]
                    again = source == "burden" or bool(self.one["again"].search(around))
                    said.mentions.append(_Mention(kind, self._number(hit), again, hit[0]))
            sentence = _replaced(sentence, hits, _ASIDE)
            if hits and not self._may_hold(source, sentence):
                break
        return sentence

    def _number(self, hit: re.Match[str]) -> Bounds:
        """The number in a phrase; without one a plural is at least two (F5), a singular at least one."""
        written = hit.groupdict().get("n") or ""
        several = bool(self.one["several_nouns"].search(hit[0].strip()))
        number = None if several and written.strip().lower() in self.numbers.rules.articles else self.numbers.read(written)
        return number or Bounds.at_least(2 if several else 1)

    def _first_number(self, text: str) -> Bounds | None:
        hit = re.match(rf"\s*({self.numbers.pattern})", text, re.IGNORECASE)
        return self.numbers.read(hit[1]) if hit else None

    def _doubted(self, sentence: str, hit: re.Match[str]) -> bool:
        before, after = sentence[: hit.end()], sentence[hit.end() :]
        return bool(self.one["doubt_before"].search(before) or self.one["doubt_after"].search(after))

    def _pml(self, text: str) -> bool:
        for pattern in self.many["pml_denied"]:
            text = pattern.sub(_ASIDE, text)
        return any(pattern.search(text) for pattern in self.many["pml"])

    def _compared(self, sections: Iterable[tuple[str, str]], text: str) -> DateRange | None:
        """The latest scan that the report says it was compared with."""
        written = [hit["date"] for pattern in self.many["compared"] for hit in pattern.finditer(text)]
        written += [hit for kind, words in sections if kind == "comparison" for hit in re.findall(DATE, words, re.IGNORECASE)]
        dates = [day for day in map(read_date, written) if day is not None]
        return max(dates, key=lambda day: (day.last, day.first), default=None)


def _is_blank(text: str) -> bool:
    """Whether there are no words in the text, or none is left."""
    return not text.strip(_ASIDE)


def _replaced(text: str, hits: Sequence[re.Match[str]], instead: str) -> str:
    """The text with something else instead of the hits in it, without searching it again."""
    for hit in reversed(hits):
        text = f"{text[: hit.start()]}{instead}{text[hit.end() :]}"
    return text


_NOT_UNDERSTOOD = "Part of the report speaks of change in words that were not understood."


def _opened(number: Bounds | None) -> Bounds | None:
    """A number beside words of change that were not understood: nothing is no longer nothing."""
    return None if number is None or number == _NONE else Bounds.at_least(number.low)


def total(new: Bounds | None, enlarging: Bounds | None) -> Bounds | None:
    """New and enlarging T2 lesions together; if only one is stated, that one."""
    if new is None or enlarging is None:
        return enlarging if new is None else new
    return Bounds(new.low + enlarging.low, new.high + enlarging.high)


def _clean(numbers: Mapping[Kind, Bounds | None], *, blurred: bool) -> Truth:
    """Without new, enlarging or enhancing lesions; enhancement may go unmentioned, as in scans without contrast."""
    if any(number is not None and number.low >= 1 for number in numbers.values()):
        return False
    t2 = total(numbers["new"], numbers["enlarging"])
    return True if t2 == _NONE and numbers["gd"] in (None, _NONE) and not blurred else None
