"""Patterns of reviewed phrases: regular expressions in which `<name>` stands for a term."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cds.patient.rules import RulesError

_DEEPEST = 6
_TERM = re.compile(r"(?<!\(\?P)<(\w+)>")


def compiled(pattern: str, terms: Mapping[str, str], definition: str) -> re.Pattern[str]:
    """The pattern with its terms put in, without regard to case.

    Raises `RulesError` naming the definition if a term is not there or the result is no regular expression.
    """
    whole = pattern
    for _ in range(_DEEPEST):
        whole = _TERM.sub(lambda hit: re.sub(r"\s+\|", "|", terms.get(hit[1], hit[0])), whole)
    if unknown := _TERM.search(whole):
        raise RulesError(f"definition {definition!r}: {pattern!r}: there is no term {unknown[0]}")
    try:
        return re.compile(whole, re.IGNORECASE)
    except re.error as error:
        raise RulesError(f"definition {definition!r}: {pattern!r} is no regular expression: {error}") from error


def holds_one(text: str, parts: Iterable[str]) -> bool:
    """Whether one of these parts of words, in lower case, occurs in the text, as a regular expression without regard to case finds it.

    It may say so where it does not, never the other way round.
    """
    plain = text.casefold().replace("ı", "i").replace("i\u0307", "i")  # a regular expression takes each of these for an i
    return any(part in plain for part in parts)
