"""The probe as a program: against real servers in other styles, its reports, and its manners."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server
from xml.etree import ElementTree

import httpx
import pytest
import yaml
from joserfc.jwk import ECKey

from cds.probe.fhir_stub import listening
from cds.probe.model import Exchange
from cds.probe.report import render
from cds.probe.run import run
from cds.probe.session import Session, authorities, client, root
from tests.ports import free_port
from tests.probe.broken import Broken
from tests.probe.door import ISSUER
from tests.probe.live import ROOT, command, ranvier, serving
from tests.probe.test_faults import found, probe

SERVICES = Path(__file__).parent / "services"
STYLES = {
    "wsgi": [sys.executable, str(SERVICES / "wsgi_service.py")],
    "flask": [sys.executable, str(SERVICES / "flask_service.py")],
    "node": [shutil.which("node") or "node", str(SERVICES / "node_service.js")],
    "asgi": [sys.executable, str(SERVICES / "asgi_service.py")],
}
BEYOND_EPIC = {"node": {"epic-any"}, "wsgi": {"epic-uuid"}}
"""What Epic would refuse in these services, and the specification allows."""


@pytest.mark.parametrize("style", STYLES)
def test_services_in_other_styles_give_no_false_alarm(style: str, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with serving([*STYLES[style], str(port)], f"{base}/cds-services", tmp_path / "log"):
        for profile in ("2.0", "1.0", "epic"):
            with client() as http:
                report = run(Session(base, http, profile))
            true_alarms = BEYOND_EPIC.get(style, set()) if profile == "epic" else set()
            assert found(report).keys() == true_alarms, found(report)
            assert report.count("pass") >= 40


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Requests of synthetic patients that lead to cards, as files."""
    from cds.vignette import load_patients

    folder = tmp_path_factory.mktemp("requests")
    patients = load_patients(ROOT / "seeds" / "patients")
    files = []
    for id, hook in (
        ("ocrelizumab-failure", "patient-view"),
        ("ocrelizumab-drafted-hbv-unknown", "order-sign"),
        ("nearly-everything-missing", "patient-view"),
    ):
        path = folder / f"{id}.json"
        path.write_text(json.dumps(patients[id].expand().request(hook)), encoding="utf-8")
        files += ["--request", str(path)]
    return files


def test_ranvier_is_clean_in_the_strict_profile(service: str, fhir_server: str, requests: list[str]) -> None:
    told = ("--body-limit", "32", "--fhir-server", fhir_server)
    done = command("probe", service, "--pause", "0", "--profile", "strict", "--format", "json", *told, *requests)
    report = json.loads(done.out)
    assert [result for result in report["results"] if result["verdict"] in ("fail", "warn")] == []
    assert done.status == 0
    assert report["counts"]["pass"] > 150
    fetched = {result["check"]: result["verdict"] for result in report["results"] if result["check"].startswith("fetch-")}
    assert len(fetched) >= 14
    assert set(fetched.values()) == {"pass"}


@pytest.mark.parametrize("profile", ["2.0", "1.0", "epic"])
def test_ranvier_is_clean_in_the_other_profiles(service: str, requests: list[str], profile: str) -> None:
    done = command("probe", service, "--pause", "0", "--profile", profile, *requests)
    assert done.status == 0, done.out
    assert " 0 failed, 0 warnings" in done.out


