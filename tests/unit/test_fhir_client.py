"""The HTTP reader: where it goes, where it never goes, and that it leaves nothing open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cds.fhir.client import FetchError, HttpReader, is_allowed, is_public

STOPPED = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            STOPPED.wait(0.3)
        body = b"x" * (100_000 if self.path == "/large" else 10)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


class Server(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None: ...


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    STOPPED.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_public_addresses(address):
    assert is_public(address)
    assert is_allowed(address, private=False)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"]
)
def test_private_addresses_only_where_allowed(address):
    assert not is_allowed(address, private=False)
    assert is_allowed(address, private=True)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
    ],
)
def test_addresses_that_are_never_asked(address):
    assert not is_allowed(address, private=False)
    assert not is_allowed(address, private=True)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org", "address"),
        ("http://", "address"),
        ("http://user@example.org", "address"),
        ("http://[::1", "address"),
        ("http://no-such-host.invalid/", "name"),
        ("http://169.254.169.254/latest", "forbidden address"),
    ],
)
async def test_what_is_no_address_for_us(url, reason):
    reader = HttpReader()
    with pytest.raises(FetchError) as caught:
        await reader.get(url, {}, timeout=5, max_bytes=100, private=True)
    assert caught.value.reason == reason
    await reader.aclose()


async def test_no_more_than_the_limit_is_read(base):
    reader = HttpReader()
    with pytest.raises(FetchError) as caught:
        await reader.get(f"{base}/large", {}, timeout=5, max_bytes=1000, private=True)
    assert caught.value.reason == "size"
    assert len((await reader.get(f"{base}/large", {}, timeout=5, max_bytes=100_000, private=True)).body) == 100_000
    await reader.aclose()


async def test_requests_that_are_given_up_leave_no_connection_behind(base):
    """Cancelling inside the pool would take its places one by one until nothing is fetched any more."""
    reader = HttpReader()

    async def ask(path: str, timeout: float) -> str:
        try:
            await reader.get(f"{base}/{path}", {}, timeout=timeout, max_bytes=1000, private=True)
        except FetchError as error:
            return error.reason
        return "answered"

    for round_ in range(6):
        tasks = [asyncio.create_task(ask(("slow", "quick", "large")[number % 3], 0.05 + number / 300)) for number in range(120)]
        await asyncio.sleep(round_ / 50)
        for task in tasks[::3]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if reader._running:
        await asyncio.wait(reader._running)
    (origin,) = reader._origins.values()
    assert await ask("quick", 5) == "answered"
    states = [connection.info() for connection in origin.pool._pool.connections]
    assert all("IDLE" in state for state in states), states
    await reader.aclose()
