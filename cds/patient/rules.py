"""Rules of reading, parsed from definition records (`seeds/evidence/definitions`) into frozen, typed models.

A definition is handed in as its id and its `thresholds`; nothing is read from disk here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

Definitions = Mapping[str, Any]
"""The `thresholds` of every definition, by id."""


class RulesError(ValueError):
    """A definition that cannot be used; the message names its id, the field and what is wrong."""


class Rules(BaseModel):
    """Common to all rules: an unknown field is an error, and nothing changes after parsing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of_texts: ClassVar[bool] = False
    """Whether its patterns are asked of reports and notes only, never of what a code is called."""


R = TypeVar("R", bound=Rules)


def parse_rules(model: type[R], definitions: Definitions, id: str) -> R:
    """The definition `id` as `model`. Raises `RulesError` if it is missing or a field does not fit."""
    if id not in definitions:
        raise RulesError(f"no definition {id!r}; it belongs in seeds/evidence/definitions")
    try:
        return model.model_validate(definitions[id])
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RulesError(f"definition {id!r}: {problems}") from error


def _compiles(pattern: str) -> str:
    try:
        searcher(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression; matched without regard to case unless it says otherwise."""


def found(patterns: tuple[str, ...], text: str) -> bool:
    """Whether any of the patterns occurs in the text."""
    return any(searcher(pattern)(text) for pattern in patterns)


def without(patterns: tuple[str, ...], text: str) -> str:
    """The text with a blank in place of what the patterns match, such as what a record denies."""
    for pattern in patterns:
        text = re.sub(pattern, " ", text, flags=re.IGNORECASE)
    return text


@cache
def searcher(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """The search for a pattern of the content, without regard to case; there are more patterns than `re` remembers."""
    return re.compile(pattern, re.IGNORECASE).search