def test_ranvier_is_clean_with_tokens(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-384", {"kid": "k1"})
    clients = {"clients": [{"id": "probe", "issuer": ISSUER, "keys": {"keys": [key.as_dict(private=False)]}}]}
    (tmp_path / "clients.yaml").write_text(yaml.safe_dump(clients), encoding="utf-8")
    (tmp_path / "key.json").write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")
    with ranvier(tmp_path / "log", RANVIER_CLIENTS=str(tmp_path / "clients.yaml")) as base:
        key_file = str(tmp_path / "key.json")
        options = ("--pause", "0", "--profile", "strict", "--format", "json")
        done = command("probe", base, *options, "--jwt-key", key_file, "--jwt-issuer", ISSUER)
        call = ("call", "ms-patient-view", "--patient", "ocrelizumab-failure", "--url", base)
        assert "2 cards" in command(*call, "--jwt-key", key_file, "--jwt-issuer", ISSUER).out
        assert "refused with 401" in command(*call).out
    report = json.loads(done.out)
    assert [result for result in report["results"] if result["verdict"] in ("fail", "warn")] == []
    assert {
        result["verdict"]
        for result in report["results"]
        if result["check"].startswith("token-") and result["check"] != "token-without-server"
    } == {"pass"}
    assert key.as_dict(private=True)["d"] not in done.out
    assert "eyJ" not in done.out


def test_failures_end_with_status_1_and_an_unusable_call_with_2(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = command("probe", nobody)
    assert done.status == 1
    assert "no answer: ConnectError" in done.out
    assert command("probe", "not an address").status == 2
    assert command("probe", nobody, "--request", str(tmp_path / "none.json")).status == 2
    assert command("probe", nobody, "--jwt-key", str(tmp_path / "none.json")).status == 2
    assert command("probe", nobody, "--fhir-server", "https://elsewhere.example").status == 2
    assert command("probe", nobody, "--fhir-server", "http://192.0.2.1:9090").status == 2


def test_reports_can_be_read_by_programs_and_browsers() -> None:
    report = probe(Broken("slow"), "strict")
    document = json.loads(render(report, "json"))
    assert document["counts"]["warn"] == 1
    suite = ElementTree.fromstring(render(report, "junit"))
    assert len(suite.findall("testcase")) == int(suite.get("tests", "0")) == len(report.results)
    assert len(suite.findall("testcase/skipped")) == report.count("notApplicable")
    page = render(report, "html")
    assert page.count("<tr class=") == len(report.results)
    assert "users wait for it" in page
    assert "users wait for it" in render(report, "terminal", 200)


def test_words_of_the_service_cannot_break_a_report() -> None:
    report = probe(Broken("x", "card", lambda card: card.update({'<script>"\u0007': 1})), "2.0")
    assert "<script>" not in render(report, "html")
    failures = ElementTree.fromstring(render(report, "junit")).findall("testcase/failure")
    assert any("script" in failure.get("message", "") for failure in failures)


def test_a_run_is_bounded_and_stays_with_its_host() -> None:
    service = Broken()
    hosts = set()

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.add(request.url.host)
        if request.url.path == "/cds-services":
            return httpx.Response(302, headers={"Location": "http://elsewhere.example/"})
        return httpx.Response(302, headers={"Location": "http://elsewhere.example/"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        run(Session(service.base, http, "strict"))
    assert hosts == {"demo.example"}
    with httpx.Client(transport=httpx.WSGITransport(service)) as http:
        report = run(Session(service.base, http, "strict", max_requests=20))
    assert report.requests == 20
    assert service.calls == 20
    assert any("limit of 20 requests" in result.why for result in report.results)
    assert not client().trust_env
    assert not client().follow_redirects


def test_the_fhir_server_listens_where_it_was_told_and_ends_with_the_run(fhir_server: str) -> None:
    with listening(f"{fhir_server}/r4") as stub:
        stub.pool = [{"resourceType": "Patient", "id": "p"}]
        assert httpx.get(f"{fhir_server}/r4/Patient/p", trust_env=False).json() == stub.pool[0]
        assert httpx.get(f"{stub.other}/Patient", trust_env=False).status_code == 200
        assert [(one.kind, one.elsewhere) for one in stub.asked] == [("Patient", False), ("Patient", True)]
    with pytest.raises(httpx.ConnectError):
        httpx.get(fhir_server, trust_env=False)


def test_an_authority_of_the_site_is_trusted_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(authorities().get_ca_certs())
    assert before > 50
    key = tmp_path / "key.pem"
    certificate = tmp_path / "ca.pem"
    kind = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(
        ["openssl", "req", "-x509", *kind.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"services": []}']

    with make_server("127.0.0.1", 0, app) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        base = f"https://localhost:{server.server_port}"
        with client() as http:
            assert Session(base, http).discovery.trouble.startswith("its certificate is not trusted")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with client() as http:
            assert Session(base, http).discovery.status == 200
        server.shutdown()


def test_production_without_tls_is_a_failure() -> None:
    report = probe(Broken(), "strict")
    assert {result.check: result.verdict for result in report.results}["tls"] == "fail"


def test_https_without_hsts_is_reported() -> None:
    with httpx.Client(transport=httpx.WSGITransport(Broken())) as http:
        report = run(Session("https://demo.example", http, "strict"))
    verdicts = {result.check: result.verdict for result in report.results}
    assert verdicts["tls"] == "pass"
    assert verdicts["hsts"] == "fail"


@pytest.mark.parametrize(
    "url", ["https://a.example/x/", "https://a.example/x", "https://a.example/x/cds-services", "https://a.example/x/cds-services/"]
)
def test_the_base_is_found_however_it_is_written(url: str) -> None:
    assert root(url) == "https://a.example/x"


@pytest.mark.parametrize("url", ["", "a.example", "file:///etc/passwd", "https://user@a.example", "https://a.example?x=1"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="an address such as"):
        root(url)


def test_an_exchange_shows_no_body() -> None:
    exchange = Exchange("POST", "/x", "a call", 200, {"content-type": "text/html"}, b"<secret>", 0.1)
    assert exchange.got == "200, 8 bytes of text/html"
