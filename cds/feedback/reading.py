"""Reading the record for a report, streamed, without changing anything."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from cds.feedback.database import connect
from cds.feedback.records import Call, Feedback, Shown
from cds.feedback.report import Answer
from cds.feedback.tables import calls, feedback, shown


class StoreError(RuntimeError):
    """The record cannot be read; the message says why and what to do."""


class Record(NamedTuple):
    """All rows of a time."""

    shown: list[Shown]
    answers: list[Answer]
    calls: list[Call]


async def read(url: str, since: date | None = None, until: date | None = None) -> Record:
    """The rows from the day `since` to the day `until`, both included, in UTC; answers by the day on which their card was shown.

    Raises `StoreError` if there is no database, or none of this version, at the address.
    """
