"""A note in words → what it says of relapses (clinical-rules F4): dated ones, counts, "none since", "last relapse 2016".

The phrases are data (`seeds/evidence/definitions/reading/relapses.yaml`); here is only the order in which they are tried.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from cds.fhir.dates import DateRange, add_days, add_months
from cds.patient.rules import searcher
from cds.patient.words.dates import DATE, dates_replaced, read_date
from cds.patient.words.numbers import NumberWords
from cds.patient.words.patterns import compiled
from cds.patient.words.vocabulary import NarrativeWords, Numbers
from cds.three_valued import Bounds

_ASIDE = " ¤ "
_SENTENCE_END = re.compile(r"(?<!\bvs)\.(?=\s|$)|[;\n]")


class DatedRelapse(Struct, frozen=True):
    """A relapse that a note dates; `doubtful` if its words call it possible, `syndrome` if they name only optic neuritis or myelitis."""

    onset: DateRange
    doubtful: bool
    phrase: str
    syndrome: bool = False


class CountedRelapses(Struct, frozen=True):
    """A number of relapses from `start` to the day of the note; `start` is `None` where the note does not say since when."""

    number: Bounds
    start: DateRange | None
    phrase: str


class NarrativeReading(Struct):
    """What a note says of relapses. `undated`: it speaks of one without a date. `unread`: a sentence was too long to be read."""

    dated: list[DatedRelapse] = field(default_factory=list)
    counted: list[CountedRelapses] = field(default_factory=list)
    undated: bool = False
    unread: bool = False

    @property
    def quiet_since(self) -> DateRange | None:
        """The beginning of the longest time that the note calls free of relapses."""
        starts = [count.start for count in self.counted if count.number.high == 0 and count.start is not None]
        return min(starts, key=lambda start: (start.last, start.first), default=None)


class NarrativeReader(Struct, frozen=True):
    """The words of the rules, compiled once."""

    words: NarrativeWords
    numbers: NumberWords
    many: Mapping[str, tuple[re.Pattern[str], ...]]
    doubt_before: re.Pattern[str]
    denied_before: re.Pattern[str]

    def speaks_of(self, text: str) -> bool:
        """Whether the text can speak of a relapse at all: it has one of the words that every phrase needs."""
        return searcher(self.words.speaks_of)(text) is not None

    @classmethod
    def of(cls, words: NarrativeWords, numbers: Numbers) -> NarrativeReader:
        """Compile the words. Raises `RulesError` naming a pattern that cannot be compiled."""
        counted = NumberWords.of(numbers)
        terms = {**words.terms, "count": counted.pattern, "amount": counted.amount, "date": DATE}
        many = {
            name: tuple(compiled(pattern, terms, "ranvier-reading-relapses") for pattern in value)
            for name, value in words
            if isinstance(value, tuple)
        }
        doubt, denied = (compiled(pattern, terms, "ranvier-reading-relapses") for pattern in (words.doubt_before, words.denied_before))
        return cls(words, counted, many, doubt, denied)

    def read(self, text: str, written: DateRange | None) -> NarrativeReading:
        """Read one note, written on that date. Without a date of writing, spans such as "in the last year" mean nothing."""
        said = NarrativeReading()
        if not self.speaks_of(text):
            return said
        text = re.sub(r"[^\S\n]+", " ", text)
        for pattern in self.many["left_aside"]:
            text = pattern.sub(_ASIDE, text)
        mentioned = False
        for sentence in _SENTENCE_END.split(text):
            if not self.speaks_of(sentence):
                continue
            if len(sentence) > self.words.longest_sentence:
                said.unread = True
            else:
                rest = self._read_sentence(sentence, written, said)
                said.undated = said.undated or self._speaks("undated", rest)
                mentioned = mentioned or self._speaks("mentioned", rest)
        said.undated = said.undated or (mentioned and not said.dated)
        return said

    def _read_sentence(self, sentence: str, written: DateRange | None, said: NarrativeReading) -> str:
        """Read one sentence; returns what is left of it."""
        none = Bounds.exactly(0)
        hits, sentence = self._take("until", sentence)
        for hit, doubtful in hits:
            ended = read_date(hit["date"]) if hit["date"] else None
            said.undated = said.undated or ended is None
            if ended is not None:
                said.dated.append(DatedRelapse(ended, doubtful, _phrase(hit)))
        hits, sentence = self._take("none_since", sentence)
        said.counted += [CountedRelapses(none, read_date(hit["date"]), _phrase(hit)) for hit, _ in hits]
        hits, sentence = self._take("none_for", sentence)
        said.counted += [CountedRelapses(none, self._since(hit["n"], hit["unit"], written), _phrase(hit)) for hit, _ in hits]
        hits, sentence = self._take("last", sentence)
        for hit, doubtful in hits:
            if (onset := read_date(hit["date"])) is not None:
                said.dated.append(DatedRelapse(onset, doubtful, _phrase(hit)))
                after = DateRange(add_days(onset.first, 1), add_days(onset.last, 1))
                said.counted.append(CountedRelapses(none, after, _phrase(hit)))
        hits, sentence = self._take("none", sentence)
        said.counted += [CountedRelapses(none, None, _phrase(hit)) for hit, _ in hits]
        hits, sentence = self._take("counted", sentence)
        for hit, _ in hits:
            if (number := self.numbers.read(hit["n"])) is not None:
                said.counted.append(CountedRelapses(number, self._since(hit["length"], hit["unit"], written), _phrase(hit)))
        hits, sentence = self._take("ago", sentence)
        for hit, doubtful in hits:
            if (onset := self._around(hit["n"], hit["unit"], written)) is not None:
                said.dated.append(DatedRelapse(onset, doubtful, _phrase(hit)))
        hits, sentence = self._take("lately", sentence)
        for hit, doubtful in hits:
            if written is not None:
                earliest = add_days(written.first, -self.words.lately_days[" ".join(hit["when"].lower().split())])
                said.dated.append(DatedRelapse(DateRange(earliest, written.last), doubtful, _phrase(hit)))
        hits, sentence = self._take("dated", sentence)
        for hit, doubtful in hits:
            days = map(read_date, re.findall(DATE, hit["dates"], re.IGNORECASE))
            said.dated += [DatedRelapse(day, doubtful, _phrase(hit)) for day in days if day is not None]
        hits, sentence = self._take("syndromes", sentence)
        for hit, doubtful in hits:
            if (onset := read_date(hit["date"])) is not None:
                said.dated.append(DatedRelapse(onset, doubtful, _phrase(hit), syndrome=True))
        return sentence

    def _speaks(self, name: str, sentence: str) -> bool:
        """Whether what is left of a sentence speaks of a relapse, and nothing before the words denies it."""
        hits = (hit for pattern in self.many[name] for hit in pattern.finditer(sentence)) if self.speaks_of(sentence) else ()
        return any(not self.denied_before.search(sentence[: hit.start()]) for hit in hits)

    def _take(self, name: str, sentence: str) -> tuple[list[tuple[re.Match[str], bool]], str]:
        """Every phrase of a kind, each with whether its words doubt it, and the sentence without them."""
        hits: list[tuple[re.Match[str], bool]] = []
        for pattern in self.many[name]:
            if found := [(hit, self._doubted(sentence, hit)) for hit in pattern.finditer(sentence)]:
                hits += found
                sentence = pattern.sub(_ASIDE, sentence)
        return hits, sentence

    def _doubted(self, sentence: str, hit: re.Match[str]) -> bool:
        """Whether words call it possible; dates are masked, because May is a month."""
        return bool(self.doubt_before.search(dates_replaced(sentence[: hit.end()], "§")))

    def _since(self, number: str | None, unit: str, written: DateRange | None) -> DateRange | None:
        """The day from which a span up to the note counts; a vague number gives its shortest reading."""
        count = self.numbers.read(number) if number else Bounds.exactly(1)
        return None if written is None or count is None else _back(written, int(count.low), unit)

    def _around(self, number: str, unit: str, written: DateRange | None) -> DateRange | None:
        """The days that "three weeks ago" may mean: half a unit to either side, not after the note."""
        count = self.numbers.read(number)
        if written is None or count is None or count.exact is None:
            return None
        day, half = _back(written, int(count.exact), unit), _DAYS[unit[0].lower()] // 2
        return DateRange(add_days(day.first, -half), min(add_days(day.last, half), written.last))


_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def _back(written: DateRange, number: int, unit: str) -> DateRange:
    unit = unit[0].lower()
    if unit in "my":
        months = number * (12 if unit == "y" else 1)
        return DateRange(add_months(written.first, -months), add_months(written.last, -months))
    step = number * _DAYS[unit]
    return DateRange(add_days(written.first, -step), add_days(written.last, -step))


def _phrase(hit: re.Match[str]) -> str:
    return " ".join(hit[0].split()).strip(" ,;")
