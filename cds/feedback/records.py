"""The kinds of rows that are kept. Tuples, because two of them are made while a call is answered.

Times are aware and in UTC. Nothing here names or describes a patient.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cds.mendable import MendableError


class RecordError(MendableError, RuntimeError):
    """The record cannot be read; the message says why and what to do."""


class Call(NamedTuple):
    """One service call. `outcome`: cards, silent, dataUnavailable, refused, overloaded, failed or gone; `topics`: of its cards."""

    id: str
    at: datetime
    service: str
    client: str
    outcome: str
    status: int
    topics: str
    content_hash: str
    duration_ms: float


class Shown(NamedTuple):
    """One card that was sent; `summary` is the id of the evidence summary it shows."""

    card: str
    at: datetime
    service: str
    client: str
    topic: str
    summary: str
    content_version: str
    content_hash: str


class Feedback(NamedTuple):
    """What a client reported of one card; the first four make the key, so that a repeated report is one record (CH-FB-07).

    `card`: the uuid of a card, or a digest of what was sent instead of one. `comment`: encrypted (`cds.feedback.comments`), only where a
    site keeps it.
    """

    service: str
    card: str
    outcome: str
    outcome_at: datetime
    client: str
    received_at: datetime
    reason_code: str | None = None
    reason_system: str | None = None
    reason_display: str | None = None
    suggestions: str | None = None
    comment: str | None = None


class Signature(NamedTuple):
    """One decision of one reviewer on one card at one state of its content. `account`: who the proxy says it was, empty without one."""

    id: str
    at: datetime
    card: str
    content_hash: str
    content_version: str
    decision: str
    reviewer: str
    role: str
    account: str
    comment: str
    signed: str
