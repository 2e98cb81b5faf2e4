"""The OpenAPI description: the CDS Hooks addresses from the protocol models, everything else from its FastAPI routes.

`openapi.yaml` at the top of the project is this document (`python -m cds.app > openapi.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import orjson
import yaml
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, create_model
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from cds.api import examples
from cds.protocol.card import CdsResponse
from cds.protocol.discovery import Discovery, Service
from cds.protocol.feedback import Feedback
from cds.protocol.outcome import OperationOutcome
from cds.protocol.request import CONTEXTS, HookRequest

API_VERSION = "1.0.0"
"""Version of the HTTP interface, not of the software."""

_REF = "#/components/schemas/{model}"

_ERRORS = {
    "400": ("The request is malformed or invalid.", examples.BAD_REQUEST),
    "401": ("The client's token is missing or was not accepted.", examples.UNAUTHENTICATED),
    "403": ("The client may not call this service.", examples.FORBIDDEN),
    "408": ("The body did not arrive in time.", examples.TOO_SLOW),
    "412": (
        "Data without which nobody can say whether the service applies are neither in the request nor could be fetched.",
        examples.INCOMPLETE,
    ),
    "413": ("The body is too large.", examples.TOO_LARGE),
    "415": ("The body is not declared as JSON.", examples.NOT_JSON),
    "500": ("The service failed.", examples.FAILED),
    "503": ("The service is busy; `Retry-After` says when to try again.", examples.BUSY),
}


def openapi(routes: Sequence[BaseRoute], services: Iterable[Service]) -> dict[str, Any]:
    """The whole description, for these routes and services."""
    services = list(services)
    document = get_openapi(
        title="Ranvier",
        version=API_VERSION,
        description="CDS Hooks service for multiple sclerosis: informational cards in which every statement carries its citation.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=routes,
    )
    requests = {service.hook: _request_model(service.hook) for service in services}
    models: list[type[BaseModel]] = [Discovery, CdsResponse, Feedback, OperationOutcome, *requests.values()]
    names, definitions = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    paths = {"/cds-services": {"get": _discovery(names[(Discovery, "validation")])}}
    for service in services:
        paths[f"/cds-services/{service.id}"] = {
            "post": _call(service, names[(requests[service.hook], "validation")], names[(CdsResponse, "validation")])
        }
    paths["/cds-services/{service}/feedback"] = {"post": _feedback([service.id for service in services], names[(Feedback, "validation")])}
    schemas = definitions.get("$defs", {}) | document.get("components", {}).get("schemas", {})
    document["paths"] = paths | _operations() | document.get("paths", {})
    document["components"] = document.get("components", {}) | {
        "schemas": dict(sorted(schemas.items())),
        "securitySchemes": {
            "clientToken": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The CDS client's JWT (CDS Hooks, trusting CDS clients).",
            }
        },
    }
    return document


def as_yaml(document: dict[str, Any]) -> str:
    """The document as it is committed."""
    plain = orjson.loads(orjson.dumps(document))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)


def _request_model(hook: str) -> type[BaseModel]:
    """The request of one hook: its name and its context are fixed."""
    name = "".join(word.capitalize() for word in hook.split("-")) + "Request"
    members: dict[str, Any] = {"hook": (Literal[hook], ...), "context": (CONTEXTS[hook], ...)}
    return create_model(name, __base__=HookRequest, __doc__=f"Call of the hook {hook}.", **members)


def _discovery(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "discovery",
        "summary": "The services offered",
        "tags": ["CDS Hooks"],
        "security": [{}, {"clientToken": []}],
        "parameters": [{"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "The services.", "headers": {"ETag": {"schema": {"type": "string"}}}, "content": _json(schema)},
            "304": {"description": "Not changed since the version that the client has."},
            "401": _error("401"),
            "500": _error("500"),
        },
    }


def _call(service: Service, request: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": service.id,
        "summary": service.title,
        "description": service.description,
        "tags": ["CDS Hooks"],
        "security": [{}, {"clientToken": []}],
        "requestBody": {"required": True, "content": _json(request, {service.hook: examples.request(service.hook)})},
        "responses": {
            "200": {
                "description": "The cards, possibly none.",
                "content": _json(response, {"cards": examples.CARDS, "nothing to say": examples.NO_CARDS}),
            },
            **{status: _error(status) for status in _ERRORS},
        },
    }


def _feedback(services: list[str], report: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "feedback",
        "summary": "What became of cards",
        "description": "Acknowledged only when it is stored for good; sending it again does no harm. Where one entry is faulty, the others "
        "are kept, unless the client's profile is strict. Epic's `overrideReasons` is read like `overrideReason`.",
        "tags": ["CDS Hooks"],
        "security": [{}, {"clientToken": []}],
        "parameters": [{"name": "service", "in": "path", "required": True, "schema": {"type": "string", "enum": services}}],
        "requestBody": {"required": True, "content": _json(report, examples.FEEDBACK)},
        "responses": {
            "200": {"description": "Stored. The body is empty."},
            **{status: _error(status) for status in _ERRORS if status not in ("400", "412")},
            "400": _outcome("The body, or some of its entries, cannot be read.", examples.FAULTY_ENTRY),
            "404": _outcome("There is no such service.", examples.UNKNOWN_SERVICE),
        },
    }


def _operations() -> dict[str, Any]:
    def get(name: str, summary: str, media_type: str) -> dict[str, Any]:
        content = {media_type: {"schema": {"type": "object" if media_type.endswith("json") else "string"}}}
        return {
            "get": {
                "operationId": name,
                "summary": summary,
                "tags": ["Operation"],
                "responses": {"200": {"description": summary, "content": content}},
            }
        }

    return {
        "/healthz": get("healthz", "Whether the process answers", "application/json"),
        "/readyz": get("readyz", "Whether content is loaded, and which", "application/json"),
        "/metrics": get("metrics", "Counts and times for Prometheus", "text/plain"),
    }


def _json(schema: dict[str, Any], named: dict[str, Any] | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if named:
        content["examples"] = {name: {"value": value} for name, value in named.items()}
    return {"application/json": content}


def _error(status: str) -> dict[str, Any]:
    return _outcome(*_ERRORS[status])


def _outcome(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _json({"$ref": _REF.format(model="OperationOutcome")}, {"outcome": example})}
