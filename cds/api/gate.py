"""How many calls are answered at once: one more is told to come back, before queues grow (CH-HTTP-03)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cds.api import metrics
from cds.protocol.outcome import Issue, Refusal

RETRY_AFTER = {"Retry-After": "1"}


class Gate:
    """Counts the calls in flight in this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Hold a place while a call is answered. Raises `Refusal` (503) when there is none."""
        if self._inside >= self._limit:
            raise Refusal(503, (Issue("transient", "The service is busy."),), RETRY_AFTER)
        self._inside += 1
        metrics.IN_FLIGHT.inc()
        try:
            yield
        finally:
            self._inside -= 1
            metrics.IN_FLIGHT.dec()
