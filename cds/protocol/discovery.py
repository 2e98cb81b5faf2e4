"""What Ranvier offers: the services, the prefetch keys, and the discovery document (contract 2.2 and 2.5)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

SPECIFICATION_VERSION = "2.0.1"
"""Version of the CDS Hooks specification that is implemented (CH-DISC-08)."""


class PrefetchKey(Struct, frozen=True):
    """One key that Ranvier asks for: the FHIR type it holds and its query, in the portable subset of contract 2.5."""

    key: str
    resource_type: str
    template: str
    required: bool = False

    @property
    def is_read(self) -> bool:
        """Whether the template reads one resource (else it searches)."""
        return "?" not in self.template


def _search(key: str, resource_type: str, parameters: str = "&_count=200", required: bool = False) -> PrefetchKey:
    return PrefetchKey(key, resource_type, f"{resource_type}?patient={{{{context.patientId}}}}{parameters}", required)


PREFETCH: tuple[PrefetchKey, ...] = (
    PrefetchKey("patient", "Patient", "Patient/{{context.patientId}}", required=True),
    _search("conditions", "Condition", required=True),
    _search("medicationRequests", "MedicationRequest"),
    _search("medicationStatements", "MedicationStatement"),
    _search("medicationAdministrations", "MedicationAdministration"),
    _search("observations", "Observation", "&_sort=-date&_count=500"),
    _search("procedures", "Procedure"),
    _search("allergies", "AllergyIntolerance"),
)
"""The keys of every service. Only those that decide whether the service applies are required (CH-412-03)."""

PREFETCH_BY_KEY = {entry.key: entry for entry in PREFETCH}
KEY_OF_TYPE = {entry.resource_type: entry.key for entry in PREFETCH}
"""Sites that type in their keys by hand often take the bare type name."""


class Service(Struct, frozen=True):
    """One service: the id in its address, the hook it answers, and what a person reads about it."""

    id: str
    hook: str
    title: str
    description: str


SERVICES: tuple[Service, ...] = (
    Service(
        "ms-patient-view",
        "patient-view",
        "MS therapy evidence",
        "Informational cards with citations on disease-modifying therapy, autologous hematopoietic stem-cell transplantation "
        "and other cell therapies, for patients with multiple sclerosis, when the chart is opened.",
    ),
    Service(
        "ms-encounter-start",
        "encounter-start",
        "MS therapy evidence at the start of an encounter",
        "Informational cards with citations on disease-modifying therapy, autologous hematopoietic stem-cell transplantation "
        "and other cell therapies, for patients with multiple sclerosis, when an encounter begins.",
    ),
    Service(
        "ms-order-select",
        "order-select",
        "MS therapy evidence for a selected order",
        "Evidence with citations on an MS drug or transplantation that was just selected. Silent for other orders.",
    ),
    Service(
        "ms-order-sign",
        "order-sign",
        "MS safety evidence before signing",
        "What the chart holds that bears on the safety of an MS drug or transplantation about to be signed. Silent for other orders.",
    ),
    Service(
        "ms-problem-list",
        "problem-list-item-create",
        "MS therapy evidence for a new diagnosis",
        "Informational cards with citations when multiple sclerosis is put on the problem list.",
    ),
)

USAGE_REQUIREMENTS = (
    "FHIR R4. Adults with multiple sclerosis; informational, read-only. Needs prefetch, or fhirServer with an access token. "
    "Only patient and conditions are required; every other key makes the answer more specific."
)


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ServiceEntry(_Wire):
    """One service in the discovery document."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    hook: str = Field(min_length=1, max_length=64)
    title: str
    description: str
    usage_requirements: str
    version: str
    prefetch: dict[str, str]
    extension: dict[str, Any]


class Discovery(_Wire):
    """Answer of `GET /cds-services`."""

    services: list[ServiceEntry]


class DiscoveryDocument(Struct, frozen=True):
    """The discovery answer as it is sent: the bytes and their strong entity tag (CH-DISC-13)."""

    body: bytes
    etag: str


def discovery_document(
    services: Iterable[Service], content_version: str, content_hash: str, signed: tuple[int, int] | None = None
) -> DiscoveryDocument:
    """Render discovery once; the same services and content give the same bytes.

    `signed` says, where only signed cards are shown, how many are, of how many.
    """
    prefetch = {entry.key: entry.template for entry in PREFETCH}
    about: dict[str, Any] = {"contentVersion": content_version, "contentHash": content_hash, "fhirVersions": ["4.0.1"]}
    if signed is not None:
        about["signOff"] = {"required": True, "signedCards": signed[0], "cards": signed[1]}
    extension = {"org.ranvier.discovery": about}
    document = Discovery(
        services=[
            ServiceEntry(
                id=service.id,
                hook=service.hook,
                title=service.title,
                description=service.description,
                usage_requirements=USAGE_REQUIREMENTS,
                version=SPECIFICATION_VERSION,
                prefetch=prefetch,
                extension=extension,
            )
            for service in services
        ]
    )
    body = orjson.dumps(document.model_dump(by_alias=True))
    return DiscoveryDocument(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
