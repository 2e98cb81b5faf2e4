"""Tokens that were used already, known to all worker processes (CH-SEC-13): a table of hashes in one SQLite file."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path

from cds.protocol.outcome import Issue, Refusal

_PURGE_EVERY = 1000
_OPEN_SECONDS = 10.0


class ReplayStore:
    """Remembers a token id per issuer until it has expired; only its hash is kept."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            folder / "tokens.sqlite3" if folder else ":memory:", timeout=0.5, isolation_level=None, check_same_thread=False
        )
        self._prepare()
        self._uses = 0

    def _prepare(self) -> None:
        """Make the table in a file that other processes may be opening, too: SQLite does not wait while it changes the mode, so we do."""
        until = time.monotonic() + _OPEN_SECONDS
        while True:
            try:
                self._database.execute("PRAGMA journal_mode=WAL")
                self._database.execute("PRAGMA synchronous=NORMAL")
                self._database.execute("CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def first_use(self, issuer: str, token_id: str, expires: float, now: float) -> bool:
        """Whether this token was not seen before; it is from now on.

        Raises `Refusal` (503) if the store cannot be asked: a token is never accepted unseen.
        """
        token = hashlib.sha256(f"{len(issuer)}:{issuer}{token_id}".encode("utf-8", "surrogatepass")).digest()
        try:
            self._uses += 1
            if self._uses % _PURGE_EVERY == 1:
                self._database.execute("DELETE FROM used WHERE expires < ?", (int(now),))
            return self._database.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (token, int(expires) + 1)).rowcount == 1
        except sqlite3.Error:
            raise Refusal(503, (Issue("transient", "The service is busy."),), {"Retry-After": "1"}) from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()
