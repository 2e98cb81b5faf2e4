"""The CDS Hooks request: strict JSON in, a checked `HookCall` out (contract 2.4 and section 3).

Two profiles: `interop` tolerates what real clients get wrong and notes a warning; `strict` refuses it.
No issue repeats a value of the request; the request may hold patient data and tokens (CH-ERR-02).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

import orjson
from msgspec import Struct, field
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from cds.protocol.outcome import Issue, bad_request
from cds.protocol.profiles import Checks

_UUID = re.compile(r"(urn:uuid:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,512}")
_USER = re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9._-]{1,512}")
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Reading(Struct):
    """How one request is read: the profile, and the names of tolerated faults, which are safe to log."""

    checks: Checks = "interop"
    warnings: list[str] = field(default_factory=list)

    def tolerate(self, warning: str, message: str, kind: Literal["refused", "missing"] = "refused") -> None:
        """Note the fault, or refuse it in the strict profile."""
        if self.checks == "strict":
            raise PydanticCustomError(kind, "{reason}", {"reason": message})
        self.warnings.append(warning)


def _reading(info: ValidationInfo) -> Reading:
    return cast(Reading, info.context)


def _fault(message: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{reason}", {"reason": message})


def _bare_id(*types: str) -> BeforeValidator:
    """A bare id; `Patient/123` is tolerated by stripping the type (CH-REQ-07, CH-REQ-08, CH-FHIR-07)."""

    def strip(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for resource_type in types:
            value = value.removeprefix(f"{resource_type}/")
        if not _ID.fullmatch(value) or not value.strip("."):
            raise _fault("is not a FHIR id (letters, digits, '.', '_' and '-', at most 512)")
        return value

    return BeforeValidator(strip)


def _hook_instance(value: str, info: ValidationInfo) -> str:
    if not _UUID.fullmatch(value):
        _reading(info).tolerate("hookInstance-not-uuid", "must be a UUID")
    return value


def _user_id(value: str, info: ValidationInfo) -> str:
    if not _USER.fullmatch(value):
        _reading(info).tolerate(
            "userId-not-reference", "must be Practitioner, PractitionerRole, Patient or RelatedPerson, a slash, and an id"
        )
    return value


def _bundle(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("resourceType") != "Bundle":
        raise _fault("must be a Bundle")
    return value


PatientId = Annotated[StrictStr, _bare_id("Patient")]
EncounterId = Annotated[StrictStr, _bare_id("Encounter")]
Bundle = Annotated[dict[str, Any], AfterValidator(_bundle)]


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="ignore", frozen=True)


class Context(_Wire):
    """Context of patient-view: who looks at whose chart."""

    user_id: Annotated[StrictStr, Field(min_length=1), AfterValidator(_user_id)]
    patient_id: PatientId
    encounter_id: EncounterId | None = None


class EncounterContext(Context):
    """Context of encounter-start."""

    encounter_id: EncounterId


class OrderSignContext(Context):
    """Context of order-sign: the orders about to be signed."""

    draft_orders: Bundle


def _selections(value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
    if value is None:
        _reading(info).tolerate("selections-missing", "is required", "missing")
    return value


class OrderSelectContext(OrderSignContext):
    """Context of order-select: the unsigned orders, and those just picked (`Type/id`); without these, all unsigned ones count."""

    selections: Annotated[
        tuple[StrictStr, ...] | None,
        Field(default=None, validate_default=True),
        AfterValidator(_selections),
        WithJsonSchema({"type": "array", "items": {"type": "string"}, "description": "Required by CDS Hooks; without, all drafts count"}),
    ]


class ProblemListContext(Context):
    """Context of problem-list-item-create: the Conditions just put on the problem list."""

    conditions: Bundle


CONTEXTS: dict[str, type[Context]] = {
    "patient-view": Context,
    "encounter-start": EncounterContext,
    "order-select": OrderSelectContext,
    "order-sign": OrderSignContext,
    "problem-list-item-create": ProblemListContext,
}
"""The context of every hook that can be served. A new hook is one line here and one in `discovery.SERVICES`."""


class FhirAuthorization(BaseModel):
    """The client's FHIR access token, for this call only (CH-REQ-11, CH-FHIR-03)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    access_token: Annotated[StrictStr, Field(min_length=1, repr=False)]
    token_type: Annotated[StrictStr, Field(min_length=1)]
    expires_in: int
    scope: Annotated[StrictStr, Field(min_length=1)]
    subject: Annotated[StrictStr, Field(min_length=1)]
    patient: StrictStr | None = None


class HookRequest(_Wire):
    """The body of a service call as clients send it; `context` depends on the hook."""

    hook: Annotated[StrictStr, Field(min_length=1)]
    hook_instance: Annotated[StrictStr, Field(min_length=1), AfterValidator(_hook_instance)]
    context: dict[str, Any]
    fhir_server: Annotated[
        Any, WithJsonSchema({"type": "string", "format": "uri", "description": "Base of the client's FHIR R4 server"})
    ] = None
    fhir_authorization: Annotated[Any, WithJsonSchema(FhirAuthorization.model_json_schema())] = None
    prefetch: dict[str, Any] | None = None
    extension: Annotated[Any, WithJsonSchema({"type": "object"})] = None


