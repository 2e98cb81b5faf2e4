"""What is kept of one service call for the audit record: who, what came of it, which cards; nothing of the patient (CH-SEC-19)."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from cds.api.core import Core
from cds.api.record import CallRecord
from cds.feedback.records import Call, Shown
from cds.feedback.store import Store
from cds.protocol.card import Card
from cds.protocol.profiles import EXPLANATION


def audit(store: Store, record: CallRecord, core: Core) -> None:
    """Hand one audit event, and a record of every card that was sent, to the store once the call is written. Never waits."""
    now = datetime.now(UTC)
    sent = record.made if record.outcome == "cards" else ()
    store.note(
        Call(
            id=_new_id(),
            at=now,
            service=record.service,
            client=record.client,
            outcome=record.outcome,
            status=record.status,
            topics=" ".join([card.source.topic.code for card in sent]),
            content_hash=core.hash,
            duration_ms=round(record.seconds * 1000, 3),
        ),
        [
            Shown(card.uuid, now, record.service, record.client, card.source.topic.code, _summary_id(card), core.version, core.hash)
            for card in sent
        ],
    )


def _new_id() -> str:
    """Nanoseconds and chance, in order of time: the database adds it at the end of its index, not anywhere in it."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


def _summary_id(card: Card) -> str:
    """The evidence summary behind a card, as its explanation names it."""
    explanation = (card.extension or {}).get(EXPLANATION) or {}
    return str(explanation.get("summaryId", ""))
