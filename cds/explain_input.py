"""What `ranvier explain` accepts: a CDS Hooks request, a bare prefetch object, or a Bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cds.fhir.chart import Chart, draft_concepts
from cds.patient.orders import Trigger, read_orders
from cds.patient.read import Knowledge
from cds.protocol.discovery import PREFETCH

KEYS = {entry.key: entry.resource_type for entry in PREFETCH}
"""Prefetch key → resource type."""


class InputError(ValueError):
    """A file that is none of the three; the message says what was found."""


def read_input(raw: bytes, knowledge: Knowledge) -> tuple[Chart, Trigger]:
    """The chart and the trigger in a file. A Bundle or prefetch object is read as for patient-view."""
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InputError(f"not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    if not isinstance(data, dict):
        raise InputError("expected a JSON object: a CDS Hooks request, a prefetch object or a FHIR Bundle")
    if data.get("resourceType") == "Bundle":
        return Chart.from_bundle(data), Trigger(hook="patient-view")
    if "hook" in data or "context" in data:
        return chart_of_request(data, knowledge)
    if any(key in KEYS or _is_resource(value) for key, value in data.items()):
        return Chart.from_prefetch(data, None, KEYS), Trigger(hook="patient-view")
    raise InputError("expected a CDS Hooks request (with `hook`), a prefetch object or a FHIR Bundle; found none of their members")


def chart_of_request(request: Mapping[str, Any], knowledge: Knowledge) -> tuple[Chart, Trigger]:
    """Chart and trigger of a whole request, as the service itself would read them from prefetch."""
    context = request.get("context") if isinstance(request.get("context"), dict) else {}
    patient_id = context.get("patientId") if isinstance(context.get("patientId"), str) else None
    prefetch = request.get("prefetch") if isinstance(request.get("prefetch"), dict) else {}
    hook = request.get("hook") if isinstance(request.get("hook"), str) else "patient-view"
    orders = read_orders(draft_concepts(context.get("draftOrders")), context.get("selections"), knowledge.terminology, knowledge.rules.treatment)
    return Chart.from_prefetch(prefetch, patient_id, KEYS), Trigger(hook=hook, orders=orders)


def _is_resource(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("resourceType"), str)
