"""The sandbox as a user meets it: real processes, a real browser, open and secured."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cds.sandbox.store import build, export
from cds.vignette import load_patients
from tests.probe.live import ROOT, free_port, serving

CHROMIUM = "/usr/bin/chromium"
PATIENTS = load_patients(ROOT / "seeds" / "patients")


def _sandbox(folder: Path, *options: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "cds", "sandbox", "--port", str(port), *options]
    with serving(command, f"http://127.0.0.1:{port}/fhir/metadata", folder / "log"):
        yield f"http://127.0.0.1:{port}"


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
    assert "Patient refuses" in page.locator("#feedback").inner_text()
    assert "200 (kept)" in page.locator("#feedback").inner_text()
    cards.first.get_by_role("button", name="Accept").click()
    page.get_by_text("Accepted; the service knows.").wait_for()
    assert page.locator("#feedback tbody tr").count() == 2


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
    assert '"alg": "ES384"' in page.locator("pre").nth(1).inner_text()
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


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_page(sandbox: str, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    call(page, sandbox, "ocrelizumab-failure", "patient-view", "prefetch")
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_reading_and_searching(sandbox: str) -> None:
    fhir = f"{sandbox}/fhir"
    patient = get(f"{fhir}/Patient/cis")
    assert patient.headers["content-type"].startswith("application/fhir+json")
    assert patient.json()["id"] == "cis"
    first = get(f"{fhir}/Observation?patient=ocrelizumab-failure&_sort=-date&_count=2").json()
    seen = [entry["resource"]["id"] for entry in first["entry"]]
    assert len(seen) == 2 < first["total"]
    following = first
    while links := [link["url"] for link in following["link"] if link["relation"] == "next"]:
        following = get(links[0]).json()
        seen += [entry["resource"]["id"] for entry in following["entry"]]
    assert len(seen) == len(set(seen)) == first["total"]
    posted = httpx.post(f"{fhir}/Observation/_search", data={"patient": "ocrelizumab-failure"}, trust_env=False).json()
    assert {entry["resource"]["id"] for entry in posted["entry"]} == set(seen)
    everything = get(f"{fhir}/Patient/ocrelizumab-failure/$everything?_count=1000").json()
    assert {"Patient", "Observation", "MedicationAdministration"} <= {entry["resource"]["resourceType"] for entry in everything["entry"]}
    one = get(f"{fhir}/Observation?_id={seen[0]}&_format=json").json()
    assert one["total"] == 1
    assert get(f"{fhir}/AllergyIntolerance?patient=cis").json()["total"] == 0


def test_dates_are_sorted_newest_first(sandbox: str) -> None:
    found = get(f"{sandbox}/fhir/MedicationAdministration?patient=ocrelizumab-failure&_sort=-date&_count=500").json()
    dates = [
        str(entry["resource"].get("effectiveDateTime", entry["resource"].get("effectivePeriod", {}).get("start")))
        for entry in found["entry"]
    ]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) > 1


def test_the_server_says_what_it_is(sandbox: str, secured: str) -> None:
    statement = get(f"{sandbox}/fhir/metadata").json()
    assert statement["fhirVersion"] == "4.0.1"
    assert "demonstration" in statement["implementation"]["description"].lower()
    assert "security" in get(f"{secured}/fhir/metadata").json()["rest"][0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/nobody", 404),
        ("Patient/nobody/$everything", 404),
        ("patient", 404),
        ("Patient?colour=blue", 400),
        ("Patient?_count=x", 400),
        ("Condition?code:in=x", 400),
        ("Patient?_sort=name", 400),
        ("Patient?_format=xml", 406),
        ("", 404),
    ],
)
def test_errors_are_operation_outcomes(sandbox: str, path: str, status: int) -> None:
    answer = get(f"{sandbox}/fhir/{path}")
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_nothing_can_be_written(sandbox: str) -> None:
    answer = httpx.put(f"{sandbox}/fhir/Patient/cis", json={}, trust_env=False)
    assert answer.status_code == 405
    assert "cis" in get(f"{sandbox}/fhir/Patient/cis").text


def test_other_names_of_the_host_are_refused(sandbox: str) -> None:
    assert get(f"{sandbox}/", headers={"Host": "evil.example"}).status_code == 400


def test_every_form_of_export_holds_every_patient() -> None:
    store = build(PATIENTS.values())
    count = sum(1 for _ in store.all())
    transaction = json.loads(export(store, "transaction"))
    urls = [entry["request"]["url"] for entry in transaction["entry"]]
    assert len(urls) == len(set(urls)) == count
    assert all(entry["request"]["method"] == "PUT" for entry in transaction["entry"])
    assert len(json.loads(export(store, "bundle"))["entry"]) == count
    assert len([json.loads(line) for line in export(store, "ndjson").splitlines()]) == count
    assert set(store.resources["Patient"]) == set(PATIENTS)


def test_references_in_the_export_can_be_followed() -> None:
    store = build(PATIENTS.values())
    known = {f"{resource['resourceType']}/{resource['id']}" for resource in store.all()}
    text = export(store, "ndjson")
    references = {
        reference for resource in store.all() for reference in _references(resource) if reference.partition("/")[0] in store.resources
    }
    assert references <= known
    assert len(references) >= len(PATIENTS)
    assert all(len(line["id"]) <= 64 for line in map(json.loads, text.splitlines()))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "reference" and isinstance(member, str):
                yield member
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)
