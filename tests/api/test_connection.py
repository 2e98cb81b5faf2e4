"""Connections whose requests do not come, do not end, or are no HTTP (CH-HTTP-09, CH-ERR-01)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from cds.api.connection import Connection
from tests.api.schema import check_outcome, strict_json

GOOD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Impatient(Connection):
    seconds = 0.3


async def app(scope, receive, send):
    await asyncio.sleep(0.5 if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = Config(app, http=Impatient, log_config=None, lifespan="off", timeout_keep_alive=30)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Impatient(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        yield reader, writer
        writer.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The head of the next answer, its body read, too."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    await reader.readexactly(2)
    return head


@pytest.mark.row("CH-HTTP-09")
@pytest.mark.parametrize("first", [b"", b"POST ", b"POST / HTTP/1.1\r\nHost: x\r\n"])
async def test_ch_http_09_a_head_that_does_not_come_is_not_waited_for(first):
    async with connected() as (reader, writer):
        writer.write(first)
        assert await asyncio.wait_for(reader.read(), 5) == b""


@pytest.mark.row("CH-HTTP-09")
async def test_ch_http_09_nor_is_that_of_the_next_request():
    async with connected() as (reader, writer):
        writer.write(GOOD)
        assert b"200 OK" in await answer(reader)
        writer.write(b"GET ")
        assert await asyncio.wait_for(reader.read(), 5) == b""


@pytest.mark.row("CH-HTTP-09")
@pytest.mark.parametrize("piece", [b"y\r\nX-More: " + b"y" * 1000, b"y" * 1000])
async def test_ch_http_09_a_head_without_end_is_refused(piece):
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: y" + piece * (Impatient.head_bytes // len(piece) - 1))
        await asyncio.sleep(0.05)
        assert not reader.at_eof()
        writer.write(piece * 2)
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 431")
        check_outcome(strict_json(body), 431)


@pytest.mark.row("CH-HTTP-09")
async def test_ch_http_09_the_rest_of_a_request_that_was_answered_is_not_waited_for():
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        assert b"200 OK" in await answer(reader)
        writer.write(b"x")
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_the_rest_of_a_request_that_was_answered_may_be_large():
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000 + GOOD)
        for _ in range(2):
            assert b"200 OK" in await answer(reader)


async def test_requests_one_after_the_other_and_slow_answers_are_not_hurried():
    async with connected() as (reader, writer):
        for path in (b"/", b"/slow", b"/", b"/slow"):
            writer.write(GOOD.replace(b" / ", b" " + path + b" "))
            assert b"200 OK" in await answer(reader)
            await asyncio.sleep(0.4)


@pytest.mark.row("CH-ERR-01")
async def test_ch_err_01_what_is_no_http_is_told_so():
    async with connected() as (reader, writer):
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        check_outcome(strict_json(body), 400)


async def test_an_answer_is_sent_at_once_also_on_a_socket_that_workers_share():
    """Such a socket names no protocol, so that asyncio leaves Nagle's algorithm on: an answer in two parts would wait for the client."""
    config = Config(app, http=Connection, log_config=None, lifespan="off", port=0)
    config.load()
    made: list[asyncio.Transport] = []

    class Watched(Connection):
        def connection_made(self, transport):
            super().connection_made(transport)
            made.append(transport)

    shared = socket.socket(socket.AF_INET)
    shared.bind(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Watched(config=config, server_state=ServerState(), app_state={}), sock=shared)
    async with server:
        reader, writer = await asyncio.open_connection(*shared.getsockname())
        writer.write(GOOD)
        assert b"200 OK" in await answer(reader)
        assert made[0].get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
