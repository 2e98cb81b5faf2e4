"""Reading the record for a report: rows are streamed, nothing is changed. Blocking; a page calls it in a thread."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, create_engine, make_url, or_, select
from sqlalchemy.exc import DBAPIError

from cds.feedback.comments import unseal
from cds.feedback.records import Call, Feedback, RecordError, Shown
from cds.feedback.report import Answer, Period, Report, summarise
from cds.feedback.tables import calls, feedback, shown

ROWS_AT_ONCE = 1_000


def read_report(url: str, since: date | None = None, until: date | None = None, per: Period = "month") -> Report:
    """The report from the day `since` to the day `until`, both included, in UTC; answers by the day on which their card was shown.

    Raises `RecordError` if there is no database, or nothing of ours in it.
    """
    with _reading(url) as connection:
        return summarise(_shown(connection, since, until), _answers(connection, since, until), _calls(connection, since, until), per)


def read_comments(url: str, key: bytes, since: date | None = None, until: date | None = None) -> list[tuple[Feedback, str]]:
    """Reports with a comment and the comment itself, those received from the day `since` to the day `until`, by their time.

    Raises `RecordError` as `read_report`, `CommentKeyError` if the key is another one than that of a comment.
    """
    wanted = and_(feedback.c.comment.is_not(None), _within(feedback.c.received_at, since, until))
    with _reading(url) as connection:
        rows = [Feedback(*row) for row in connection.execute(select(feedback).where(wanted).order_by(feedback.c.outcome_at))]
    return [(row, unseal(row, key)) for row in rows]


def read_answers(url: str, cards: Collection[str]) -> list[Answer]:
    """What is stored about these cards, in the order in which it was received. Raises `RecordError` as `read_report`."""
    same = and_(feedback.c.card == shown.c.card, feedback.c.service == shown.c.service)
    wanted = (
        select(feedback, shown).outerjoin_from(feedback, shown, same).where(feedback.c.card.in_(cards)).order_by(feedback.c.received_at)
    )
    with _reading(url) as connection:
        return list(_as_answers(connection, wanted))


@contextmanager
def _reading(url: str) -> Iterator[Connection]:
    address = make_url(url)
    where = address.render_as_string()
    if address.get_backend_name() == "sqlite":
        where = address.database or ""
        address = address.set(drivername="sqlite", database=f"file:{quote(where)}", query={"mode": "ro", "uri": "true"})
    engine = create_engine(address)
    try:
        with engine.connect().execution_options(yield_per=ROWS_AT_ONCE) as connection:
            yield connection
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0]
        raise RecordError(f"no record can be read at {where}: {reason}. The service makes it when it starts.") from None
    finally:
        engine.dispose()


def _shown(connection: Connection, since: date | None, until: date | None) -> Iterator[Shown]:
    for row in connection.execute(select(shown).where(_within(shown.c.at, since, until))):
        yield Shown(*row)


def _calls(connection: Connection, since: date | None, until: date | None) -> Iterator[Call]:
    for row in connection.execute(select(calls).where(_within(calls.c.at, since, until))):
        yield Call(*row)


def _answers(connection: Connection, since: date | None, until: date | None) -> Iterator[Answer]:
    yield from _as_answers(connection, _with_card(since, until))


def _as_answers(connection: Connection, wanted: Select[Any]) -> Iterator[Answer]:
    for row in connection.execute(wanted):
        report, card = row[: len(Feedback._fields)], row[len(Feedback._fields) :]
        yield Answer(Feedback(*report), None if card[0] is None else Shown(*card))


def _with_card(since: date | None, until: date | None) -> Select[Any]:
    """Reports with the card that the same service has shown, if it has (CH-FB-08)."""
    same = and_(feedback.c.card == shown.c.card, feedback.c.service == shown.c.service)
    matched = and_(shown.c.card.is_not(None), _within(shown.c.at, since, until))
    unmatched = and_(shown.c.card.is_(None), _within(feedback.c.received_at, since, until))
    return select(feedback, shown).outerjoin_from(feedback, shown, same).where(or_(matched, unmatched))


def _within(moment: Column[datetime], since: date | None, until: date | None) -> ColumnElement[bool]:
    first = datetime.combine(since or date.min, time(), UTC)
    return moment >= first if until is None else and_(moment >= first, moment < datetime.combine(until + timedelta(days=1), time(), UTC))
