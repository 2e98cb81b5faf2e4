"""Checks of what a service accepts and refuses in a request (contract 2.4)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from cds.probe import samples
from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.session import Change, Session

EPIC_SCOPE = (
    "Patient.Read (Demographics) (R4) patient/*.read launch openid fhirUser MedicationRequest.Search (Signed Medication Order) (R4)"
)
_HOSTILE = "1&_count=9999"


def _without(*path: str) -> Change:
    def change(body: dict[str, Any]) -> None:
        for name in path[:-1]:
            body = body[name]
        body.pop(path[-1], None)

    return change


def _set(value: Any, *path: str) -> Change:
    def change(body: dict[str, Any]) -> None:
        for name in path[:-1]:
            body = body[name]
        body[path[-1]] = value

    return change


def _refused(session: Session, cases: Mapping[str, Change | None]) -> Iterator[Seen]:
    for exchange in session.try_main(cases):
        yield Seen(exchange, _refusal_fault(session, exchange))


def _refusal_fault(session: Session, exchange: Exchange) -> str | None:
    """Strict: 400 (a 404 is judged by another check). Otherwise anything but a failure of the service."""
    if session.strict:
        return None if exchange.status in (400, 404) else "this must be refused with 400"
    return "a bad request must not break the service" if exchange.status == 0 or exchange.status >= 500 else None


def _accepted(session: Session, cases: Mapping[str, Change | None], why: str) -> Iterator[Seen]:
    for exchange in session.try_main(cases):
        yield Seen(exchange, None if exchange.status == 200 else why)


def not_json(session: Session) -> Iterator[Seen]:
    """What is not a JSON object is refused."""
    path = session.path(session.main)
    for what, content in {
        "half a JSON object": b'{"hook": ',
        "a JSON array": b"[]",
        "an empty body": b"",
        "no UTF-8": b'{"hook": "\xff"}',
    }.items():
        exchange = session.send("POST", path, what, content=content)
        yield Seen(
            exchange, _refusal_fault(session, exchange) or ("this is no request, yet it was answered" if exchange.status == 200 else None)
        )


def hook_required(session: Session) -> Iterator[Seen]:
    """A request without `hook`, or with another type, is refused."""
    yield from _refused(session, {"no hook": _without("hook"), "hook is a number": _set(7, "hook")})


def hook_matches(session: Session) -> Iterator[Seen]:
    """A request of another hook is refused."""
    offered = {entry["hook"] for entry in session.services if entry["id"] == session.main["id"]}
    other = next(hook for hook in ("order-sign", "patient-view", "encounter-discharge") if hook not in offered)
    yield from _refused(session, {f"the hook is {other}": _set(other, "hook")})


def instance_required(session: Session) -> Iterator[Seen]:
    """A request without `hookInstance`, or with another type, is refused."""
    yield from _refused(session, {"no hookInstance": _without("hookInstance"), "hookInstance is a number": _set(7, "hookInstance")})


def instance_forms(session: Session) -> Iterator[Seen]:
    """UUIDs of every version and case are accepted."""
    forms = {
        "version 1": "c232ab00-9414-11ec-b3c8-9f6bdeced846",
        "version 4": str(uuid.uuid4()),
        "version 7": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "capitals": str(uuid.uuid4()).upper(),
    }
    cases = {f"hookInstance: {name}": _set(value, "hookInstance") for name, value in forms.items()}
    yield from _accepted(session, cases, "a UUID of any version must be accepted as hookInstance")


def instance_repeats(session: Session) -> Iterator[Seen]:
    """One hookInstance may come twice."""
    change = _set("b2d91f4a-7c55-4c1e-8d19-3f6b1a0e5c77", "hookInstance")
    cases = {"a fixed hookInstance": change, "the same hookInstance again": change}
    yield from _accepted(session, cases, "a repeated hookInstance must be accepted")


def context_required(session: Session) -> Iterator[Seen]:
    """A request without context, or without a field that its hook requires, is refused."""
    cases: dict[str, Change | None] = {"no context": _without("context"), "context is an array": _set([], "context")}
    hook = samples.HOOKS.get(session.main["hook"])
    for name in hook.required if hook else ():
        cases[f"no context.{name}"] = _without("context", name)
        cases[f"context.{name} is a number"] = _set(7, "context", name)
    yield from _refused(session, cases)


def bad_request_is_not_404(session: Session) -> Iterator[Seen]:
    """A bad request is not 404, which clients read as `no such service`."""
    cases = {"no hook": _without("hook"), "no context": _without("context"), "no hookInstance": _without("hookInstance")}
    for exchange in session.try_main(cases):
        yield Seen(exchange, "a bad request must not be 404" if exchange.status == 404 else None)


def user_types(session: Session) -> Iterator[Seen]:
    """Users of every type that the hook allows are accepted."""
    if "userId" not in session.request(session.main).get("context", {}):
        raise NotApplicable("this hook has no user")
    types = ["Practitioner"] if session.profile == "1.0" else ["Practitioner", "PractitionerRole"]
    if session.main["hook"] in ("patient-view", "appointment-book"):
        types += ["Patient", "RelatedPerson"]
    cases = {f"a user who is a {name}": _set(f"{name}/probe-user", "context", "userId") for name in types}
    yield from _accepted(session, cases, "this type of user must be accepted")


def typed_ids(session: Session) -> Iterator[Seen]:
    """`Patient/123` as patient id gives the same as `123`."""
    patient = session.request(session.main)["context"].get("patientId", "")
    cases = {"patientId with its type": _set(f"Patient/{patient}", "context", "patientId")}
    yield from _accepted(session, cases, "a type before the id must be tolerated")


def long_ids(session: Session) -> Iterator[Seen]:
    """Ids of 200 characters, as Epic gives to draft orders, are accepted."""
    id = "e" * 200

    def orders(body: dict[str, Any]) -> None:
        order = {"resourceType": "ServiceRequest", "id": id, "status": "draft", "intent": "order", "code": {"text": "Probe order"}}
        body["context"]["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]}
        if "selections" in body["context"]:
            body["context"]["selections"] = [f"ServiceRequest/{id}"]

    change = orders if "draftOrders" in session.request(session.main)["context"] else _set(id, "context", "encounterId")
    yield from _accepted(session, {"an id of 200 characters": change}, "long ids must be accepted")


def _authorization(**changes: Any) -> Change:
    found = {"access_token": "probe", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read", "subject": "probe", **changes}

    def change(body: dict[str, Any]) -> None:
        body["fhirServer"] = samples.NO_SERVER
        body["fhirAuthorization"] = {name: value for name, value in found.items() if value is not ...}

    return change


def token_without_server(session: Session) -> Iterator[Seen]:
    """`fhirAuthorization` without `fhirServer` does not break the service."""

    def change(body: dict[str, Any]) -> None:
        _authorization()(body)
        del body["fhirServer"]

    for exchange in session.try_main({"fhirAuthorization without fhirServer": change}):
        yield Seen(exchange, None if exchange.status in (200, 400) else "must be ignored or refused with 400")


def incomplete_authorization(session: Session) -> Iterator[Seen]:
    """A token that lacks a member, or is blank, is treated as none."""
    cases: dict[str, Change | None] = {
        f"fhirAuthorization without {name}": _authorization(**{name: ...})
        for name in ("access_token", "token_type", "expires_in", "scope", "subject")
    }
    cases["a blank access_token"] = _authorization(access_token="")
    for exchange in session.try_main(cases):
        fine = exchange.status == 200 or (not session.strict and 400 <= exchange.status < 500)
        yield Seen(exchange, None if fine else "an incomplete fhirAuthorization must not matter when prefetch is complete")


def token_of_another(session: Session) -> Iterator[Seen]:
    """A token for another patient is not used, and does not break the service."""
    for exchange in session.try_main({"a token for another patient": _authorization(patient="another-patient")}):
        fine = exchange.status in (200, 400, 403, 412)
        yield Seen(exchange, None if fine else "a token for another patient must be left unused or refused")


def opaque_scope(session: Session) -> Iterator[Seen]:
    """Scopes are taken as they come: SMART v1, v2, and Epic's prose."""
    scopes = {"v1": "patient/*.read", "v2": "patient/Observation.rs", "Epic": EPIC_SCOPE}
    cases = {f"scope as in {name}": _authorization(scope=scope) for name, scope in scopes.items()}
    yield from _accepted(session, cases, "a request must not be refused for its scope")


