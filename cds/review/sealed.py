"""Values that a browser keeps for us: signed, with an end, each for one use only."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

_ALGORITHM = "HS256"


class Seal:
    """Signs and checks the values of one use. Whoever changes `bound`, say who may come in, makes all earlier values void."""

    def __init__(self, secret: str, use: str, bound: str) -> None:
        self._key = OctKey.import_key(hmac.digest(secret.encode(), f"{use}\n{bound}".encode(), hashlib.sha256))

    def close(self, value: Mapping[str, str], seconds: int) -> str:
        """The value as text that holds for so long."""
        return jwt.encode({"alg": _ALGORITHM}, {**value, "exp": int(time.time()) + seconds}, self._key)

    def open(self, text: str) -> dict[str, str] | None:
        """The value; `None` if it is not ours, was changed, or is too old."""
        try:
            claims = jwt.decode(text, self._key, algorithms=[_ALGORITHM]).claims
            jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
        except (JoseError, ValueError, TypeError):
            return None
        return {name: value for name, value in claims.items() if isinstance(value, str)}
