"""What the probe works with: one exchange over HTTP, what a check saw in it, and the result of a check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct

Level = Literal["SHALL", "SHALL NOT", "SHOULD", "LOCAL"]
"""Obligation of the specification; LOCAL is a decision of ours where the specification is silent."""
ProfileName = Literal["strict", "2.0", "1.0", "epic"]
Verdict = Literal["pass", "fail", "warn", "notApplicable"]


class NotApplicable(Exception):  # noqa: N818 reads as what it is where it is raised
    """A check has nothing to look at; the text says why."""


def strict_json(body: bytes) -> Any:
    """Parse JSON as the contract wants it: UTF-8 without BOM, no NaN, no name twice. Raises `ValueError` with the reason."""

    def constant(text: str) -> None:
        raise ValueError(f"{text} is not JSON")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a member occurs twice")
        return found

    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise ValueError("it starts with a byte order mark")
    try:
        return json.loads(text, parse_constant=constant, object_pairs_hook=members)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class Exchange(Struct, frozen=True, dict=True):
    """One request and its answer. Neither the sent body nor a token is kept; status 0 means that no answer came."""

    method: str
    path: str
    what: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    trouble: str = ""

    @cached_property
    def document(self) -> Any:
        """The body as JSON; `None` if it is not JSON."""
        try:
            return strict_json(self.body)
        except ValueError:
            return None

    @property
    def sent(self) -> str:
        """Method, path and a few words, for reports."""
        return f"{self.method} {self.path} ({self.what})"

    @property
    def got(self) -> str:
        """Status and kind of body, for reports; never the body itself."""
        if not self.status:
            return f"no answer: {self.trouble}"
        return f"{self.status}, {self._kind()}"

    def _kind(self) -> str:
        document = self.document
        if not self.body:
            return "no body"
        if not isinstance(document, dict):
            return f"{len(self.body)} bytes of {self.headers.get('content-type', 'no content type')}"
        for name in ("cards", "services"):
            if isinstance(document.get(name), list):
                return f"{len(document[name])} {name}"
        kind = document.get("resourceType")
        return kind if isinstance(kind, str) else "a JSON object"


class Seen(Struct, frozen=True):
    """What a check saw in one exchange: nothing wrong, or a fault in words."""

    exchange: Exchange
    fault: str | None = None


class Result(Struct, frozen=True):
    """The result of one check."""

    check: str
    row: str
    level: Level
    title: str
    verdict: Verdict
    why: str
    sent: str = ""
    got: str = ""
    looked_at: int = 0


class Report(Struct, frozen=True):
    """All results of one run."""

    base: str
    profile: ProfileName
    requests: int
    results: tuple[Result, ...]

    def count(self, verdict: Verdict) -> int:
        """How many checks ended with this verdict."""
        return sum(result.verdict == verdict for result in self.results)