def extensions(session: Session) -> Iterator[Seen]:
    """Extensions in the request are tolerated."""
    cases = {"an extension": _set({"com.epic.cdshooks.request.bpa-trigger-action": "23", "org.example.x": {"a": 1}}, "extension")}
    yield from _accepted(session, cases, "an extension must not lead to a refusal")


def unknown_members(session: Session) -> Iterator[Seen]:
    """Members nobody knows are ignored."""
    cases = {"an unknown member": _set(1, "probeUnknown"), "an unknown context field": _set({"a": 1}, "context", "probeUnknown")}
    yield from _accepted(session, cases, "unknown members must be ignored")


def without_optional_context(session: Session) -> Iterator[Seen]:
    """The optional context field `encounterId` may be missing."""
    hook = samples.HOOKS.get(session.main["hook"])
    if hook is None or "encounterId" not in hook.optional:
        raise NotApplicable("this hook has no optional encounter")

    def change(body: dict[str, Any]) -> None:
        body["context"].pop("encounterId", None)
        for key, template in samples.templates(session.main).items():
            if "context.encounterId" in template:
                body.get("prefetch", {}).pop(key, None)

    yield from _accepted(session, {"no encounterId": change}, "the service must work without the optional encounterId")


def hostile_id(session: Session) -> Iterator[Seen]:
    """A patient id that would add a parameter to a query is refused."""
    yield from _refused(session, {"a patientId that holds a query parameter": _set(_HOSTILE, "context", "patientId")})


def _patient_key(session: Session) -> str:
    for key, template in samples.templates(session.main).items():
        if template.replace(" ", "") == "Patient/{{context.patientId}}":
            return key
    raise NotApplicable("the service does not ask for the patient")


def other_patient(session: Session) -> Iterator[Seen]:
    """The Patient resource of somebody else is refused."""
    change = _set(samples.patient("somebody-else"), "prefetch", _patient_key(session))
    for exchange in session.try_main({"the Patient of somebody else": change}):
        yield Seen(exchange, None if exchange.status == 400 else "another person's Patient must be refused with 400")


def odd_fhir(session: Session) -> Iterator[Seen]:
    """FHIR of another version or with faults does not break the service."""
    searches = [key for key, template in samples.templates(session.main).items() if "?" in template]
    if not searches:
        raise NotApplicable("the service does not search")

    def change(body: dict[str, Any]) -> None:
        for key in searches:
            kind = samples.resource_type(samples.templates(session.main)[key])
            odd = {"resourceType": kind, "id": "odd", "category": {"text": "x"}, "code": "x", "onsetDateTime": 7, "subject": "x"}
            body["prefetch"][key] = {"resourceType": "Bundle", "entry": [{"resource": odd}]}

    yield from _accepted(session, {"resources with faults": change}, "resources with faults must not lead to a refusal by themselves")
