"""`POST /cds-services/{id}/feedback`: acknowledged only when it is durable (contract 2.15)."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.types import Receive, Scope, Send

from cds.api import metrics
from cds.api.frame import framed
from cds.api.guard import REQUEST_ID
from cds.api.hooks import NO_STORE, find_service
from cds.api.limits import check_declared_size, check_media_type, check_post, read_body
from cds.api.record import CallRecord
from cds.api.reply import Reply, send_reply
from cds.api.runtime import Runtime
from cds.feedback.comments import seal
from cds.feedback.records import Feedback
from cds.feedback.store import StoreUnavailableError
from cds.log import log
from cds.protocol.feedback import FeedbackEntry, read_feedback
from cds.protocol.outcome import Issue, Refusal, bad_request

RETRY_AFTER = {"Retry-After": "5"}
COMMENT_LENGTH = 4_000
WORD_LENGTH = 400

_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


async def answer_feedback(runtime: Runtime, service_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one feedback call, whatever happens; then leave one log line."""
    record = CallRecord(scope[REQUEST_ID])

    async def answer() -> Reply:
        await _keep(runtime, service_id, scope, receive, record)
        record.answered(())
        return Reply(200, headers=NO_STORE)

    try:
        await send_reply(await framed(record, runtime.feedback_gate, answer), scope, send)
    finally:
        _write_line(record)


async def _keep(runtime: Runtime, service_id: str, scope: Scope, receive: Receive, record: CallRecord) -> None:
    """Checks in the order of service calls (CH-HTTP-08); a token may name this address or that of the service (CH-FB-10)."""
    settings = runtime.settings
    check_declared_size(scope, settings.max_body_bytes)
    identity = await runtime.auth.identify(scope, f"/cds-services/{service_id}/feedback", f"/cds-services/{service_id}")
    record.client = identity.id
    record.service = find_service(runtime, service_id, identity).id
    check_post(scope)
    check_media_type(scope)
    body = await read_body(receive, settings.max_body_bytes, settings.body_seconds)
    now = datetime.now(UTC)
    read = read_feedback(body, now, identity.caller.rules.checks)
    record.warnings.extend(read.warnings)
    rows = rows_of(read.entries, record.service, record.client, now, runtime.comment_key)
    if rows:
        try:
            await runtime.store.keep(rows)
        except StoreUnavailableError:
            raise Refusal(503, (Issue("transient", "Feedback cannot be kept now. Send it again."),), RETRY_AFTER) from None
    if read.issues:
        raise bad_request(*read.issues)


def rows_of(entries: Iterable[FeedbackEntry], service: str, client: str, now: datetime, key: bytes | None) -> list[Feedback]:
    """The rows to keep. Of what clients wrote only codes and their words; a comment only where the site has a `key` for comments."""
    return [_row(entry, service, client, now, key) for entry in entries]


def _row(entry: FeedbackEntry, service: str, client: str, now: datetime, key: bytes | None) -> Feedback:
    reason, given = entry.reason, entry.override_reason
    row = Feedback(
        service=service,
        card=_id(entry.card),
        outcome=entry.outcome,
        outcome_at=entry.outcome_timestamp,
        client=client,
        received_at=now,
        reason_code=_word(reason.code) if reason else None,
        reason_system=_word(reason.system) if reason else None,
        reason_display=_word(reason.display) if reason else None,
        suggestions=" ".join(sorted({_id(suggestion.id) for suggestion in entry.accepted_suggestions})) or None,
    )
    comment = (given.user_comment or "")[:COMMENT_LENGTH] if given is not None else ""
    return row._replace(comment=seal(comment, row, key)) if key is not None and comment else row


def _id(text: str) -> str:
    """A uuid in its usual form. Anything else cannot be one of ours and is kept as a digest, whatever it may hold."""
    found = _UUID.fullmatch(text.strip().lower())
    return found[1] if found else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _word(text: str | None) -> str | None:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text or "").strip()[:WORD_LENGTH] or None


def _write_line(record: CallRecord) -> None:
    metrics.FEEDBACK(record.service, record.client, record.status).inc()
    line = log.error if record.outcome == "failed" else log.info
    line(
        "feedback",
        service=record.service,
        client=record.client,
        status=record.status,
        ms=round((time.perf_counter() - record.started) * 1000, 1),
        warnings=record.warnings,
        request_id=record.request_id,
        **({"error": record.error} if record.error else {}),
    )
