"""Too many calls, slow bodies, clients that leave (CH-HTTP-03, CH-HTTP-09)."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
import uvloop
from msgspec.structs import replace
from uvicorn import Config, Server

from cds.api.connection import Connection
from tests.api import fake
from tests.api.samples import request

CALL = "/cds-services/ms-patient-view"
JSON = {"Content-Type": "application/json"}


async def slowly(event):
    body = json.dumps(request()).encode()
    yield body[:10]
    await event.wait()
    yield body[10:]


@pytest.mark.row("CH-HTTP-03")
def test_ch_http_03_one_call_too_many_is_told_to_come_back(make_wire, capfd):
    wire = make_wire(max_calls=2)

    async def calls():
        event = asyncio.Event()
        inside = [asyncio.create_task(wire.send("POST", CALL, {"content": slowly(event), "headers": JSON})) for _ in range(2)]
        await asyncio.sleep(0.05)
        outside = await wire.send("POST", CALL, {"json": request()})
        other = await wire.send("GET", "/cds-services", {})
        event.set()
        return outside, other, await asyncio.gather(*inside)

    outside, other, inside = wire.run(calls())
    assert (outside.status_code, outside.headers["retry-after"]) == (503, "1")
    assert outside.json()["issue"][0]["code"] == "transient"
    assert other.status_code == 200
    assert [response.status_code for response in inside] == [200, 200]
    assert wire.call(request()).status_code == 200
    assert '"outcome":"overloaded"' in capfd.readouterr().err


@pytest.mark.row("CH-HTTP-03")
def test_ch_http_03_calls_that_arrive_together_are_counted_before_the_first_is_answered(make_wire):
    """Advice is computed without a pause: were each call counted only at its turn, none would ever be one too many, and the queue grow."""
    wire = make_wire(max_calls=3)

    async def calls():
        return await asyncio.gather(*(wire.send("POST", CALL, {"json": request()}) for _ in range(12)))

    assert sorted(response.status_code for response in wire.run(calls())) == [200] * 3 + [503] * 9


@pytest.mark.row("CH-HTTP-03")
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_ch_http_03_connections_that_wait_are_taken_in_before_a_call_computes(make_wire, loop):
    """uvloop takes in one of them in a turn of the loop: the others would queue where nobody counts them."""
    wire = make_wire(max_calls=2)
    body = json.dumps(request()).encode()
    head = f"POST {CALL} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"

    async def calls():
        listening = socket.create_server(("127.0.0.1", 0), backlog=32)
        clients = [await asyncio.open_connection(*listening.getsockname()) for _ in range(16)]
        for _, writer in clients:
            writer.write(head.encode() + body)
        server = Server(Config(wire.app, http=Connection, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        answers = [await reader.read() for reader, _ in clients]
        server.should_exit = True
        await serving
        return [int(answer[9:12]) for answer in answers]

    with asyncio.Runner(loop_factory=loop) as runner:
        assert sorted(runner.run(calls())) == [200] * 2 + [503] * 14


def test_nothing_is_computed_for_a_client_that_has_left(make_wire, capfd):
    core = fake.core()
    asked = []

    def advise(call, values, as_of):
        asked.append(call)
        return core.advise(call, values, as_of)

    wire = make_wire(replace(core, advise=advise))

    async def leave():
        messages = iter([{"type": "http.request", "body": json.dumps(request()).encode()}, {"type": "http.disconnect"}])

        async def receive():
            return next(messages)

        async def send(message):
            raise AssertionError("nobody is there to be answered")

        headers = [(b"content-type", b"application/json")]
        await wire.app({"type": "http", "method": "POST", "path": CALL, "headers": headers, "query_string": b""}, receive, send)

    wire.run(leave())
    assert '"outcome":"gone"' in capfd.readouterr().err
    assert asked == []
    assert wire.call(request()).status_code == 200
    assert len(asked) == 1


@pytest.mark.row("CH-HTTP-09")
def test_ch_http_09_a_body_that_does_not_come_is_not_waited_for(make_wire):
    wire = make_wire(body_seconds=1)
    response = wire.request("POST", CALL, content=slowly(asyncio.Event()), headers=JSON)
    assert (response.status_code, response.headers["connection"]) == (408, "close")


def test_a_client_that_leaves_frees_its_place(make_wire, capfd):
    wire = make_wire(max_calls=1)

    async def leave():
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

        async def receive():
            return next(messages)

        async def send(message):
            raise AssertionError("nobody is there to be answered")

        headers = [(b"content-type", b"application/json")]
        await wire.app({"type": "http", "method": "POST", "path": CALL, "headers": headers, "query_string": b""}, receive, send)

    wire.run(leave())
    assert '"outcome":"gone"' in capfd.readouterr().err
    assert wire.call(request()).status_code == 200
