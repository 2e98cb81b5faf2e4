"""The orders drafted in a call, as they were sent: drafts are incomplete by nature, and nothing is validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from cds.fhir.bundles import read_value
from cds.fhir.codes import Concept
from cds.fhir.identity import Identified, addresses_of, bare_id, identify, newest, owner
from cds.fhir.medications import Drugs, drafted
from cds.fhir.references import Target
from cds.fhir.resources import Raw


class DraftOrder(Struct, frozen=True, kw_only=True):
    """One draft order of a hook's context. `raw` is as it was sent and need not be valid FHIR."""

    ref: str
    type: str
    concept: Concept
    status: str | None
    intent: str | None
    raw: Raw

    def __repr__(self) -> str:
        """Which order it is, and nothing of what it says."""
        return f"DraftOrder({self.ref})"


ORDER_TYPES = ("MedicationOrder", "MedicationRequest", "ProcedureRequest", "ReferralRequest", "ServiceRequest")
"""Order types in which a therapy can be drafted, with their names before FHIR R4."""


def read_drafts(raw: Any, patient_id: str | None = None) -> list[DraftOrder]:
    """The drafted orders in `context.draftOrders`: a Bundle, also without type, or one resource. Never raises.

    Drafts are incomplete by nature, so nothing is validated (CH-REQ-17, Q-SBX-10); a drug is resolved through contained and sibling
    Medications, else by the display of the reference. With `patient_id`, orders for another patient are dropped (CH-REQ-16).
    """
    sent = read_value(raw).sent
    items = [identify(item) for item in sent]
    addresses, own = addresses_of(zip((item.full_url for item in sent), items, strict=True)), bare_id(patient_id)
    drugs = {item.ref: Concept.of(item.raw.get("code")) for item in items if item.type == "Medication"}
    orders = [(item, owner(item, own, (), addresses)) for item in items if item.type in ORDER_TYPES]
    return sorted((_draft(item, drugs, addresses) for item, whose in newest(orders) if whose != "another"), key=lambda order: order.ref)


def _draft(item: Identified, drugs: Drugs, addresses: Mapping[str, Target]) -> DraftOrder:
    status, intent = (value if isinstance(value := item.raw.get(name), str) else None for name in ("status", "intent"))
    concept = drafted(item.raw, drugs, addresses)
    return DraftOrder(ref=item.ref, type=item.type, concept=concept, status=status, intent=intent, raw=item.raw)
