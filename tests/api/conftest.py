"""The service in the same process, called over ASGI; every answer is checked against the contract's schemas."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds import log
from cds.api.core import Core
from cds.api.runtime import start
from cds.api.web import assemble
from cds.settings import Settings
from tests.api import fake
from tests.api.fhir_scenario import Scenario
from tests.api.schema import DISCOVERY, check, check_outcome, check_response, strict_json
from tests.api.tokens import Production

ROWS = {line.split(" | ")[0] for line in (Path(__file__).parent / "rows.txt").read_text().splitlines() if line.startswith("CH-")}
BASE = "http://ranvier.test"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(*ids): rows of the service contract that the test checks (docs/conformance.md)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("row"):
            unknown = set(marker.args) - ROWS
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: no row {', '.join(sorted(unknown))} in tests/api/rows.txt")


class Wire:
    """A running service and a client for it."""

    def __init__(self, core: Core, **settings: Any) -> None:
        self.settings = Settings(**{"as_of": "2026-11-20", "public_url": BASE, **settings})
        log.configure(self.settings.log_level)
        self.runtime = start(self.settings, core)
        self.app = assemble(self.runtime)
        self._loop = asyncio.new_event_loop()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; the answer keeps to the contract or the test fails."""
        response = self.run(self.send(method, path, options))
        check_answer(response)
        return response

    def call(self, body: Any, service: str = "ms-patient-view", **options: Any) -> httpx.Response:
        """One service call with a JSON body."""
        headers = {"Content-Type": "application/json"} | options.pop("headers", {})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", f"/cds-services/{service}", content=content, headers=headers, **options)

    def close(self) -> None:
        """Close connections and the event loop."""
        self._loop.run_until_complete(self.runtime.aclose())
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the event loop of this service."""
        return self._loop.run_until_complete(work)

    async def send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        """One request, unchecked; several at once are possible."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE) as client:
            return await client.request(method, path, **options)


def check_answer(response: httpx.Response) -> None:
    """What holds for every answer of the service."""
    assert not response.is_redirect or response.status_code == 304
    assert "x-request-id" in response.headers or response.status_code == 204
    if not response.content:
        return
    if response.is_error:
        assert response.headers["content-type"] == "application/json"
        check_outcome(strict_json(response.content), response.status_code)
    elif response.url.path.strip("/") == "cds-services":
        check(strict_json(response.content), DISCOVERY)
    elif "/cds-services/" in response.url.path.replace("//", "/"):
        check_response(strict_json(response.content))


@pytest.fixture
def make_wire() -> Iterator[Callable[..., Wire]]:
    """Makes a service with other settings or another core."""
    made: list[Wire] = []

    def make(core: Core | None = None, **settings: Any) -> Wire:
        made.append(Wire(core or fake.core(), **settings))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


@pytest.fixture(scope="session")
def fhir_address() -> Iterator[str]:
    """Address of the test FHIR server, a process of its own."""
    process = subprocess.Popen([sys.executable, str(Path(__file__).parent / "fhir_server.py")], stdout=subprocess.PIPE, text=True)
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.terminate()
    process.wait(10)


@pytest.fixture
def server(fhir_address: str) -> Scenario:
    """A fresh scenario on it."""
    return Scenario(fhir_address)


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """Settings of a production service with a known client."""
    return Production(tmp_path)


@pytest.fixture
def wire(make_wire: Callable[..., Wire]) -> Wire:
    """The service as it is by default, with a stand-in core."""
    return make_wire()
