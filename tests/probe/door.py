"""Who is let in: the tokens of the service with planted faults."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tests.probe.refusal import Refusal

ISSUER = "https://ehr.example"


class Door:
    """Checks tokens, all but what the fault forgets; open to everybody without a key."""

    def __init__(self, fault: str, base: str, key: ECKey | None) -> None:
        self.fault, self.base, self.key = fault, base, key
        self.tokens: set[str] = set()

    def check(self, environ: dict[str, Any], path: str, *, known: bool) -> None:
        """Raise `Refusal` 401 unless the call carries a good token."""
        if self.key is None or self.fault == "no-authentication":
            return
        if self.fault == "reveals-services" and not known:
            raise Refusal(404)
        if self.fault == "feedback-open" and path.endswith("/feedback"):
            return
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if self.fault == "scheme-case" and scheme != "Bearer":
            raise self.unauthenticated("scheme")
        if not token and self.fault == "takes-fhir-token":
            token = self.from_body(environ)
        why = self.fault_of(token, path)
        if why:
            raise self.unauthenticated(why)

    def from_body(self, environ: dict[str, Any]) -> str:
        environ["wsgi.input"].seek(0)
        body = environ["wsgi.input"].read()
        found = json.loads(body).get("fhirAuthorization", {})
        return str(found.get("access_token", ""))

    def unauthenticated(self, why: str) -> Refusal:
        headers = [] if self.fault == "no-www-authenticate" else [("WWW-Authenticate", "Bearer")]
        return Refusal(401, why if self.fault == "says-why" else "", headers)

    def fault_of(self, token: str, path: str) -> str:
        """Why a token is refused; empty if it is good."""
        if token.count(".") != 2 and self.fault != "any-token":
            return "not a token"
        try:
            head, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2])
        except ValueError:
            return "" if self.fault == "any-token" and token else "not a token"
        assert self.key is not None
        if head.get("alg") != "ES384":
            return "" if self.fault == "any-algorithm" else "algorithm"
        if self.fault != "header-unchecked" and (head.get("kid") != "k1" or str(head.get("typ")).upper() != "JWT"):
            return "header"
        if self.fault != "signature-unchecked":
            try:
                jws.deserialize_compact(token, self.key, registry=jws.JWSRegistry(algorithms=["ES384"], strict_check_header=False))
            except (JoseError, ValueError):
                return "signature"
        return self.claims_fault(claims, path)

    def claims_fault(self, claims: dict[str, Any], path: str) -> str:
        now = time.time()
        if self.fault == "claims-optional":
            claims = {"iss": ISSUER, "aud": self.base + path, "exp": now + 60, "iat": now, "jti": uuid.uuid4().hex, **claims}
        if not {"iss", "aud", "exp", "iat", "jti"} <= claims.keys():
            return "claims"
        if self.fault != "any-issuer" and claims["iss"] != ISSUER:
            return "issuer"
        audiences = [claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]
        if self.fault == "one-audience" and len(audiences) > 1:
            return "audience"
        if (
            self.fault != "any-audience"
            and self.base + path not in audiences
            and self.base + path.removesuffix("/feedback") not in audiences
        ):
            return "audience"
        if self.fault != "never-expires" and claims["exp"] < now - 30:
            return "expired"
        if self.fault != "future-tokens" and (claims["iat"] > now + 60 or claims.get("nbf", 0) > now + 60):
            return "future"
        if self.fault != "long-lived" and claims["exp"] - claims["iat"] > 3600:
            return "lifetime"
        if claims["jti"] in self.tokens and self.fault != "replay":
            return "replay"
        self.tokens.add(claims["jti"])
        return ""
