"""`POST /cds-services/{id}`: from bytes to cards (contract 2.3 to 2.9).

envelope → prefetch keys, completed from the FHIR server → advice → cards. Checks run in the order of CH-HTTP-08; whatever goes
wrong is an OperationOutcome, never an empty list of cards (CH-412-05).
"""

from __future__ import annotations

import time

from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from cds.api.audit import audit
from cds.api.client_auth import Identity
from cds.api.core import Opinion
from cds.api.fetch import FhirAccess, complete, fhir_access
from cds.api.frame import framed
from cds.api.guard import REQUEST_ID
from cds.api.limits import check_client_is_there, check_declared_size, check_media_type, check_post, header, read_body
from cds.api.prefetch import Answers, Status, incomplete, read_answers, require
from cds.api.record import CallRecord
from cds.api.reply import Reply, json_reply, send_reply
from cds.api.runtime import Runtime
from cds.protocol.card import Card, encode, for_client
from cds.protocol.discovery import Service
from cds.protocol.outcome import Issue, Refusal
from cds.protocol.request import HookCall, read_call

NO_STORE = {"Cache-Control": "no-store"}
"""Answers rest on patient data (CH-RESP-06)."""


async def answer_call(runtime: Runtime, service_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one service call, whatever happens; then, when nobody waits any more, leave one log line and one audit event."""
    record = CallRecord(scope[REQUEST_ID])

    async def answer() -> Reply:
        cards = await _cards(runtime, service_id, scope, receive, record)
        body = encode(cards)
        record.answered(cards)
        return json_reply(body, NO_STORE)

    try:
        await send_reply(await framed(record, runtime.gate, answer), scope, send)
    finally:
        record.write(runtime.core.hash)
        audit(runtime.store, record, runtime.core)


async def _cards(runtime: Runtime, service_id: str, scope: Scope, receive: Receive, record: CallRecord) -> tuple[Card, ...]:
    settings = runtime.settings
    check_declared_size(scope, settings.max_body_bytes)
    identity = await runtime.auth.identify(scope, f"/cds-services/{service_id}")
    record.client = identity.id
    service = find_service(runtime, service_id, identity)
    record.service = service.id
    check_post(scope)
    check_media_type(scope)
    body = await read_body(receive, settings.max_body_bytes, settings.body_seconds)
    received_at = time.monotonic()
    async with runtime.turns:
        await check_client_is_there(receive)
        read = read_call(body, service.hook, identity.caller.rules.checks, runtime.core.loads)
        call = replace(read, accept_language=header(scope, b"accept-language") or "")
        record.warnings.extend(call.warnings)
        answers = read_answers(call.prefetch, call.context.patient_id, identity.caller.aliases)
        record.warnings.extend(answers.warnings)
        access = fhir_access(call, identity.caller, runtime.reader, settings, received_at)
        if not isinstance(access, FhirAccess):
            require(answers, call.context.patient_id, {}, access)
            opinion = runtime.core.advise(call, answers.values, runtime.today())
    if isinstance(access, FhirAccess):
        try:
            opinion = await _completed(runtime, receive, call, answers, access)
        finally:
            record.warnings.extend(f"fhir-{key}: {reason}" for key, reason in access.trouble.items())
    if opinion.applies is None and answers.status["conditions"] is Status.PARTIAL:
        raise incomplete("prefetch key 'conditions': only a part of it could be read")
    record.made = opinion.cards
    return tuple(for_client(card, identity.caller.rules) for card in opinion.cards)


async def _completed(runtime: Runtime, receive: Receive, call: HookCall, answers: Answers, access: FhirAccess) -> Opinion:
    """Complete what decides, then the rest unless it could change nothing (CH-PD-01, CH-PERF-03), and ask the core."""
    patient_id = call.context.patient_id
    await complete(access, answers, patient_id, required=True)
    require(answers, patient_id, access.trouble, "tried and failed, or there is none")
    if answers.lacks_optional:
        opinion = await _advise(runtime, receive, call, answers)
        if opinion.settled:
            return opinion
        await complete(access, answers, patient_id, required=False)
    return await _advise(runtime, receive, call, answers)


async def _advise(runtime: Runtime, receive: Receive, call: HookCall, answers: Answers) -> Opinion:
    """Ask the core when it is this call's turn, unless nobody waits for the answer any more."""
    async with runtime.turns:
        await check_client_is_there(receive)
        return runtime.core.advise(call, answers.values, runtime.today())


def find_service(runtime: Runtime, service_id: str, identity: Identity) -> Service:
    """The service of this id, if the caller may call it; 404 means nothing else than that there is none (CH-HTTP-04)."""
    service = runtime.services.get(service_id)
    if service is None:
        raise Refusal(404, (Issue("not-found", "There is no service with this id. GET /cds-services lists them."),))
    if identity.caller.services and service_id not in identity.caller.services:
        raise Refusal(403, (Issue("forbidden", "This client may not call this service."),))
    return service
