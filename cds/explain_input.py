"""What `ranvier explain` accepts: a CDS Hooks request, a bare prefetch object, or a Bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cds.calls import KEYS, read_call
from cds.fhir.chart import Chart
from cds.mendable import MendableError
from cds.patient.orders import Trigger
from cds.patient.read import Knowledge


class InputError(MendableError, ValueError):
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
    context, prefetch = _object(request.get("context")), _object(request.get("prefetch"))
    hook, patient_id = request.get("hook"), context.get("patientId")
    return read_call(
        hook if isinstance(hook, str) else "patient-view",
        patient_id if isinstance(patient_id, str) else None,
        prefetch,
        knowledge,
        draft_orders=context.get("draftOrders"),
        selections=context.get("selections"),
        conditions=context.get("conditions"),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_resource(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("resourceType"), str)
