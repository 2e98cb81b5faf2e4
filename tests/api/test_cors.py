"""Calls from a browser (contract 2.17)."""

from __future__ import annotations

import pytest

from cds.api.core import Core
from tests.api.fake import core
from tests.api.samples import request
from tests.api.test_errors import broken

SANDBOX = "https://sandbox.cds-hooks.org"
PATHS = ["/cds-services", "/cds-services/ms-patient-view", "/cds-services/ms-patient-view/feedback"]


def preflight(wire, path, origin=SANDBOX, **headers):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type", **headers}
    return wire.request("OPTIONS", path, headers={"Origin": origin, **asked})


@pytest.mark.row("CH-CORS-01", "CH-CORS-02")
@pytest.mark.parametrize("path", [*PATHS, "/cds-services/unknown", "/cds-services/ms-patient-view/"])
def test_ch_cors_02_preflight(wire, path):
    response = preflight(wire, path)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    allowed = {name.strip() for name in response.headers["access-control-allow-headers"].split(",")}
    assert {"Authorization", "Content-Type", "Accept"} <= allowed
    assert response.headers["access-control-max-age"] == "600"


@pytest.mark.row("CH-CORS-02")
@pytest.mark.parametrize("path", PATHS)
def test_ch_cors_02_plain_options(wire, path):
    response = wire.request("OPTIONS", path)
    assert (response.status_code, response.content) == (204, b"")
    assert "OPTIONS" in response.headers["allow"]


@pytest.mark.row("CH-CORS-02", "CH-CORS-05")
def test_ch_cors_05_configured_origins_are_reflected(make_wire):
    wire = make_wire(cors_origins=f"{SANDBOX} http://localhost:8080")
    for origin in (SANDBOX, "http://localhost:8080"):
        for response in (preflight(wire, PATHS[1], origin), wire.call(request(), headers={"Origin": origin})):
            assert response.headers["access-control-allow-origin"] == origin
            assert "Origin" in response.headers["vary"]


@pytest.mark.row("CH-CORS-05")
@pytest.mark.parametrize("origin", ["https://evil.example", f"{SANDBOX}.evil.example", "null", SANDBOX.upper()])
def test_ch_cors_05_foreign_origins_get_nothing(make_wire, origin):
    wire = make_wire(cors_origins=SANDBOX)
    for response in (preflight(wire, PATHS[1], origin), wire.call(request(), headers={"Origin": origin})):
        assert "access-control-allow-origin" not in response.headers
        assert "Origin" in response.headers["vary"]


@pytest.mark.row("CH-CORS-03")
@pytest.mark.parametrize(
    ("body", "service", "status"),
    [
        (request(), "ms-patient-view", 200),
        ({}, "ms-patient-view", 400),
        (request(), "unknown", 404),
        (request(prefetch=None), "ms-patient-view", 412),
    ],
)
def test_ch_cors_03_headers_on_every_answer(wire, body, service, status):
    response = wire.call(body, service, headers={"Origin": SANDBOX})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, "*")


@pytest.mark.row("CH-CORS-03")
def test_ch_cors_03_headers_on_a_fault(make_wire):
    response = make_wire(Core("test", "0" * 64, core().hooks, broken)).call(request(), headers={"Origin": SANDBOX})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (500, "*")


@pytest.mark.row("CH-CORS-04")
def test_ch_cors_04_no_credentials(wire):
    for response in (preflight(wire, PATHS[0]), wire.request("GET", "/cds-services", headers={"Origin": SANDBOX, "Cookie": "a=b"})):
        assert "access-control-allow-credentials" not in response.headers
        assert "set-cookie" not in response.headers


@pytest.mark.row("CH-CORS-06")
def test_ch_cors_06_private_network(wire):
    response = preflight(wire, PATHS[0], **{"Access-Control-Request-Private-Network": "true"})
    assert response.headers["access-control-allow-private-network"] == "true"
