"""Clients with keys, and the tokens they send."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey

ISSUER = "https://ehr.example/fhir"
PUBLIC_URL = "https://cds.example/ms"


@cache
def ec_key(curve: str = "P-384", name: str = "main") -> ECKey:
    """A private key, the same for the same name."""
    return ECKey.generate_key(curve)


@cache
def rsa_key(bits: int = 2048, name: str = "main") -> RSAKey:
    """A private key, the same for the same name."""
    return RSAKey.generate_key(bits)


def public(key: ECKey | RSAKey, kid: str = "k1", **changes: Any) -> dict[str, Any]:
    """The public JWK."""
    return {**key.as_dict(private=False), "kid": kid, **changes}


@dataclass(frozen=True)
class FromNow:
    """A time so many seconds from when the token is made."""

    seconds: float


def claims(service: str | None = "ms-patient-view", **changes: Any) -> dict[str, Any]:
    """Claims of a good token; a value of `...` leaves one out."""
    now = int(time.time())
    path = "/cds-services" + (f"/{service}" if service else "")
    members = {"iss": ISSUER, "aud": PUBLIC_URL + path, "iat": now, "exp": now + 300, "jti": uuid.uuid4().hex, **changes}
    return {name: now + value.seconds if isinstance(value, FromNow) else value for name, value in members.items() if value is not ...}


def sign(payload: Any, key: Any = None, **header: Any) -> str:
    """A compact token, signed by hand so that it may be wrong in any way; a header value of `...` leaves one out."""
    head = {name: value for name, value in {"alg": "ES384", "typ": "JWT", "kid": "k1", **header}.items() if value is not ...}
    data = f"{_part(json.dumps(head).encode())}.{_part(json.dumps(payload).encode())}"
    return f"{data}.{_part(_signature(head['alg'], key or ec_key(), data.encode()))}"


def _signature(alg: str, key: Any, data: bytes) -> bytes:
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[alg[2:]]
    if alg.startswith("HS"):
        return hmac.new(key, data, digest.name).digest()
    if isinstance(key, RSAKey):
        scheme = padding.PSS(padding.MGF1(digest), digest.digest_size) if alg.startswith("PS") else padding.PKCS1v15()
        return key.private_key.sign(data, scheme, digest)
    r, s = decode_dss_signature(key.private_key.sign(data, ec.ECDSA(digest)))
    size = (key.private_key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


class Production:
    """Settings of a production service with one client; call it with changes to the client's entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *more: dict[str, Any], anonymous: Any = ..., mode: str = "production", **changes: Any) -> dict[str, Any]:
        entry = {"id": "general-hospital", "issuer": ISSUER, "keys": {"keys": [public(ec_key()), public(rsa_key(), "r1")]}, **changes}
        document: dict[str, Any] = {"clients": [{name: value for name, value in entry.items() if value is not ...}, *more]}
        if anonymous is not ...:
            document["anonymous"] = anonymous
        path = self._folder / f"{uuid.uuid4().hex}.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return {"mode": mode, "clients": path, "state": self._folder / "state", "public_url": PUBLIC_URL}

    def token(self, service: str | None = "ms-patient-view", **changes: Any) -> dict[str, str]:
        """The header of a good call, with changed claims."""
        return bearer(sign(claims(service, **changes)))
