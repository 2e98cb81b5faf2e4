"""What is kept of one call: one log line and a few counts, without patient data (CH-SEC-15, CH-SEC-19)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, field

from cds.api import metrics
from cds.log import log, place_of
from cds.protocol.card import Card

Outcome = Literal["cards", "silent", "dataUnavailable", "refused", "overloaded", "failed", "gone"]


class CallRecord(Struct):
    """One service call, filled while it is answered. Only words of ours: ids of services and clients, topics, warning names.

    `cards`: as they were sent; `made`: as they were before the client's profile took something away. `seconds`: how long it took, once
    it is written.
    """

    request_id: str
    service: str = "unknown"
    client: str = "unknown"
    outcome: Outcome = "failed"
    status: int = 500
    cards: Sequence[Card] = ()
    made: Sequence[Card] = ()
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    started: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0

    def refused(self, status: int) -> None:
        """Note a refusal by its HTTP status."""
        self.status = status
        self.outcome = "dataUnavailable" if status == 412 else "overloaded" if status in (429, 503) else "refused"

    def gone(self) -> None:
        """Note that the client left before its request was complete."""
        self.status, self.outcome = 499, "gone"

    def failed(self, error: Exception) -> None:
        """Note a fault of our own: what and where, not the message."""
        self.status, self.outcome, self.error = 500, "failed", place_of(error)

    def answered(self, cards: Sequence[Card]) -> None:
        """Note a success."""
        self.status, self.cards, self.outcome = 200, cards, "cards" if cards else "silent"

    def write(self, content_hash: str) -> None:
        """Log the call in one line and count it."""
        self.seconds = time.perf_counter() - self.started
        topics = [card.source.topic.code for card in self.cards]
        metrics.CALLS(self.service, self.client, self.outcome).inc()
        metrics.SECONDS(self.service).observe(self.seconds)
        for topic in topics:
            metrics.CARDS(self.service, topic).inc()
        line = log.error if self.outcome == "failed" else log.info
        line(
            "call",
            service=self.service,
            client=self.client,
            outcome=self.outcome,
            status=self.status,
            ms=round(self.seconds * 1000, 1),
            topics=topics,
            warnings=self.warnings,
            content=content_hash[:12],
            request_id=self.request_id,
            **({"error": self.error} if self.error else {}),
        )
