"""A small read-only FHIR R4 server over the synthetic patients. It is for demonstration, and says so in its CapabilityStatement."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cds.sandbox.access import Tokens
from cds.sandbox.store import Resource, Store, patient_of

MEDIA_TYPE = "application/fhir+json"
FORMATS = ("json", "application/json", "application/fhir+json")
PAGE = 200
MAX_PAGE = 1000
KEPT_REQUESTS = 500
DATES = (
    "effectiveDateTime",
    "effectivePeriod",
    "authoredOn",
    "performedDateTime",
    "performedPeriod",
    "onsetDateTime",
    "recordedDate",
    "period",
    "date",
)
"""Where the date of a resource stands; the first that is there counts."""
PARAMETERS = ("_id", "patient", "subject", "code", "category", "status", "clinical-status", "_sort", "_count", "_offset", "_format")
WARNING = "A demonstration over synthetic patients. Not for data of real people, and not a complete FHIR server."


class FhirError(Exception):
    """A request that is answered with an OperationOutcome."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class Asked(Struct, frozen=True):
    """One request that was answered: what for, with what status, and the patient whom its token opens, if it had one."""

    number: int
    line: str
    status: int
    patient: str | None


class FhirServer:
    """Read and search over one store. With `tokens`, every request but `metadata` needs one, and sees its patient only."""

    def __init__(self, store: Store, base: str, tokens: Tokens | None = None) -> None:
        self._store, self._base, self._tokens = store, base, tokens
        self._asked: deque[Asked] = deque(maxlen=KEPT_REQUESTS)
        self.count = 0

    def asked_since(self, count: int) -> list[Asked]:
        """The requests since there had been so many."""
        return [one for one in self._asked if one.number > count]

    def routes(self) -> list[Route]:
        """Every address of the server."""
        return [
            Route("/metadata", self._answer(lambda _: self.capabilities(), free=True)),
            Route("/Patient/{id}/$everything", self._answer(self._everything)),
            Route("/{type}/_search", self._answer(self._search), methods=["POST"]),
            Route("/{type}/{id}", self._answer(self._read)),
            Route("/{type}", self._answer(self._search)),
            Route("/{rest:path}", self._answer(self._nothing), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def _answer(self, make: Any, *, free: bool = False) -> Any:
        async def answer(request: Request) -> Response:
            try:
                form = await _form(request)
                request.state.parameters = [*request.query_params.multi_items(), *form]
                _check_format(dict(request.state.parameters))
                request.state.patient = None if free else self._authorized(request)
                reply = _reply(200, make(request))
            except FhirError as error:
                headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
                reply = _reply(error.status, outcome(error.code, error.text), headers)
            self._note(request, reply.status_code)
            return reply

        return answer

    def _note(self, request: Request, status: int) -> None:
        self.count += 1
        path = request.scope["path"].removeprefix(request.scope.get("root_path", "")).lstrip("/")
        query = f"?{request.url.query}" if request.url.query else ""
        self._asked.append(Asked(self.count, f"{request.method} {path}{query}", status, getattr(request.state, "patient", None)))

    def _authorized(self, request: Request) -> str | None:
        """The one patient whom the token opens; `None` on an open server. Raises `FhirError` 401."""
        if self._tokens is None:
            return None
        patient = self._tokens.patient(request.headers.get("authorization", ""))
        if patient is None:
            raise FhirError(401, "login", "A bearer token is needed.")
        return patient

    def _nothing(self, request: Request) -> Resource:
        if request.method != "GET":
            raise FhirError(405, "not-supported", "This server is read-only.")
        raise FhirError(404, "not-found", "There is nothing at this address.")

    def _type(self, request: Request) -> str:
        name: str = request.path_params["type"]
        if not (name.isalpha() and name[:1].isupper()):
            raise FhirError(404, "not-found", "There is no such resource type.")
        return name

    def _read(self, request: Request) -> Resource:
        resource = self._store.resources.get(self._type(request), {}).get(request.path_params["id"])
        if resource is None:
            raise FhirError(404, "not-found", "There is no such resource.")
        self._check_patient(request, patient_of(resource))
        return resource

    def _check_patient(self, request: Request, patient: str | None) -> None:
        if request.state.patient is not None and request.state.patient != patient:
            raise FhirError(403, "forbidden", "The token is for another patient.")

    def _everything(self, request: Request) -> Resource:
        id = request.path_params["id"]
        if id not in self._store.resources.get("Patient", {}):
            raise FhirError(404, "not-found", "There is no such patient.")
        self._check_patient(request, id)
        return self._page(request, f"Patient/{id}/$everything", self._store.of_patient(id))

    def _search(self, request: Request) -> Resource:
        kind = self._type(request)
        unknown = sorted({name.partition(":")[0] for name, _ in request.state.parameters} - set(PARAMETERS))
        modified = [name for name, _ in request.state.parameters if ":" in name]
        if unknown or modified:
            raise FhirError(
                400, "not-supported", f"Not supported here: {', '.join(unknown or modified)}. Supported: {', '.join(PARAMETERS)}."
            )
        found = [resource for resource in self._store.resources.get(kind, {}).values() if self._fits(resource, request.state.parameters)]
        if request.state.patient is not None:
            found = [resource for resource in found if patient_of(resource) == request.state.patient]
        return self._page(request, kind, _sorted(found, dict(request.state.parameters).get("_sort", "")))

    def _fits(self, resource: Resource, parameters: list[tuple[str, str]]) -> bool:
        for name, value in parameters:
            wanted = value.split(",")
            match name:
                case "_id":
                    fits = resource["id"] in wanted
                case "patient" | "subject":
                    fits = patient_of(resource) in [text.removeprefix(f"{self._base}/").removeprefix("Patient/") for text in wanted]
                case "status":
                    fits = resource.get("status") in wanted
                case "code":
                    fits = _has_code(resource.get("code") or resource.get("medicationCodeableConcept"), wanted)
                case "category":
                    fits = any(_has_code(concept, wanted) for concept in resource.get("category", []))
                case "clinical-status":
                    fits = _has_code(resource.get("clinicalStatus"), wanted)
                case _:
                    fits = True
            if not fits:
                return False
        return True

    def _page(self, request: Request, path: str, found: list[Resource]) -> Resource:
        """One page with links to itself and the next one."""
        parameters = [(name, value) for name, value in request.state.parameters if name not in ("_count", "_offset")]
        given = dict(request.state.parameters)
        count, offset = _number(given, "_count", PAGE), _number(given, "_offset", 0)
        count = min(count, MAX_PAGE)

        def link(relation: str, start: int) -> Resource:
            query = urlencode([*parameters, ("_count", count), *([("_offset", start)] if start else [])])
            return {"relation": relation, "url": f"{self._base}/{path}?{query}"}

        links = [link("self", offset)] + ([link("next", offset + count)] if count > 0 and offset + count < len(found) else [])
        shown = found[offset : offset + count]
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
        if shown:
            bundle["entry"] = [
                {"fullUrl": f"{self._base}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}} for r in shown
            ]
        return bundle

    def capabilities(self) -> Resource:
        """What the server can do, and what it is for."""
        kinds = [
            {
                "type": kind,
                "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": [
                    {"name": name, "type": _parameter_type(name)} for name in PARAMETERS if name == "_id" or not name.startswith("_")
                ],
            }
            for kind in sorted(self._store.resources)
        ]
        security = {"security": {"description": "A bearer token for one patient is needed."}} if self._tokens else {}
        everything = {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "experimental": True,
            "date": "2026-11-20",
            "kind": "instance",
            "implementation": {"description": WARNING, "url": self._base},
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [{"mode": "server", "documentation": WARNING, **security, "resource": kinds, "operation": [everything]}],
        }


def outcome(code: str, text: str) -> Resource:
    """An OperationOutcome with one issue."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "details": {"text": text}}]}


def _reply(status: int, document: Resource, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type=f"{MEDIA_TYPE}; fhirVersion=4.0")


async def _form(request: Request) -> list[tuple[str, str]]:
    if request.method != "POST" or not request.url.path.endswith("/_search"):
        return []
    return parse_qsl((await request.body()).decode("utf-8", "replace"))


def _check_format(parameters: Mapping[str, str]) -> None:
    wanted = parameters.get("_format", "json").replace(" ", "+")
    if wanted.partition(";")[0] not in FORMATS:
        raise FhirError(406, "not-supported", "This server answers in JSON only.")


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise FhirError(400, "invalid", f"{name} must be a whole number.")
    return int(text)


def _has_code(concept: Any, wanted: list[str]) -> bool:
    """Whether a concept has one of the codes, written `code`, `system|code` or `system|`."""
    for coding in concept.get("coding", []) if isinstance(concept, dict) else []:
        for token in wanted:
            system, bar, code = token.rpartition("|")
            if (not bar or coding.get("system", "") == system) and (code == coding.get("code") or (bar and not code)):
                return True
    return False


def _sorted(found: list[Resource], order: str) -> list[Resource]:
    if not order:
        return found
    if order.lstrip("-") != "date":
        raise FhirError(400, "not-supported", "Only _sort=date and _sort=-date are supported here.")
    return sorted(found, key=_date, reverse=order.startswith("-"))


def _date(resource: Resource) -> str:
    for name in DATES:
        value = resource.get(name)
        if value:
            return str(value.get("start", "") if isinstance(value, dict) else value)
    return ""


def _parameter_type(name: str) -> str:
    return "reference" if name in ("patient", "subject") else "token"
