"""FHIR servers over TLS: HTTP/2 where it is offered, HTTP/1.1 where it is not, and the same caution with both (CH-FHIR-04, CH-FHIR-05)."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
import pytest_asyncio
import trustme

from cds.fhir.client import FetchError, HttpReader
from tests.api.samples import OPTIONAL, PATIENT_ID, authorization, request
from tests.service import ROOT

PROTOCOLS = {"h2": ("h2", "http/1.1"), "http/1.1": ("http/1.1",)}
SPOKEN = {"h2": "2", "http/1.1": "1.1"}


class Authority:
    """A certificate authority of a site, and a certificate for this machine."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.ca_file, self.pem = folder / "ca.pem", folder / "server.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)
        self._authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(self.pem)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def serving(authority: Authority) -> Iterator[Callable[[str], str]]:
    """The address of a server that offers `h2`, or `http/1.1` alone; one of each is started when it is first asked for."""
    started: dict[str, str] = {}
    with ExitStack() as processes:

        def address(offers: str) -> str:
            if offers not in started:
                command = [sys.executable, "-m", "tests.api.https_server", str(authority.pem), *PROTOCOLS[offers]]
                process = processes.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
                processes.callback(process.kill)
                started[offers] = f"https://localhost:{process.stdout.readline().strip()}"
            return started[offers]

        yield address


@pytest_asyncio.fixture
async def reader(authority: Authority) -> AsyncIterator[HttpReader]:
    made = HttpReader(authority.ca_file)
    yield made
    await made.aclose()


async def get(reader: HttpReader, url: str, timeout: float = 10, **options: object) -> dict | list:
    answer = await reader.get(
        url, {"Authorization": "Bearer t"}, **{"timeout": timeout, "max_bytes": 1_000_000, "private": True, **options}
    )
    return json.loads(answer.body)


@pytest.mark.parametrize("offers", PROTOCOLS)
async def test_what_is_offered_is_spoken(reader, serving, offers):
    base = serving(offers)
    first = await asyncio.gather(*(get(reader, f"{base}/first") for _ in range(3)))
    then = await asyncio.gather(*(get(reader, f"{base}/then?{number}") for number in range(8)))
    assert {answer["id"] for answer in first + then} == {SPOKEN[offers]}
    asked = [entry for entry in await get(reader, f"{base}/log") if entry["path"] == "/then"]
    connections = {tuple(entry["client"]) for entry in asked}
    assert len(connections) == (1 if offers == "h2" else 8)
    assert all(entry["headers"]["authorization"] == "Bearer t" for entry in asked)


@pytest.mark.row("CH-FHIR-05")
@pytest.mark.parametrize("offers", PROTOCOLS)
async def test_ch_fhir_05_over_tls_too_private_addresses_are_closed_unless_allowed(reader, serving, offers):
    with pytest.raises(FetchError, match="forbidden address"):
        await get(reader, f"{serving(offers)}/x", private=False)


@pytest.mark.row("CH-FHIR-04")
@pytest.mark.parametrize("offers", PROTOCOLS)
async def test_ch_fhir_04_the_certificate_must_be_for_the_name(reader, serving, offers):
    base = serving(offers)
    with pytest.raises(FetchError, match="connection"):
        await get(reader, f"{base}/x".replace("localhost", "127.0.0.1"))
    stranger = HttpReader()
    with pytest.raises(FetchError, match="connection"):
        await get(stranger, f"{base}/x")
    await stranger.aclose()


@pytest.mark.row("CH-FHIR-01")
@pytest.mark.parametrize("offers", PROTOCOLS)
def test_ch_fhir_01_a_call_is_completed_over_tls(make_wire, serving, authority, offers):
    base = serving(offers)
    wire = make_wire(fhir_bases=base, ca_file=authority.ca_file)
    body = request(prefetch=..., fhirServer=base, fhirAuthorization=authorization())
    for _ in range(2):
        assert wire.call(body).json()["cards"]
    asked = wire.run(get(wire.runtime.reader, f"{base}/log"))
    ours = [entry for entry in asked if entry["headers"].get("authorization", "").endswith(authorization()["access_token"])]
    assert {entry["protocol"] for entry in ours} == {SPOKEN[offers]}
    assert f"/Patient/{PATIENT_ID}" in {entry["path"] for entry in ours}
    assert len(ours) == 2 * (2 + len(OPTIONAL))


async def test_one_slow_answer_on_a_shared_connection_does_not_hurt_another(reader, serving):
    """A request that is given up must not take down the connection under one that has time left."""
    base = serving("h2")
    await get(reader, f"{base}/warm")

    async def hang(timeout: float) -> str:
        try:
            await get(reader, f"{base}/hang", timeout)
        except FetchError as error:
            return error.reason
        return "answered"

    impatient = asyncio.create_task(hang(0.5))
    await asyncio.sleep(0.3)
    assert await hang(8) == "answered"
    assert await impatient == "timeout"


@asynccontextmanager
async def breaking(authority: Authority, garbage: bytes) -> AsyncIterator[str]:
    """A server that begins an answer over HTTP/2 and then sends something else."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.pem)
    tls.set_alpn_protocols(["h2"])

    async def answer(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        while data := await incoming.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    connection.send_headers(event.stream_id, [(":status", "200")])
                    connection.send_data(event.stream_id, b"{")
                    outgoing.write(connection.data_to_send())
                    await asyncio.sleep(0.1)
                    outgoing.write(garbage)
                    outgoing.close()
                    return
            outgoing.write(connection.data_to_send())

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00", b""])
async def test_a_server_that_breaks_the_protocol_is_one_that_gave_no_answer(reader, authority, garbage):
    async with breaking(authority, garbage) as base:
        with pytest.raises(FetchError, match="protocol"):
            await get(reader, f"{base}/x")
