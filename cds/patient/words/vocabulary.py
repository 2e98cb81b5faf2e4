"""The words that reports and notes are read by, as frozen, typed models (`seeds/evidence/definitions/reading`)."""

from __future__ import annotations

from cds.patient.rules import Rules


class Numbers(Rules):
    """`ranvier-reading-numbers`: numbers in words."""

    words: dict[str, int]
    articles: tuple[str, ...]
    several: tuple[str, ...]
    none: tuple[str, ...]
    yes: tuple[str, ...]
    no_letter: tuple[str, ...]
    at_least: tuple[str, ...]
    about: tuple[str, ...]
    more_than: tuple[str, ...]
    up_to: tuple[str, ...]
    not_a_count_before: str
    most: int


class ReportWords(Rules):
    """`ranvier-reading-mri`: the words of MRI reports. A pattern may name a term as `<term>`.

    `needs`: parts of words of which a text must hold one for any pattern of a field to be found in it.
    """

    terms: dict[str, str]
    needs: dict[str, tuple[str, ...]]
    headings: dict[str, tuple[str, ...]]
    left_aside: tuple[str, ...]
    pml: tuple[str, ...]
    pml_denied: tuple[str, ...]
    no_comparison: tuple[str, ...]
    none: str
    none_joined: str
    none_of_one: str
    none_whole: str
    except_for: str
    says_t2: str
    says_enlarging: str
    says_gd: str
    says_both: str
    says_neither: str
    part_of_brain: str
    not_seen: str
    not_changed: tuple[str, ...]
    no_enhancement: tuple[str, ...]
    normal: tuple[str, ...]
    stable: tuple[str, ...]
    stable_subject: str
    stable_in_part: str
    stable_alone_words: int
    longest_sentence: int
    new: tuple[str, ...]
    enlarging: tuple[str, ...]
    burden: tuple[str, ...]
    enhancing: tuple[str, ...]
    counted_new: tuple[str, ...]
    counted_enhancing: tuple[str, ...]
    again: str
    again_reach: int
    several_nouns: str
    marked: tuple[str, ...]
    doubt_before: str
    doubt_after: str
    left_over_t2: str
    left_over_gd: str
    compared: tuple[str, ...]


class NarrativeWords(Rules):
    """`ranvier-reading-relapses`: how notes speak of relapses. A pattern may name a term as `<term>`; all need a word of `speaks_of`."""

    longest_sentence: int
    speaks_of: str
    terms: dict[str, str]
    left_aside: tuple[str, ...]
    none_since: tuple[str, ...]
    none_for: tuple[str, ...]
    none: tuple[str, ...]
    last: tuple[str, ...]
    counted: tuple[str, ...]
    dated: tuple[str, ...]
    until: tuple[str, ...]
    ago: tuple[str, ...]
    lately: tuple[str, ...]
    lately_days: dict[str, int]
    syndromes: tuple[str, ...]
    undated: tuple[str, ...]
    mentioned: tuple[str, ...]
    denied_before: str
    doubt_before: str
