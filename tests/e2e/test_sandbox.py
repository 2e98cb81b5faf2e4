"""The sandbox as a user meets it: real processes, a real browser, open and secured."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cds.vignette import load_patients
from tests.ports import two_free_ports
from tests.probe.live import ROOT, command, serving

CHROMIUM = "/usr/bin/chromium"
PATIENTS = load_patients(ROOT / "seeds" / "patients")


def _sandbox(folder: Path, *options: str) -> Iterator[str]:
    """The command as a user runs it; Ranvier ends with it."""
    port = two_free_ports()
    command = [sys.executable, "-m", "cds", "sandbox", "--port", str(port), *options]
    with serving(command, f"http://127.0.0.1:{port}/fhir/metadata", folder / "log"):
        yield f"http://127.0.0.1:{port}"
    with pytest.raises(httpx.ConnectError):
        get(f"http://127.0.0.1:{port + 1}/healthz")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from _sandbox(tmp_path_factory.mktemp("open"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from _sandbox(tmp_path_factory.mktemp("secured"), "--secured")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    found = context.new_page()
    found.set_default_timeout(20_000)
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield found
    assert faults == []
    context.close()


def get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=20, **options)


def call(page: Page, base: str, patient: str, hook: str, data: str) -> None:
    page.goto(f"{base}/?patient={patient}")
    page.select_option("#hook", hook)
    page.select_option("#data", data)
    page.click("text=Call the service")
    page.wait_for_url("**/calls/*")


@pytest.mark.parametrize("data", ["prefetch", "server"])
def test_from_a_patient_to_cards_and_feedback(sandbox: str, page: Page, data: str) -> None:
    call(page, sandbox, "ocrelizumab-failure", "patient-view", data)
    cards = page.locator(".card")
    assert cards.count() >= 1
    assert "AHSCT" in page.locator(".panel").inner_text()
    address = page.url
    cards.first.locator("select[name=reason]").select_option("patient-refuses")
    cards.first.get_by_role("button", name="Override").click()
    page.get_by_text("Overridden; the service knows.").wait_for()
    assert page.url == address
    record = page.locator("#record tbody tr")
    assert "overridden: Patient refuses" in record.first.inner_text()
    cards.first.get_by_role("button", name="Accept").click()
    page.get_by_text("Accepted; the service knows.").wait_for()
    assert record.first.locator("td").nth(2).inner_text() == "accepted"
    assert record.count() == 2
    assert "Feedback (2 sent, 2 in the service's record)" in page.locator("#feedback").inner_text()


def test_the_page_works_without_javascript(sandbox: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    call(page, sandbox, "ocrelizumab-drafted-hbv-unknown", "order-select", "prefetch")
    page.locator(".card").first.get_by_role("button", name="Accept").click()
    page.get_by_text("Accepted; the service knows.").wait_for()
    context.close()


def test_the_same_cards_by_prefetch_and_from_the_server(sandbox: str, page: Page) -> None:
    found = []
    for data in ("prefetch", "server"):
        call(page, sandbox, "ocrelizumab-failure", "patient-view", data)
        found.append(page.locator(".card h3").all_inner_texts())
    assert found[0] == found[1] != []


def test_a_secured_call_is_signed_and_reads_with_a_token(secured: str, page: Page) -> None:
    call(page, secured, "ocrelizumab-failure", "patient-view", "server")
    assert page.locator(".card").count() >= 1
    page.locator("summary", has_text="Signed token").click()
    token = json.loads(page.locator("pre").nth(1).inner_text())
    assert token["header"]["alg"] == "ES384"
    assert token["claims"]["aud"].endswith("/cds-services/ms-patient-view")
    page.locator("summary", has_text="What the service asked the FHIR server (8)").click()
    assert set(page.locator(".requests td:nth-child(2)").all_inner_texts()) == {"200"}
    request = json.loads(page.locator("pre").first.text_content() or "")
    assert request["fhirAuthorization"]["access_token"].endswith("…")
    assert request["fhirAuthorization"]["patient"] == "ocrelizumab-failure"
    assert "prefetch" not in request
    page.locator(".card").first.get_by_role("button", name="Accept").click()
    page.get_by_text("Accepted; the service knows.").wait_for()
    assert get(f"{secured}/fhir/Patient").status_code == 401
    assert get(f"{secured}/fhir/Patient").headers["www-authenticate"] == "Bearer"


def test_nothing_to_say_is_said(sandbox: str, page: Page) -> None:
    call(page, sandbox, "no-ms", "patient-view", "prefetch")
    assert "nothing to say" in page.locator(".panel").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_page(sandbox: str, page: Page, width: int, scheme: Literal["light", "dark"]) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    call(page, sandbox, "ocrelizumab-failure", "patient-view", "prefetch")
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    lightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(lightness) < 200) == (scheme == "dark")
    chart, panel = page.locator(".chart").bounding_box(), page.locator(".panel").bounding_box()
    assert chart is not None
    assert panel is not None
    assert panel["y"] >= chart["y"] + chart["height"] if width == 390 else panel["x"] >= chart["x"] + chart["width"]


def test_a_page_of_another_origin_can_play_the_ehr(sandbox: str, page: Page) -> None:
    """What the published source of the CDS Hooks Sandbox does: metadata, patients, templates, a call with a token, feedback."""
    fhir, service = f"{sandbox}/fhir", f"http://127.0.0.1:{int(sandbox.rpartition(':')[2]) + 1}/cds-services"
    page.context.grant_permissions(["local-network-access"], origin="https://sandbox.cds-hooks.org")
    page.route("https://sandbox.cds-hooks.org/", lambda route: route.fulfill(content_type="text/html", body="<link rel=icon href=data:,>"))
    page.goto("https://sandbox.cds-hooks.org/")
    found = page.evaluate(
        """async ([fhir, discovery]) => {
          const fetched = async (url) => (await fetch(url, {headers: {Accept: "application/json+fhir"}})).json();
          const signed = {Accept: "application/json", Authorization: "Bearer a.b.c", "Content-Type": "application/json"};
          const version = (await fetched(fhir + "/metadata")).fhirVersion;
          const patients = (await fetched(fhir + "/Patient")).entry.map((e) => e.resource.name[0].given.join(" ") + e.resource.id);
          const services = (await (await fetch(discovery, {headers: signed})).json()).services;
          const definition = services.find((one) => one.hook === "patient-view");
          const prefetch = {};
          for (const [key, template] of Object.entries(definition.prefetch)) {
            prefetch[key] = await fetched(fhir + "/" + template.replace("{{context.patientId}}", "ocrelizumab-failure"));
          }
          const context = {patientId: "ocrelizumab-failure", userId: "Practitioner/COREPRACTITIONER1"};
          const body = {hookInstance: crypto.randomUUID(), hook: "patient-view", fhirServer: fhir, context, prefetch};
          const url = discovery + "/" + definition.id;
          const answer = await (await fetch(url, {method: "POST", headers: signed, body: JSON.stringify(body)})).json();
          const entry = {card: answer.cards[0].uuid, outcome: "overridden", outcomeTimestamp: new Date().toISOString(), overrideReason: {}};
          entry.overrideReason.reason = {code: answer.cards[0].overrideReasons[0].code};
          const feedback = await fetch(url + "/feedback", {method: "POST", headers: signed, body: JSON.stringify({feedback: [entry]})});
          return {version, patients: patients.length, cards: answer.cards.length, feedback: feedback.status};
        }""",
        [fhir, service],
    )
    assert found == {"version": "4.0.1", "patients": len(PATIENTS), "cards": 2, "feedback": 200}


def test_a_place_that_is_taken_is_said_in_a_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = command("sandbox", "--port", str(taken.getsockname()[1] - 1))
    assert done.status == 2
    assert "another program is listening" in done.err
