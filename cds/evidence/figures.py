"""Numbers in words: which figures a sentence holds, and which a source prints."""

from __future__ import annotations

import re
from decimal import Decimal

from cds.evidence.model import Source

_NUMBER = re.compile(r"(?<![A-Za-z0-9.])(?<![A-Za-z]-)\d+(?:,\d{3})*(?:\.\d+)?(?![A-Za-z]*\d)")


def numbers(text: str) -> set[Decimal]:
    """The numbers in a text; digits inside names such as CD34, ATA188 or beta-1a are not numbers."""
    return {Decimal(match.replace(",", "")).normalize() for match in _NUMBER.findall(text)}


def printed(source: Source) -> str:
    """Everything that a source says, as one text; not where it was read."""
    return source.model_dump_json(exclude={"id", "read_at", "identifiers"})
