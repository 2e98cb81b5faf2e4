"""Signed tokens as a CDS client sends them (contract 2.16), right or wrong in one chosen way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from msgspec import Struct

from cds.mendable import MendableError

LIFETIME = 300
_CURVE_ALG = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class KeyFileError(MendableError, ValueError):
    """A key file that cannot be used; the message says why and never quotes it."""


class Signer(Struct, frozen=True):
    """A client's private key with what its tokens say."""

    key: ECKey | RSAKey
    kid: str
    alg: str
    issuer: str
    jku: str | None = None

    def claims(self, audience: str | list[str], **changes: Any) -> dict[str, Any]:
        """The claims of a good token for one address; a value of `...` leaves one out."""
        now = int(time.time())
        found = {"iss": self.issuer, "aud": audience, "iat": now, "exp": now + LIFETIME, "jti": str(uuid.uuid4()), **changes}
        return {name: value for name, value in found.items() if value is not ...}

    def header(self, **changes: Any) -> dict[str, Any]:
        """The header of a good token; a value of `...` leaves a member out."""
        found = {"alg": self.alg, "typ": "JWT", "kid": self.kid, **({"jku": self.jku} if self.jku else {}), **changes}
        return {name: value for name, value in found.items() if value is not ...}

    def token(
        self, audience: str | list[str], header: dict[str, Any] | None = None, key: ECKey | RSAKey | None = None, **changes: Any
    ) -> str:
        """A token for one address, signed with the client's key unless another is given."""
        signing = f"{_part(self.header(**(header or {})))}.{_part(self.claims(audience, **changes))}"
        return f"{signing}.{self._signature(signing, key or self.key)}"

    def unsigned(self, audience: str) -> str:
        """A token of the algorithm `none` (CH-SEC-06)."""
        return f"{_part(self.header(alg='none'))}.{_part(self.claims(audience))}."

    def symmetric(self, audience: str) -> str:
        """A token of HS256 whose secret is the public key, which a confused service accepts (CH-SEC-06)."""
        signing = f"{_part(self.header(alg='HS256'))}.{_part(self.claims(audience))}"
        secret = self.key.as_pem(private=False)
        return f"{signing}.{_encode(hmac.new(secret, signing.encode(), hashlib.sha256).digest())}"

    def other_key(self) -> ECKey | RSAKey:
        """A new key of the same kind that the service cannot know."""
        if isinstance(self.key, ECKey):
            return ECKey.generate_key(str(self.key.curve_name))
        return RSAKey.generate_key(2048)

    def _signature(self, signing: str, key: ECKey | RSAKey) -> str:
        algorithm = jws.JWSRegistry(algorithms=[self.alg]).get_alg(self.alg)
        return _encode(algorithm.sign(signing.encode(), key))


def read_signer(path: Path, issuer: str, jku: str | None = None) -> Signer:
    """The signer of a key file: a private JWK (with `kid`, perhaps `alg`) or a PEM file. Raises `KeyFileError`."""
    try:
        text = path.read_text(encoding="utf-8")
        members: dict[str, Any] = json.loads(text) if text.lstrip().startswith("{") else {}
        key = _import(text, members)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except (JoseError, ValueError, TypeError, KeyError):
        raise KeyFileError(f"{path}: a private EC or RSA key is needed, as JWK or PEM") from None
    if not key.is_private:
        raise KeyFileError(f"{path}: this is a public key; tokens are signed with the private one")
    alg = members.get("alg") or (_CURVE_ALG.get(str(key.curve_name), "") if isinstance(key, ECKey) else "RS384")
    return Signer(key, str(members.get("kid") or key.thumbprint()), alg, issuer, jku)


def _import(text: str, members: dict[str, Any]) -> ECKey | RSAKey:
    if members:
        return ECKey.import_key(members) if members.get("kty") == "EC" else RSAKey.import_key(members)
    try:
        return ECKey.import_key(text)
    except (JoseError, ValueError):
        return RSAKey.import_key(text)


def _part(members: dict[str, Any]) -> str:
    return _encode(json.dumps(members).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
