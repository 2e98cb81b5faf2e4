"""A pytest plugin: test any CDS Hooks service with our synthetic patients (docs/testing-your-service.md)."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct

HookRequest = Callable[..., dict[str, Any]]


class CdsService(Struct, frozen=True):
    """The service under test."""

    base: str
    client: httpx.Client
    signer: Any = None

    def discovery(self) -> list[dict[str, Any]]:
        """The services that discovery names."""
        found: list[dict[str, Any]] = self._send("GET", "/cds-services").raise_for_status().json()["services"]
        return found

    def id_of(self, hook: str) -> str:
        """Id of the service that answers a hook; the test is failed if there is none."""
        found = [entry for entry in self.discovery() if entry["hook"] == hook]
        if not found:
            pytest.fail(f"{self.base} has no service for {hook}")
        return str(found[0]["id"])

    def call(self, request: dict[str, Any], service: str | None = None) -> httpx.Response:
        """Send a request to the service with this id, or to the one that answers its hook."""
        return self._send("POST", f"/cds-services/{service or self.id_of(request['hook'])}", request)

    def cards(self, request: dict[str, Any], service: str | None = None) -> list[dict[str, Any]]:
        """Send a request and return the cards; the test is failed if it is refused."""
        answer = self.call(request, service)
        if answer.status_code != 200:
            pytest.fail(f"the request was answered with {answer.status_code}")
        found: list[dict[str, Any]] = answer.json()["cards"]
        return found

    def feedback(self, service: str, *entries: dict[str, Any]) -> httpx.Response:
        """Report what became of cards."""
        return self._send("POST", f"/cds-services/{service}/feedback", {"feedback": list(entries)})

    def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.signer.token(self.base + path)}"} if self.signer else {}
        return self.client.request(method, self.base + path, json=body, headers=headers)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("cds-hooks", "CDS Hooks")
    group.addoption("--cds-hooks-url", metavar="URL", help="Address below which the service has /cds-services.")
    group.addoption("--cds-hooks-jwt-key", metavar="FILE", help="Private key of a client that the service knows: JWK or PEM.")
    group.addoption("--cds-hooks-jwt-issuer", metavar="URL", default="https://probe.example", help="`iss` of the tokens.")


@pytest.fixture(scope="session")
def cds_service(request: pytest.FixtureRequest) -> Iterator[CdsService]:
    """The service at `--cds-hooks-url`; tests that need it are skipped without."""
    url = request.config.getoption("--cds-hooks-url")
    if not url:
        pytest.skip("--cds-hooks-url was not given")
    from cds.probe.session import client, root
    from cds.probe.token import read_signer

    key = request.config.getoption("--cds-hooks-jwt-key")
    signer = read_signer(Path(key), request.config.getoption("--cds-hooks-jwt-issuer")) if key else None
    with client(timeout=15) as http:
        yield CdsService(root(url), http, signer)


@pytest.fixture(scope="session")
def hook_request() -> HookRequest:
    """A function that makes a request: `hook_request("ocrelizumab-failure", "patient-view", without=["observations"])`.

    The first argument is the id of a synthetic patient (`ranvier patients list`) or a vignette: the patient in a few lines.
    `as_of` is the day of a vignette; `without` names prefetch keys to leave out.
    """
    from cds.content import default_root
    from cds.vignette import expand, load_patients

    patients = load_patients(default_root() / "seeds" / "patients")

    def make(patient: str, hook: str = "patient-view", *, as_of: Any = None, without: tuple[str, ...] | list[str] = ()) -> dict[str, Any]:
        if patient in patients:
            vignette = patients[patient].expand(as_of)
        else:
            vignette = expand(patient, as_of or max(known.as_of for known in patients.values()))
        made = copy.deepcopy(vignette.request(hook))
        made["hookInstance"] = str(uuid.uuid4())
        for key in without:
            made["prefetch"].pop(key, None)
        return made

    return make
