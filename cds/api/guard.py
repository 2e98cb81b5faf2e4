"""The outer skin of the app: request ids, safety headers, and an answer even when something breaks (CH-HTTP-10, CH-ERR-02)."""

from __future__ import annotations

import re
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.api.limits import ClientGoneError, header
from cds.api.reply import failure_reply, send_reply
from cds.log import log, place_of

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}")
REQUEST_ID = "ranvier.request_id"


class Guard:
    """Gives every request an id, every answer the common headers, and every escaped exception a 500 without a trace of it."""

    def __init__(self, app: ASGIApp, *, https_only: bool, root_path: str = "") -> None:
        self._app = app
        self._root_path = root_path
        self._headers = [(b"x-content-type-options", b"nosniff")]
        if https_only:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, whatever happens in it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        headers = [*self._headers, (b"x-request-id", request_id.encode())]
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        path = re.sub("/{2,}", "/", scope["path"]) if "//" in scope["path"] else scope["path"]
        root_path = self._root_path or scope.get("root_path", "")
        try:
            await self._app({**scope, "path": path, "root_path": root_path, REQUEST_ID: request_id}, receive, send_with_headers)
        except ClientGoneError:
            log.info("client gone", request_id=request_id)
        except Exception as error:
            log.error("failure", request_id=request_id, error=place_of(error))
            if not started:
                await send_reply(failure_reply(), scope, send_with_headers)


def _request_id(scope: Scope) -> str:
    """The client's id if it is a UUID, which cannot carry patient data; otherwise a new one."""
    given = header(scope, b"x-request-id")
    return given if given and _UUID.fullmatch(given) else str(uuid.uuid4())
