"""The probe as a program: against real servers in other styles, its reports, and its manners."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
import yaml
from joserfc.jwk import ECKey

from cds.probe.model import Exchange
from cds.probe.report import render
from cds.probe.run import run
from cds.probe.session import Session, client, root
from tests.probe.broken import ISSUER, Broken
from tests.probe.live import ROOT, free_port, ranvier, serving
from tests.probe.test_faults import found, probe

SERVICES = Path(__file__).parent / "services"
STYLES = {
    "wsgi": [sys.executable, str(SERVICES / "wsgi_service.py")],
    "node": [shutil.which("node") or "node", str(SERVICES / "node_service.js")],
    "asgi": [sys.executable, str(SERVICES / "asgi_service.py")],
}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `ranvier probe`."""
    return subprocess.run(
        [sys.executable, "-m", "cds", "probe", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("style", STYLES)
def test_services_in_other_styles_give_no_false_alarm(style: str, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with serving([*STYLES[style], str(port)], f"{base}/cds-services", tmp_path / "log"):
        for profile in ("2.0", "1.0", "epic"):
            with client() as http:
                report = run(Session(base, http, profile))
            accepted = (
                {"epic-any"} if style == "node" and profile == "epic" else {"epic-uuid"} if style == "wsgi" and profile == "epic" else set()
            )
            assert found(report).keys() == accepted, found(report)
            assert report.count("pass") >= 40


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ranvier(tmp_path_factory.mktemp("ranvier") / "log") as base:
        yield base


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


def test_ranvier_is_clean_in_the_strict_profile(service: str, requests: list[str]) -> None:
    done = command(service, "--profile", "strict", "--format", "json", *requests)
    report = json.loads(done.stdout)
    assert [result for result in report["results"] if result["verdict"] in ("fail", "warn")] == []
    assert done.returncode == 0
    assert report["counts"]["pass"] > 130


@pytest.mark.parametrize("profile", ["2.0", "1.0", "epic"])
def test_ranvier_is_clean_in_the_other_profiles(service: str, requests: list[str], profile: str) -> None:
    done = command(service, "--profile", profile, *requests)
    assert done.returncode == 0, done.stdout
    assert " 0 failed, 0 warnings" in done.stdout


def test_ranvier_is_clean_with_tokens(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-384", {"kid": "k1"})
    clients = {"clients": [{"id": "probe", "issuer": ISSUER, "keys": {"keys": [key.as_dict(private=False)]}}]}
    (tmp_path / "clients.yaml").write_text(yaml.safe_dump(clients), encoding="utf-8")
    (tmp_path / "key.json").write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")
    with ranvier(tmp_path / "log", RANVIER_CLIENTS=str(tmp_path / "clients.yaml")) as base:
        done = command(base, "--profile", "strict", "--jwt-key", str(tmp_path / "key.json"), "--jwt-issuer", ISSUER, "--format", "json")
    report = json.loads(done.stdout)
    assert [result for result in report["results"] if result["verdict"] in ("fail", "warn")] == []
    assert {
        result["verdict"]
        for result in report["results"]
        if result["check"].startswith("token-") and result["check"] != "token-without-server"
    } == {"pass"}
    assert key.as_dict(private=True)["d"] not in done.stdout
    assert "eyJ" not in done.stdout


def test_failures_end_with_status_1_and_an_unusable_call_with_2(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = command(nobody)
    assert done.returncode == 1
    assert "no answer: ConnectError" in done.stdout
    assert command("not an address").returncode == 2
    assert command(nobody, "--request", str(tmp_path / "none.json")).returncode == 2
    assert command(nobody, "--jwt-key", str(tmp_path / "none.json")).returncode == 2


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
