"""What a call brings: the chart in its prefetch, and the trigger in its hook and context (contract section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds.fhir.chart import Chart, refs_in
from cds.fhir.compiled import Make, compiled
from cds.fhir.drafts import read_drafts
from cds.patient.orders import Trigger, read_orders
from cds.patient.read import Knowledge
from cds.protocol.discovery import PREFETCH

KEYS = {entry.key: entry.resource_type for entry in PREFETCH}
"""Prefetch key → resource type."""
ADDED = "context.conditions"
"""Where Conditions of problem-list-item-create ride along; no prefetch key, so that it answers no question."""


def read_call(
    hook: str,
    patient_id: str | None,
    prefetch: Mapping[str, Any],
    knowledge: Knowledge,
    *,
    draft_orders: Any = None,
    selections: Any = None,
    conditions: Any = None,
    patient: bool = True,
    make: Make = compiled,
) -> tuple[Chart, Trigger]:
    """The chart and the trigger of a call. Never raises on received data.

    order-select looks at what was selected, order-sign at every draft. Conditions just put on the problem list belong to the chart; the
    trigger keeps the chart as it was before them. With `patient=False` the Patient may be left aside, for `Chart.with_patient` to read;
    `make` makes the fhir.resources objects.
    """
    if hook == "problem-list-item-create":
        chart = Chart.from_prefetch({**prefetch, ADDED: conditions}, patient_id, KEYS, make=make)
        return chart, Trigger(hook=hook, before=chart.without(refs_in(conditions)))
    picked = selections if hook == "order-select" else None
    orders = read_orders(read_drafts(draft_orders, patient_id), picked, knowledge.terminology, knowledge.rules.treatment)
    return Chart.from_prefetch(prefetch, patient_id, KEYS, patient=patient, make=make), Trigger(hook=hook, orders=orders)
