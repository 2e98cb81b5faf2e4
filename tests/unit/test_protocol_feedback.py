"""The shapes of feedback that clients send (contract 2.15)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from cds.protocol.feedback import Feedback

ENTRY = {"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719", "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}


def read(**changes):
    entry = {name: value for name, value in {**ENTRY, **changes}.items() if value is not ...}
    return Feedback.model_validate({"feedback": [entry]}).feedback[0]


def test_several_entries_and_none():
    assert len(Feedback.model_validate({"feedback": [ENTRY] * 50}).feedback) == 50
    assert Feedback.model_validate({"feedback": []}).feedback == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"card": ...},
        {"card": ""},
        {"card": 5},
        {"outcome": ...},
        {"outcome": "ignored"},
        {"outcomeTimestamp": ...},
        {"outcomeTimestamp": "yesterday"},
        {"outcomeTimestamp": "2026-11-20T12:00:00"},
        {"outcomeTimestamp": 1732104000},
    ],
)
def test_faulty_entries_are_refused(changes):
    with pytest.raises(ValidationError):
        read(**changes)


@pytest.mark.parametrize("text", ["2026-11-20T12:00:00Z", "2026-11-20T13:00:00.000+01:00", "2026-11-20T07:00:00-05:00"])
def test_times_are_brought_to_utc(text):
    assert read(outcomeTimestamp=text).outcome_timestamp == datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_reason_without_display_or_system_and_comment():
    reason = read(overrideReason={"reason": {"code": "patient-refuses"}, "userComment": "said so"}).override_reason
    assert (reason.reason.code, reason.user_comment) == ("patient-refuses", "said so")


def test_dialect_of_epic():
    entry = read(
        card="not-a-uuid",
        overrideReasons={"reason": {"code": "1", "system": "not a uri"}},
        extension={"com.epic.cdshooks.feedback.overrideReason.comment": "x"},
        foo=1,
    )
    assert entry.override_reason.reason.code == "1"


def test_a_comment_is_not_shown_when_an_entry_is_printed():
    assert "said so" not in repr(read(overrideReason={"userComment": "said so"}))
