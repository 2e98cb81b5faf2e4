"""Numbers for operators, as Prometheus reads them. Labels come from configuration, never from a request.

Those with labels are called with them: `CALLS("ms-patient-view", "hospital", "cards").inc()`. Each combination is looked up once.
"""

from __future__ import annotations

import os
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CALLS = cache(Counter("ranvier_calls", "Service calls answered.", ("service", "client", "outcome")).labels)
SECONDS = cache(
    Histogram(
        "ranvier_call_seconds", "Time to answer a service call.", ("service",), buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4)
    ).labels
)
CARDS = cache(Counter("ranvier_cards", "Cards shown.", ("service", "topic")).labels)
FEEDBACK = cache(Counter("ranvier_feedback_calls", "Feedback calls answered.", ("service", "client", "status")).labels)
IN_FLIGHT = Gauge("ranvier_calls_in_flight", "Service calls being answered now.", multiprocess_mode="livesum")
FETCHES = cache(Counter("ranvier_fhir_requests", "Requests to FHIR servers.", ("outcome",)).labels)


def exposition() -> tuple[bytes, str]:
    """The metrics page and its content type; of all worker processes when PROMETHEUS_MULTIPROC_DIR is set."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
