"""A small OpenID Connect provider on this machine: it signs in whoever its claims name, and can be made to err."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT, SECRET = "workbench", "a secret: with/signs?"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})


class Provider:
    """A running provider. `claims` replace those of its ID tokens (`None` leaves one out), `described` those of its description."""

    def __init__(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._post(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        self._codes: dict[str, dict[str, str]] = {}
        self.reset()
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def reset(self) -> None:
        """No errors from now on."""
        self.claims: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.key, self.algorithm = KEY, "ES256"

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()

    def answer(self, address: str) -> str:
        """Where the browser goes back to, once its user has signed in at this address."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["client_id"] == CLIENT
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        if path == "/realm/authorize":
            request.send_response(302)
            request.send_header("Location", self.answer(request.path))
            request.end_headers()
        elif path == "/realm/keys":
            _send(request, {"keys": [KEY.as_dict(private=False)]})
        elif path == "/realm/.well-known/openid-configuration":
            _send(request, self._description())
        else:
            _send(request, {"error": "not_found"}, 404)

    def _description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
        } | self.described

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        sent = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode())
        asked = self._codes.pop(sent["code"][0], None)
        name_and_secret = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"][0].encode()).digest()).rstrip(b"=").decode()
        fine = asked is not None and name_and_secret == f"{CLIENT}:a+secret%3A+with%2Fsigns%3F"
        if not fine or asked["code_challenge"] != challenge or asked["redirect_uri"] != sent["redirect_uri"][0]:
            _send(request, {"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "nonce": asked["nonce"], "iat": now, "exp": now + 300}
        claims |= {"email": "a.reviewer@hospital.example", "email_verified": True, "groups": ["neurology"]} | self.claims
        told = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": self.algorithm, "kid": "one"}, told, self.key, algorithms=[self.algorithm])
        _send(request, {"id_token": token, "access_token": "x", "token_type": "Bearer"})


def _send(request: BaseHTTPRequestHandler, body: dict[str, Any], status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.end_headers()
    request.wfile.write(json.dumps(body).encode())
