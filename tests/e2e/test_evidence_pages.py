"""The public evidence pages: every record reachable, nothing from elsewhere, JSON on request, readable in a real browser."""

import re

import pytest
from playwright.sync_api import sync_playwright

from cds.content import load_content
from tests.service import REAL, Service

CONTENT = load_content()
EVIDENCE = CONTENT.evidence
PAGES = ["/evidence", "/evidence/definitions", "/evidence/documents"]
PAGES += [f"/evidence/{id}" for id in EVIDENCE.summaries]
PAGES += [f"/evidence/drugs/{id}" for id in EVIDENCE.drugs]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A real service process."""
    folder = tmp_path_factory.mktemp("served")
    with Service(folder, command=REAL, state=folder / "state") as service:
        yield service


@pytest.fixture(scope="module")
def client(served):
    return served.client


@pytest.mark.parametrize("path", PAGES)
def test_page_answers_in_html_and_json(client, path):
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    data = client.get(path, headers={"Accept": "application/json"})
    assert data.headers["content-type"] == "application/json"
    assert data.json()


def test_every_claim_and_source_has_its_page(client):
    for kind, records in (("claims", EVIDENCE.claims), ("sources", EVIDENCE.sources)):
        for id in records:
            assert client.get(f"/evidence/{kind}/{id}").status_code == 200, id


def test_links_within_lead_somewhere(client):
    seen = set()
    for path in PAGES:
        seen |= set(re.findall(r'(?:href|src)="(/evidence[^"#]*)', client.get(path).text))
    for path in sorted(seen):
        assert client.get(path).status_code == 200, path


def test_nothing_is_loaded_from_elsewhere(client):
    for path in PAGES[:10]:
        loaded = re.findall(r'<(?:link|script|img|iframe)[^>]*(?:href|src)="([^"]+)"', client.get(path).text)
        assert all(address.startswith(("/evidence/", "data:,")) for address in loaded)


def test_a_summary_says_what_certification_asks(client):
    text = client.get("/evidence/ahsct-after-high-efficacy-failure").text
    for words in (
        "45 CFR 170.315(b)(11)(iv)(A)",
        "Funding of the implementation",
        "Date of birth",
        "360j(o)(1)(E)",
        "Positions side by side",
    ):
        assert words in text


def test_an_unknown_record_is_an_operation_outcome(client):
    answer = client.get("/evidence/claims/nothing")
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


def test_the_exports_answer(client):
    assert client.get("/evidence/fhir").json()["resourceType"] == "Bundle"
    assert client.get("/evidence/sources.bib").text.startswith("@")
    assert len(client.get("/evidence/sources.csl.json").json()) == len(EVIDENCE.sources)


@pytest.mark.parametrize("width", [390, 1280])
def test_reads_well_in_a_browser(served, width):
    """No sideways scrolling, no console error, no request to another host, at phone and desk width."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        problems, hosts = [], set()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        for path in (
            "/evidence",
            "/evidence/ahsct-after-high-efficacy-failure",
            "/evidence/sources/burt-2019-mist",
            "/evidence/definitions",
        ):
            page.goto(served.base + path)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
            assert page.locator("h1").count() == 1
        page.goto(served.base + "/evidence")
        page.click("text=Autologous HSCT after failure of a high-efficacy drug")
        page.click("text=hsct-020")
        assert "MIST" in page.locator("h1").inner_text()
        browser.close()
    assert problems == []
    assert hosts == {served.base.split("/")[2]}
