"""The feedback report: rows in, counts out."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import UTC, date, datetime

import pytest
from rich.console import Console

from cds.feedback.records import Call, Feedback, Shown
from cds.feedback.report import Answer, Reason, UnmatchedLine, period_of, summarise
from cds.feedback.report_output import CSV_COLUMNS, as_csv, as_json, as_tables

SERVICE = "ms-patient-view"


def at(day: str, hour: int = 12) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=hour)


def shown(card: str, day: str = "2026-11-20", topic: str = "ahsct", summary: str = "ahsct-rrms", version: str = "1") -> Shown:
    return Shown(card, at(day), SERVICE, "hospital", topic, summary, version, "0" * 64)


def said(card: Shown | None, outcome: str = "overridden", reason: str | None = None, hour: int = 13, **more) -> Answer:
    name = card.card if card else "sha256:0"
    return Answer(Feedback(SERVICE, name, outcome, at("2026-11-21", hour), "hospital", at("2026-11-21", hour), reason, **more), card)


def call(outcome: str = "cards", ms: float = 3.0, day: str = "2026-11-20") -> Call:
    return Call(f"{day}-{ms}", at(day), SERVICE, "hospital", outcome, 200, "ahsct", "0" * 64, ms)


A, B, C = (shown(name) for name in "abc")


def test_cards_by_period_topic_summary_and_version():
    later, other, newer = shown("d", day="2026-12-01"), shown("e", topic="msc", summary="msc-rrms"), shown("f", version="2")
    report = summarise([A, B, later, other, newer], [said(B, "accepted"), said(later)], [])
    assert [(line.period, line.topic, line.content_version, line.shown, line.accepted, line.overridden) for line in report.cards] == [
        ("2026-11", "ahsct", "1", 2, 1, 0),
        ("2026-11", "ahsct", "2", 1, 0, 0),
        ("2026-11", "msc", "1", 1, 0, 0),
        ("2026-12", "ahsct", "1", 1, 0, 1),
    ]


def test_the_last_word_on_a_card_counts():
    assert summarise([A], [said(A, "accepted", hour=14), said(A, hour=13)], []).cards[0].accepted == 1
    assert summarise([A], [said(A, "accepted", hour=12), said(A, hour=13)], []).cards[0].overridden == 1
    assert summarise([A], [said(A), said(A, "accepted")], []).cards[0].accepted == 1


def test_reasons_of_the_overridden_most_frequent_first():
    answers = [
        said(A, reason="patient-refuses", reason_system="s"),
        said(B, reason="patient-refuses", reason_system="s", reason_display="Patient refuses"),
        said(C, reason="45"),
    ]
    (line,) = summarise([A, B, C], answers, []).cards
    assert line.reasons == (Reason("patient-refuses", "s", "Patient refuses", 2), Reason("45", None, None, 1))


def test_a_reason_without_words_and_reasons_of_what_was_accepted_later_are_not_counted():
    answers = [said(A), said(B, reason="x", hour=10), said(B, "accepted", hour=11)]
    assert summarise([A, B], answers, []).cards[0].reasons == ()


def test_feedback_on_unknown_cards_is_counted_apart():
    report = summarise([A], [said(None)], [])
    assert report.unmatched == (UnmatchedLine("2026-11", SERVICE, 0, 1),)
    assert (report.cards[0].accepted, report.cards[0].overridden) == (0, 0)


def test_calls_by_outcome_with_times():
    report = summarise([], [], [*(call(ms=n) for n in range(1, 101)), call("failed", 7)])
    assert [(line.outcome, line.calls, line.median_ms, line.p95_ms) for line in report.calls] == [
        ("cards", 100, 50.5, 95),
        ("failed", 1, 7, 7),
    ]


@pytest.mark.parametrize(("per", "period"), [("day", "2027-01-01"), ("week", "2026-W53"), ("month", "2027-01")])
def test_periods(per, period):
    assert period_of(at("2027-01-01"), per) == period
    assert summarise([shown("a", day="2027-01-01")], [], [call(day="2027-01-01")], per).cards[0].period == period


def test_the_order_of_rows_changes_nothing():
    cards = [shown(str(n), topic="ab"[n % 2], version=str(n % 3)) for n in range(30)]
    answers = [
        said(card, outcome, reason, hour)
        for card in cards[:20]
        for outcome, reason, hour in (("accepted", None, 3), ("overridden", "r", 4))
    ]
    calls = [call(ms=n) for n in range(20)]
    expected = summarise(cards, answers, calls)
    for seed in range(5):
        for rows in (cards, answers, calls):
            random.Random(seed).shuffle(rows)
        assert summarise(iter(cards), iter(answers), iter(calls)) == expected


def test_nothing_at_all():
    report = summarise([], [], [])
    assert json.loads(as_json(report)) == {"cards": [], "unmatched": [], "calls": []}
    assert as_csv(report).split() == [",".join(CSV_COLUMNS)]
    assert [table.title for table in as_tables(report)] == ["Cards", "Calls"]


REPORT = summarise([A, B, C], [said(A, reason="=1+1", reason_display="[b]x"), said(B, "accepted"), said(None)], [call()])


def test_as_json():
    report = json.loads(as_json(REPORT))
    assert report["cards"] == [
        {
            "period": "2026-11",
            "topic": "ahsct",
            "summary": "ahsct-rrms",
            "contentVersion": "1",
            "shown": 3,
            "accepted": 1,
            "overridden": 1,
            "reasons": [{"code": "=1+1", "system": None, "display": "[b]x", "count": 1}],
        }
    ]
    assert report["unmatched"] == [{"period": "2026-11", "service": SERVICE, "accepted": 0, "overridden": 1}]
    assert report["calls"][0]["medianMs"] == 3.0


def test_as_csv_one_count_a_row_and_no_formula():
    rows = list(csv.DictReader(io.StringIO(as_csv(REPORT))))
    counts = {(row["what"], row["outcome"], row["reason"]): int(row["count"]) for row in rows}
    assert counts == {
        ("card", "shown", ""): 3,
        ("card", "accepted", ""): 1,
        ("card", "overridden", ""): 1,
        ("reason", "overridden", "'=1+1"): 1,
        ("unmatched", "accepted", ""): 0,
        ("unmatched", "overridden", ""): 1,
        ("call", "cards", ""): 1,
    }


def test_as_tables():
    console = Console(record=True, width=160, file=io.StringIO())
    for table in as_tables(REPORT):
        console.print(table)
    text = console.export_text()
    assert "[b]x" in text
    assert "Feedback on cards not known to have been shown" in text
