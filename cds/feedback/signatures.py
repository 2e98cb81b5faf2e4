"""Keeping and reading the signatures of reviewers, in the database of the feedback. Signatures are added, never changed."""

from __future__ import annotations

from sqlalchemy import create_engine, inspect, make_url, select
from sqlalchemy.exc import DBAPIError

from cds.feedback import database
from cds.feedback.records import RecordError, Signature
from cds.feedback.tables import signatures


async def keep(url: str, signature: Signature) -> None:
    """Write one signature; when this returns, it is durable."""
    engine = database.connect(url)
    try:
        await database.upgrade(engine)
        async with engine.begin() as connection:
            await connection.execute(signatures.insert(), signature._asdict())
    finally:
        await engine.dispose()


def read(url: str) -> list[Signature]:
    """Every signature, oldest first; none where there is no database or no table yet. Blocking.

    Raises `RecordError` where a database server cannot be reached: then it is not known what was signed.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        address = address.set(drivername="sqlite", database=f"file:{address.database}", query={"mode": "ro", "uri": "true"})
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(signatures.name):
                return []
            return [Signature(*row) for row in connection.execute(select(signatures).order_by(signatures.c.at, signatures.c.id))]
    except DBAPIError as error:
        if address.get_backend_name() == "sqlite" and "unable to open" in str(error.orig):
            return []
        raise RecordError(
            f"the signatures cannot be read: {type(error.orig).__name__}. RANVIER_DATABASE_URL names their database."
        ) from None
    finally:
        engine.dispose()
