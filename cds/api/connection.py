"""The connection as uvicorn serves it, with two limits that uvicorn has not: how long and how large the head of a request may be."""

from __future__ import annotations

import asyncio
import socket
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cds.api.reply import JSON
from cds.protocol.outcome import Issue, operation_outcome


class Connection(HttpToolsProtocol):
    """A connection that is closed if the head of its first or next request does not come, or does not end (CH-HTTP-09).

    So is one whose request was answered before it was all there, and whose rest does not come.
    """

    seconds: ClassVar[float] = 10.0
    head_bytes: ClassVar[int] = 64 * 1024
    made: ClassVar[int] = 0
    """How many there were in this process."""
    _clock: asyncio.TimerHandle | None = None
    _in_head = True
    _in_body = False
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        Connection.made += 1
        # asyncio does so only where the socket names its protocol, and the one that worker processes share does not: 40 ms for each answer
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a head is there. What of it is still to come is waited for in `data_received`."""
        super().on_message_begin()
        self._in_head, self._received = True, 0

    def on_headers_complete(self) -> None:
        """The head is there. How long the body may take is the app's concern."""
        self._in_head, self._in_body = False, True
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._in_body = False
        self._stop_waiting()
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head is too large, or nobody waits for the rest."""
        super().data_received(data)
        if self._in_head:
            if self._clock is None:
                self._wait()
            self._received += len(data)
            if self._received > self.head_bytes:
                self._refuse(b"431 Request Header Fields Too Large", Issue("too-long", "The headers are too large."))
        elif self._in_body and self.cycle.response_complete and self._clock is None:
            self._wait()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 uvicorn's words are English text, ours an OperationOutcome
        """Say that this is not HTTP, as every error is said (CH-ERR-01)."""
        self._refuse(b"400 Bad Request", Issue("structure", "This is not a valid HTTP request."))

    def _refuse(self, status: bytes, issue: Issue) -> None:
        body = operation_outcome((issue,))
        head = f"\r\ncontent-type: {JSON}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 " + status + head.encode() + body)
        self.transport.close()

    def _wait(self) -> None:
        self._clock = self.loop.call_later(self.seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
