"""Patterns that are not tried on a text could not have been found in it: what `needs` says of the words of MRI reports is true."""

from __future__ import annotations

import re
import string
from functools import cache
from re import _parser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cds.content import load_content
from cds.patient.activity.report_text import ReportReader
from cds.patient.words.patterns import holds_one

APART = "\0"
WORDS = (
    "no", "new", "enlarging", "enlarged", "larger", "lesion", "lesions", "T2", "FLAIR", "Gd", "gadolinium", "gadolinium-enhancing",
    "contrast", "enhancing", "enhancement", "enhances", "with", "without", "is", "are", "has", "not", "never", "seen", "absent", "active",
    "stable", "unchanged", "burden", "load", "increased", "increase", "in", "of", "size", "the", "two", "3", "one", ":", "=", "marked",
    "progression", "markedly", "worse", "grown", "rise", "expanding", "negative", "none", "activity", "disease", "brain", "MRI", "since",
    "prior", "2024-07", "compared", ",", ".", ";", "evidence", "any", "or", "and", "these", "which", "previously", "now", "plaques",
    "foci", "multiple", "number", "(n)", "count", "ſtable", "enhancİng", "growıng", "\u212a",
)  # fmt: skip


@cache
def reader() -> ReportReader:
    return load_content().rules.activity.reports


@cache
def untiring_reader() -> ReportReader:
    """The same, which tries every pattern on every text."""
    words = reader().words
    return replace(reader(), words=words.model_copy(update={"needs": dict.fromkeys(words.needs, ("",))}))


def open_ends(pattern: Any, parts: tuple[str, ...], ends: frozenset[str]) -> frozenset[str]:
    """How what matches a parsed pattern can end without having held one of the parts; empty where it always holds one."""
    for kind, inner in pattern:
        match str(kind):
            case "LITERAL":
                ends = frozenset(end for end in ((end + chr(inner).lower()) for end in ends) if not any(part in end for part in parts))
            case "BRANCH":
                ends = frozenset(end for branch in inner[1] for end in open_ends(branch, parts, ends))
            case "SUBPATTERN":
                ends = open_ends(inner[3], parts, ends)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, repeated = inner
                once = open_ends(repeated, parts, ends) if most == 1 else open_ends(repeated, parts, ends) and frozenset({APART})
                ends = once if least else ends | once
            case "AT" | "ASSERT" | "ASSERT_NOT":
                continue
            case _:
                ends = ends and frozenset({APART})
    return ends


def always_holds_one(pattern: str, parts: tuple[str, ...]) -> bool:
    return not open_ends(_parser.parse(pattern, re.IGNORECASE), parts, frozenset({APART}))


@pytest.mark.parametrize("name", sorted(reader().words.needs))
def test_whatever_a_pattern_finds_holds_one_of_the_words_that_its_list_needs(name: str) -> None:
    patterns = reader().many[name] if name in reader().many else (reader().one[name],)
    needs = reader().words.needs[name]
    assert patterns
    assert all(needs)
    assert [pattern.pattern for pattern in patterns if not always_holds_one(pattern.pattern, needs)] == []


def test_a_pattern_that_can_do_without_is_told() -> None:
    assert always_holds_one(r"\b(?:not|never)\s+seen", ("not", "never"))
    assert not always_holds_one(r"\b(?:not|never|nowhere)\s+seen", ("not", "never"))
    assert not always_holds_one(r"(?:new)?\s+lesion", ("new",))
    assert not always_holds_one(r"ne\s*w", ("new",))


def test_every_character_that_stands_for_a_letter_without_regard_to_case_is_known() -> None:
    everything = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    for letter in string.ascii_lowercase + string.digits:
        like = re.findall(letter, everything, re.IGNORECASE)
        assert letter in like
        assert [other for other in like if not holds_one(f"x{other}y", (f"x{letter}y",))] == []


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join), st.booleans())
def test_a_report_says_the_same_where_every_pattern_is_tried(text: str, cord: bool) -> None:
    assert reader().read(text, cord=cord) == untiring_reader().read(text, cord=cord)
