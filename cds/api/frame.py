"""What holds for every call, to a service or with feedback: a place, an answer whatever happens, and its outcome on the record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cds.api.gate import Gate
from cds.api.limits import ClientGoneError
from cds.api.record import CallRecord
from cds.api.reply import Reply, failure_reply, refusal_reply
from cds.protocol.outcome import Refusal


async def framed(record: CallRecord, gate: Gate, answer: Callable[[], Awaitable[Reply]]) -> Reply:
    """The reply, or the OperationOutcome of what went wrong (CH-ERR-01, -02). Raises `ClientGoneError` if nobody is left to get it."""
    try:
        with gate.enter():
            return await answer()
    except Refusal as refusal:
        record.refused(refusal.status)
        return refusal_reply(refusal)
    except ClientGoneError:
        record.gone()
        raise
    except Exception as error:
        record.failed(error)
        return failure_reply()
