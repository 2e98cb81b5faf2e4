"""Who is calling: the client's signed token, checked from end to end (contract 2.16).

Whatever is wrong with a token, the answer is the same 401 (CH-ERR-03). The token that a request carries for the FHIR server is
another thing and never looked at here (CH-SEC-16).
"""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any, TypeGuard

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from msgspec import Struct
from starlette.types import Scope

from cds.api.clients import ANONYMOUS, Caller, Client, ClientsFile
from cds.api.key_sets import Key, KeySets, read_keys
from cds.api.limits import header
from cds.api.replay import ReplayStore
from cds.protocol.outcome import Issue, Refusal

LEEWAY_SECONDS = 30
MAX_TOKEN_LENGTH = 16_384
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class Identity(Struct, frozen=True):
    """The caller: our name for it and what it may do."""

    id: str
    caller: Caller


class ClientAuth(Struct, frozen=True):
    """Checks tokens against the configured clients."""

    clients: ClientsFile
    keys: KeySets
    replays: ReplayStore
    public_url: str

    async def identify(self, scope: Scope, *paths: str) -> Identity:
        """The caller of this request; `paths` are the addresses that its token may name as audience, below the public address.

        Raises `Refusal` 401 for any fault of the token, 503 if keys or the replay store cannot be reached.
        """
        authorization = header(scope, b"authorization")
        if not self.clients.clients or (authorization is None and self.clients.anonymous is not None):
            return Identity(ANONYMOUS, self.clients.anonymous or Caller())
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or len(token) > MAX_TOKEN_LENGTH:
            raise unauthenticated()
        return await self._check(token.strip(), paths)

    async def _check(self, token: str, paths: tuple[str, ...]) -> Identity:
        head, claims = _peek(token)
        client = next((client for client in self.clients.clients if client.issuer == claims.get("iss")), None)
        if client is None or not _header_is_fine(head, client):
            raise unauthenticated()
        keys = [key for key in await self._keys(client, head) if _fits(key, head["alg"])]
        if not any(_verifies(token, key, head["alg"]) for key in keys):
            raise unauthenticated()
        now = time.time()
        audiences = {f"{self.public_url}{path}" for path in paths} | {audience.rstrip("/") for audience in client.audiences}
        if not _claims_are_fine(claims, client, audiences, now):
            raise unauthenticated()
        if not client.may_replay and not self.replays.first_use(client.issuer, claims["jti"], claims["exp"] + LEEWAY_SECONDS, now):
            raise unauthenticated()
        return Identity(client.id, client)

    async def _keys(self, client: Client, head: dict[str, Any]) -> list[Key]:
        """The client's keys with the token's key id. An address in the token is used only if it is the configured one."""
        if client.keys is not None:
            return [key for key in read_keys(client.keys) if key.kid == head["kid"]]
        url = head.get("jku", client.jku[0])
        if not isinstance(url, str) or url.rstrip("/") not in client.jku:
            raise unauthenticated()
        return await self.keys.find(url.rstrip("/"), head["kid"], private=client.jku_private)


def unauthenticated() -> Refusal:
    """401, the same for every reason."""
    return Refusal(401, (Issue("login", "Authentication is needed."),), {"WWW-Authenticate": "Bearer"})


def _peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token, not yet to be believed."""
    parts = token.split(".")
    if len(parts) != 3:
        raise unauthenticated()
    try:
        found = [orjson.loads(base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)) for part in parts[:2]]
    except (binascii.Error, ValueError):
        raise unauthenticated() from None
    if not all(isinstance(part, dict) for part in found):
        raise unauthenticated()
    return found[0], found[1]


def _header_is_fine(head: dict[str, Any], client: Client) -> bool:
    """CH-SEC-04, CH-SEC-06: an algorithm that the client may use, a key id, the type, and no extension we do not know."""
    typ, kid = head.get("typ"), head.get("kid")
    return (
        head.get("alg") in client.algorithms
        and isinstance(kid, str)
        and kid != ""
        and isinstance(typ, str)
        and typ.upper() == "JWT"
        and "crit" not in head
    )


def _fits(key: Key, alg: str) -> bool:
    """Whether the key is one of this algorithm: kind, curve, and what its owner says (CH-SEC-06)."""
    return key.curve == _CURVES.get(alg) and key.alg in (None, alg)


def _verifies(token: str, key: Key, alg: str) -> bool:
    try:
        jws.deserialize_compact(token, key.key, registry=jws.JWSRegistry(algorithms=[alg], strict_check_header=False))
    except (JoseError, ValueError):
        return False
    return True


def _claims_are_fine(claims: dict[str, Any], client: Client, audiences: set[str], now: float) -> bool:
    """CH-SEC-05, -11, -12, -14."""
    exp, iat, nbf, jti, aud = (claims.get(name) for name in ("exp", "iat", "nbf", "jti", "aud"))
    if not (_is_number(exp) and _is_number(iat) and ("nbf" not in claims or _is_number(nbf)) and isinstance(jti, str) and jti):
        return False
    in_time = exp + LEEWAY_SECONDS > now and iat - LEEWAY_SECONDS <= now and not (_is_number(nbf) and nbf - LEEWAY_SECONDS > now)
    short = exp - iat <= client.max_lifetime_minutes * 60
    named = {
        value.removesuffix("/")
        for value in ([aud] if isinstance(aud, str) else aud if isinstance(aud, list) else [])
        if isinstance(value, str)
    }
    tenant_fits = not client.tenants or claims.get("tenant") in client.tenants
    return in_time and short and bool(named & audiences) and tenant_fits


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