class HookCall(Struct, frozen=True):
    """A request that passed its checks. `prefetch` holds the values as received, under the keys as received."""

    hook: str
    context: Context
    prefetch: dict[str, Any]
    fhir_server: str | None
    authorization: FhirAuthorization | None
    warnings: tuple[str, ...]
    accept_language: str = ""
    """The header in which the client says which language it wants."""


def read_call(body: bytes, hook: str, checks: Checks = "interop", loads: Callable[[bytes], Any] = orjson.loads) -> HookCall:
    """Check the body of a call to the service that answers `hook`. `loads` decodes JSON; it may leave out prefetched resources.

    Raises `Refusal` (400): JSON, then envelope, then hook match, then context (CH-HTTP-08).
    """
    document = decode(body, loads)
    reading = Reading(checks)
    try:
        request = HookRequest.model_validate(document, context=reading)
    except ValidationError as error:
        raise bad_request(*_issues(error)) from None
    if request.hook != hook:
        raise bad_request(_wrong_hook(request.hook, hook))
    try:
        context = CONTEXTS[hook].model_validate(request.context, context=reading)
    except ValidationError as error:
        raise bad_request(*_issues(error, "context")) from None
    if request.extension is not None and not isinstance(request.extension, dict):
        reading.warnings.append("extension-not-object")
    server, authorization = _fhir_access(request, context, reading)
    return HookCall(hook, context, request.prefetch or {}, server, authorization, tuple(reading.warnings))


def decode(body: bytes, loads: Callable[[bytes], Any] = orjson.loads) -> dict[str, Any]:
    """Strict JSON to an object: UTF-8 without BOM, no NaN or infinity, at most 1,024 levels deep (CH-GEN-04, CH-HTTP-09)."""
    try:
        document = loads(body)
    except orjson.JSONDecodeError as error:
        reason = "The body is nested too deeply." if "depth" in error.msg else "The body is not valid JSON."
        raise bad_request(Issue("structure", reason)) from None
    if not isinstance(document, dict):
        raise bad_request(Issue("structure", "The body must be a JSON object."))
    return document


def _fhir_access(request: HookRequest, context: Context, reading: Reading) -> tuple[str | None, FhirAuthorization | None]:
    """Where and with what to fetch: (server, token). A token that is faulty or for another patient is not used (CH-REQ-09 to -12)."""
    server = _server(request.fhir_server)
    if request.fhir_server is not None and server is None:
        _tolerate(reading, "fhirServer-invalid", "fhirServer", "must be an absolute http or https address")
    if request.fhir_authorization is None:
        return server, None
    if server is None:
        _tolerate(reading, "fhirAuthorization-without-fhirServer", "fhirServer", "is required with fhirAuthorization")
        return None, None
    try:
        authorization = FhirAuthorization.model_validate(request.fhir_authorization)
    except ValidationError:
        reading.warnings.append("fhirAuthorization-incomplete")
        return server, None
    if authorization.token_type.lower() != "bearer" or not _TOKEN.fullmatch(authorization.access_token):
        reading.warnings.append("fhirAuthorization-unusable")
        return server, None
    if authorization.patient is not None and authorization.patient.removeprefix("Patient/") != context.patient_id:
        reading.warnings.append("fhirAuthorization-other-patient")
        return server, None
    return server, authorization


def _server(value: Any) -> str | None:
    """The FHIR base address without a trailing slash, or `None` if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not usable or "@" in parts.netloc or parts.query or parts.fragment or not re.fullmatch(r"[\x21-\x7e]+", value):
        return None
    return value.rstrip("/")


def _tolerate(reading: Reading, warning: str, where: str, message: str) -> None:
    try:
        reading.tolerate(warning, message)
    except PydanticCustomError:
        raise bad_request(Issue("invalid", f"{where} {message}.", where)) from None


def _wrong_hook(received: str, expected: str) -> Issue:
    named = f"'{received}'" if received in CONTEXTS else "another hook"
    return Issue("invalid", f"This service answers the hook '{expected}'; the request names {named}.", "hook")


_MEMBERS = frozenset(
    name
    for fields in (HookRequest.model_fields, *(model.model_fields for model in CONTEXTS.values()))
    for name in (info.alias or python_name for python_name, info in fields.items())
)


def _issues(error: ValidationError, prefix: str = "") -> Sequence[Issue]:
    return [_issue(details, prefix) for details in error.errors(include_url=False, include_input=False)]


def _issue(details: ErrorDetails, prefix: str) -> Issue:
    path = [prefix] if prefix else []
    path += [str(part) for part in details["loc"] if part in _MEMBERS or isinstance(part, int)]
    where = ".".join(path) or "request"
    match details["type"]:
        case "missing":
            return Issue("required", f"{where} is required.", where)
        case "string_type":
            return Issue("structure", f"{where} must be a string.", where)
        case "dict_type" | "model_type":
            return Issue("structure", f"{where} must be an object.", where)
        case "tuple_type":
            return Issue("structure", f"{where} must be an array.", where)
        case "refused":
            return Issue("invalid", f"{where} {details['msg']}.", where)
        case _:
            return Issue("invalid", f"{where} is not valid.", where)
