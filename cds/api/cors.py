"""CORS around the finished app, so that every answer has its headers, also a 500 (contract 2.17)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.api.limits import header
from cds.api.reply import Reply, send_reply

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, X-Request-Id",
    "Access-Control-Max-Age": "600",
}


class Cors:
    """Lets browsers of the given origins call (`*` for any) and answers their preflights, without credentials (CH-CORS-02 to -05)."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the app answer and add the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        allowed = self._allowed(header(scope, b"origin"))
        if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method") is not None:
            headers = {**(_PREFLIGHT if allowed else {}), **allowed, **self._private(scope, allowed), **self._vary()}
            await send_reply(Reply(204, headers=headers), scope, send)
            return
        extra = [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in {
                **allowed,
                **({"Access-Control-Expose-Headers": "X-Request-Id, Retry-After"} if allowed else {}),
                **self._vary(),
            }.items()
        ]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _allowed(self, origin: str | None) -> dict[str, str]:
        if self._any:
            return {"Access-Control-Allow-Origin": "*"}
        if origin is not None and origin in self._origins:
            return {"Access-Control-Allow-Origin": origin}
        return {}

    def _vary(self) -> dict[str, str]:
        return {"Vary": "Origin"} if self._origins and not self._any else {}

    @staticmethod
    def _private(scope: Scope, allowed: dict[str, str]) -> dict[str, str]:
        asked = header(scope, b"access-control-request-private-network") == "true"
        return {"Access-Control-Allow-Private-Network": "true"} if asked and allowed else {}
