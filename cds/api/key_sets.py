"""Public keys of clients, from the configured address only, cached (CH-SEC-09, CH-SEC-10)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey
from msgspec import Struct, field

from cds.fhir.client import FetchError, HttpReader
from cds.log import log
from cds.protocol.outcome import Issue, Refusal

FRESH_SECONDS = 600
"""A key set is read again after this time; until that has worked, the old one serves."""
STALE_SECONDS = 24 * 3600
"""An old key set serves no longer than this."""
RETRY_SECONDS = 60
"""An unknown key id, or a failure, leads to a new attempt at most this often."""
TIMEOUT_SECONDS = 2.0
MAX_BYTES = 256 * 1024

PublicKey = ECKey | RSAKey


class Key(Struct, frozen=True):
    """One public key with what its owner says of it."""

    kid: str
    key: PublicKey
    alg: str | None
    curve: str | None


class _Cached(Struct):
    keys: tuple[Key, ...] | None = None
    read_at: float = 0.0
    tried_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """The key sets of all clients. One request at a time per address; calls with a known key do not wait for it."""

    def __init__(self, reader: HttpReader) -> None:
        self._reader = reader
        self._cached: dict[str, _Cached] = {}
        self._refreshing: set[asyncio.Task[None]] = set()

    async def find(self, url: str, kid: str, *, private: bool) -> list[Key]:
        """The keys with this id, usually one.

        Raises `Refusal` (503) while no key set could be read yet: that is no fault of the caller.
        """
        entry = self._cached.setdefault(url, _Cached())
        now = time.monotonic()
        if entry.keys is not None and now - entry.read_at > STALE_SECONDS:
            entry.keys = None
        known = entry.keys is not None and any(key.kid == kid for key in entry.keys)
        due = not known or now - entry.read_at > FRESH_SECONDS
        if due and now - entry.tried_at > (RETRY_SECONDS if entry.keys is not None else 1):
            reading = asyncio.create_task(self._read(url, entry, private, now))
            self._refreshing.add(reading)
            reading.add_done_callback(self._refreshing.discard)
            if not known:
                await asyncio.shield(reading)
        if entry.keys is None:
            raise Refusal(503, (Issue("transient", "The service is busy."),), {"Retry-After": "5"})
        return [key for key in entry.keys if key.kid == kid]

    async def aclose(self) -> None:
        """Stop what is being read."""
        for reading in self._refreshing:
            reading.cancel()
        await asyncio.gather(*self._refreshing, return_exceptions=True)

    async def _read(self, url: str, entry: _Cached, private: bool, asked_at: float) -> None:
        async with entry.lock:
            if entry.tried_at < asked_at:
                entry.tried_at = time.monotonic()
                await self._read_now(url, entry, private)

    async def _read_now(self, url: str, entry: _Cached, private: bool) -> None:
        try:
            answer = await self._reader.get(
                url, {"Accept": "application/json"}, timeout=TIMEOUT_SECONDS, max_bytes=MAX_BYTES, private=private
            )
            if answer.status != 200:
                raise FetchError(f"status {answer.status}")
            keys = read_keys(orjson.loads(answer.body))
        except (FetchError, orjson.JSONDecodeError) as error:
            log.warning("key set not read", reason=error.reason if isinstance(error, FetchError) else "not JSON")
            return
        if keys:
            entry.keys, entry.read_at = keys, entry.tried_at


def read_keys(document: Any) -> tuple[Key, ...]:
    """The usable public signing keys of a JWK Set; symmetric, unknown and faulty ones are left out (CH-SEC-06)."""
    members = document.get("keys") if isinstance(document, Mapping) else None
    return (
        tuple(key for member in members if (key := _read_key(member)))
        if isinstance(members, Sequence) and not isinstance(members, str)
        else ()
    )


def _read_key(member: Any) -> Key | None:
    if not isinstance(member, Mapping) or member.get("kty") not in ("EC", "RSA") or not isinstance(member.get("kid"), str):
        return None
    if member.get("use", "sig") != "sig":
        return None
    public = {name: member[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in member}
    try:
        key = JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, ECKey | RSAKey) or (isinstance(key, RSAKey) and key.public_key.key_size < 2048):
        return None
    alg = member.get("alg")
    return Key(member["kid"], key, alg if isinstance(alg, str) else None, key.curve_name if isinstance(key, ECKey) else None)
