"""The synthetic patients as one FHIR store: every resource with an id of its own, references rewritten."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct

from cds.vignette.patients import SyntheticPatient

Resource = dict[str, Any]
ExportFormat = Literal["bundle", "transaction", "ndjson"]
ID_LIMIT = 64


class Store(Struct, frozen=True):
    """Resources by type and id, in the order of the patients."""

    resources: dict[str, dict[str, Resource]]

    def all(self) -> Iterator[Resource]:
        """Every resource."""
        for found in self.resources.values():
            yield from found.values()

    def of_patient(self, id: str) -> list[Resource]:
        """The patient and everything about them."""
        return [resource for resource in self.all() if patient_of(resource) == id]


def patient_of(resource: Resource) -> str | None:
    """Id of the patient a resource is about."""
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    for name in ("subject", "patient"):
        reference = resource.get(name, {}).get("reference", "")
        if reference.startswith("Patient/"):
            return str(reference.removeprefix("Patient/"))
    return None


def build(patients: Iterable[SyntheticPatient]) -> Store:
    """Expand the patients. Two patients may use one id for what they have; here every id is made their own."""
    found: dict[str, dict[str, Resource]] = {}
    for patient in patients:
        bundle = patient.expand().bundle
        resources = [entry["resource"] for entry in bundle.get("entry", ())]
        names = {f"{r['resourceType']}/{r['id']}": f"{r['resourceType']}/{_id(patient.id, r)}" for r in resources}
        for resource in resources:
            own = _rewritten(copy.deepcopy(resource), names)
            own["id"] = _id(patient.id, resource)
            if own["resourceType"] != "Patient" and patient_of(own) is None:
                own["subject"] = {"reference": f"Patient/{patient.id}"}
            found.setdefault(own["resourceType"], {})[own["id"]] = own
    return Store(found)


def _id(patient: str, resource: Resource) -> str:
    if resource["resourceType"] == "Patient":
        return patient
    full = f"{patient}.{resource['id']}"
    return full if len(full) <= ID_LIMIT else f"{full[: ID_LIMIT - 13]}-{hashlib.sha256(full.encode()).hexdigest()[:12]}"


def _rewritten(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: names.get(member, member) if name == "reference" and isinstance(member, str) else _rewritten(member, names)
            for name, member in value.items()
        }
    return [_rewritten(member, names) for member in value] if isinstance(value, list) else value


def export(store: Store, kind: ExportFormat) -> str:
    """All resources as one collection, as a transaction that any FHIR R4 server takes, or one a line."""
    if kind == "ndjson":
        return "".join(json.dumps(resource, ensure_ascii=False) + "\n" for resource in store.all())
    if kind == "bundle":
        document = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource} for resource in store.all()]}
    else:
        document = {"resourceType": "Bundle", "type": "transaction", "entry": [_put(resource) for resource in store.all()]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _put(resource: Resource) -> Resource:
    address = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"urn:ranvier:{address}", "resource": resource, "request": {"method": "PUT", "url": address}}
