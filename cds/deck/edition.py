"""Which content speaks."""

from __future__ import annotations

from datetime import date

from msgspec import Struct


class Edition(Struct, frozen=True):
    """The content's version, hash and review state; version and day are printed on every card (CH-SAFE-01).

    `one_list` is the one list of efficacy classes that a site reads, by name; empty where all are read together (F15).
    """

    version: str
    hash: str
    reviewed: date
    one_list: str = ""
