"""The one opening between the wire and the house below: what was received goes down, cards come up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import orjson
from msgspec import Struct

from cds.protocol.card import Card
from cds.protocol.request import HookCall
from cds.three_valued import Truth


class Opinion(Struct, frozen=True):
    """The cards for one chart.

    `applies`: whether the service has anything to say on such a patient at all; unknown when the chart does not tell.
    `settled`: it does not apply, and nothing that could still be fetched would change that (CH-PERF-03).
    """

    cards: tuple[Card, ...]
    applies: Truth
    settled: bool = False


class Core(Struct, frozen=True):
    """What the wire needs of the content: its version and hash, the hooks it answers, and the advice itself.

    `advise` takes the call, the prefetch values by key and the day. `loads` decodes the body of a call and may leave out prefetched
    resources that change no advice.
    """

    version: str
    hash: str
    hooks: frozenset[str]
    advise: Callable[[HookCall, Mapping[str, Any], date], Opinion]
    loads: Callable[[bytes], Any] = orjson.loads
    signed: tuple[int, int] | None = None
    """Where only cards that were signed off are shown: how many were, of how many."""
