"""The reviewer's workbench in a real browser: reading, what-if, paste, sign-off, plots, keyboard, two widths, day and night."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cds.app import create_app
from cds.content import default_root
from cds.settings import Settings
from cds.vignette import load_patients
from tests.oidc_provider import CLIENT, SECRET, Provider
from tests.service import REAL, Service

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
PATIENTS = load_patients(default_root() / "seeds" / "patients")
CHROMIUM = "/usr/bin/chromium"
ACCOUNT = {"X-Forwarded-User": "a.reviewer@hospital.example", "X-Ranvier-Review-Secret": "sixteen letters or more"}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("review")
    with Service(folder, command=REAL, state=folder) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(server: Service, browser: Browser) -> Iterator[Page]:
    """A page that may neither complain nor ask any other host."""
    context = browser.new_context(base_url=server.base, viewport={"width": 1280, "height": 900})
    opened, complaints, elsewhere = context.new_page(), [], []
    opened.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: elsewhere.append(request.url) if not request.url.startswith(server.base) else None)
    yield opened
    context.close()
    assert complaints == []
    assert elsewhere == []


PAGES = (
    "/review?tag=ahsct",
    "/review/patients/pregnant-relapsing",
    "/review/patients/nearly-everything-missing",
    "/review/what-if/ocrelizumab-failure?edss=6.5&pregnancy=pregnant",
    "/review/paste",
    "/review/cards",
    "/review/cards/msc",
    "/review/feedback",
    "/review/signatures",
    "/evidence/msc",
)


LOOKS = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
"""The rules of axe that depend on width and colours; the others say the same of a page however it is drawn."""


MOST_UNFOLDED = 8
"""Of what is folded on a page; the fullest ones hold a hundred of the same kind."""


def assert_accessible(page: Page, *, everything: bool = True) -> None:
    """No rule of axe is broken."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    result = page.evaluate("axe.run()" if everything else f"axe.run({{runOnly: {LOOKS}}})")
    assert [(found["id"], found["nodes"][0]["html"]) for found in result["violations"]] == []
    assert "color-contrast" in {found["id"] for found in result["passes"]}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_fits_at_both_widths_by_day_and_night_and_has_no_inline_script(page: Page, path: str):
    answer = page.goto(path)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?! src)|<style|\sstyle=|\son\w+=", answer.text())
    page.evaluate(f"[...document.querySelectorAll('details')].slice(0, {MOST_UNFOLDED}).forEach(found => found.open = true)")
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.body.scrollWidth") <= width
        assert_accessible(page, everything=width == 1280)


def test_a_cell_of_the_matrix_leads_to_the_card(page: Page):
    page.goto("/review")
    page.locator("select[name=topic]").select_option("ahsct")
    page.get_by_label("Words").fill("two high-efficacy")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("table.matrix tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Autologous HSCT: fired").click()
    expect(page).to_have_url(re.compile("/review/patients/two-high-efficacy-failures#card-ahsct$"))
    card = page.get_by_role("article", name=re.compile("^Narrow panel: Option named by guidelines: AHSCT"))
    expect(card).to_be_visible()
    assert card.bounding_box()["width"] <= 320


def test_a_patient_is_drawn_and_every_sentence_leads_to_its_claim(page: Page):
    page.goto("/review/patients/two-high-efficacy-failures")
    expect(page.get_by_role("img", name=re.compile("Course from"))).to_be_visible()
    for shape, hidden, width in (("wide", "narrow", 1280), ("narrow", "wide", 390)):
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.locator(f"svg.timeline.{shape}")).to_be_visible()
        expect(page.locator(f"svg.timeline.{hidden}")).to_be_hidden()
        assert page.locator(f"svg.timeline.{shape} .bar").count() == 2
        assert page.locator(f"svg.timeline.{shape} .relapse").count() == 4
    page.set_viewport_size({"width": 1280, "height": 900})
    row = page.get_by_role("row", name=re.compile("Transplant deaths per 100")).first
    expect(row.get_by_role("cell").last).to_have_text("moderate")
    row.get_by_role("link", name="hsct-060").click()
    expect(page).to_have_url(re.compile("/evidence/claims/hsct-060$"))


def test_a_fact_leads_to_the_resource_it_was_read_from(page: Page):
    page.goto("/review/patients/ocrelizumab-failure")
    page.get_by_role("link", name="Observation/edss-2026-09-20").first.click()
    expect(page.get_by_role("region", name="JSON of Observation/edss-2026-09-20")).to_contain_text("273554001")


def test_what_if_shows_what_changes_at_once_and_can_be_shared(page: Page, server: Service):
    page.goto("/review/what-if/ocrelizumab-failure")
    expect(page.get_by_role("status")).to_have_text("No card changes; no facts read otherwise.")
    expect(page.get_by_label("Course").locator("option:checked")).to_have_text("as told: rrms")
    page.get_by_label("Pregnancy").select_option("pregnant")
    expect(page.get_by_role("heading", name="Autologous HSCT gone")).to_be_visible()
    expect(page.get_by_role("heading", name="Safety of a disease-modifying treatment new")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?pregnancy=pregnant$"))
    expect(page.get_by_role("status")).to_contain_text("3 cards change")
    told = page.locator("#result").inner_text()
    page.goto(page.url)
    assert page.locator("#result").inner_text() == told
    page.get_by_label("medications").check()
    expect(page.locator("#result")).to_contain_text("Missing data")
    assert "ocrelizumab-failure?" not in server.log


def test_what_if_without_script_is_a_form(browser: Browser, server: Service):
    context = browser.new_context(base_url=server.base, java_script_enabled=False)
    page = context.new_page()
    page.goto("/review/what-if/ocrelizumab-failure")
    page.get_by_label("Latest EDSS").select_option("6.5")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.locator("#result")).to_contain_text("Latest EDSS within 24 months")
    context.close()


def pasted(name: str) -> str:
    request = PATIENTS["ocrelizumab-failure"].expand().request()
    request["prefetch"]["patient"]["name"] = [{"family": name}]
    return json.dumps(request)


def test_a_pasted_chart_is_shown_escaped_and_leaves_no_trace(page: Page, server: Service, tmp_path: Path):
    page.goto("/review/paste")
    page.get_by_label("JSON").fill(pasted("<script>document.title='taken'</script>Zanzibar"))
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator(".banner strong")).to_have_text("<script>document.title='taken'</script>Zanzibar")
    expect(page.get_by_role("article", name=re.compile("Wide panel: Option named by guidelines"))).to_have_count(2)
    expect(page).to_have_title("The chart you pasted · Ranvier review")
    kept = [path for path in server.log_path.parent.rglob("*") if path.is_file() and b"Zanzibar" in path.read_bytes()]
    assert kept == []


def test_what_cannot_be_read_is_said(server: Service, browser: Browser):
    page = browser.new_context(base_url=server.base).new_page()
    page.goto("/review/paste")
    page.get_by_label("JSON").fill("{not JSON, of Zanzibar")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid JSON")
    assert "Zanzibar" not in page.content()
    page.context.close()


def test_a_card_is_signed_and_the_record_exported(page: Page):
    page.goto("/review/cards/msc")
    page.get_by_text("Sign this content").click()
    page.get_by_label("Name").fill("A. <b>Reviewer</b>")
    page.get_by_label("Role").fill("Consultant neurologist")
    page.get_by_label("approve", exact=True).check()
    page.get_by_label("Comment").fill("Read against its sources.")
    page.get_by_role("button", name=re.compile("^Sign ")).click()
    expect(page.locator("h2#msc .chip").last).to_have_text("approved")
    expect(page.get_by_text("A. <b>Reviewer</b>, Consultant neurologist")).to_be_visible()
    page.goto("/review/signatures")
    expect(page.get_by_text("1 of")).to_be_visible()
    record = page.request.get("/review/signatures.json").json()
    assert [(row["card"], row["decision"]) for row in record["signatures"]] == [("msc", "approve")]
    assert "| msc | approved |" in page.request.get("/review/signatures.md").text()


def test_feedback_is_plotted_with_its_table(page: Page, server: Service):
    answer = httpx.post(f"{server.base}/cds-services/ms-patient-view", json=PATIENTS["ocrelizumab-failure"].expand().request()).json()
    ids = [card["uuid"] for card in answer["cards"]]
    reason = {
        "code": "patient-refuses",
        "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
        "display": "Patient refuses",
    }
    reports = [
        {"card": ids[0], "outcome": "accepted", "acceptedSuggestions": [], "outcomeTimestamp": "2026-11-20T10:00:00Z"},
        {"card": ids[1], "outcome": "overridden", "overrideReason": {"reason": reason}, "outcomeTimestamp": "2026-11-20T10:00:00Z"},
    ]
    httpx.post(f"{server.base}/cds-services/ms-patient-view/feedback", json={"feedback": reports}).raise_for_status()
    page.goto("/review/feedback?per=day")
    expect(page.get_by_role("img", name="By topic: accepted and overridden cards. The same figures are in the table.")).to_be_visible()
    expect(page.get_by_role("region", name="Table: By topic").get_by_role("row", name=re.compile("Autologous HSCT"))).to_contain_text(
        "100 %"
    )
    expect(page.get_by_role("region", name="Table: reasons to override")).to_contain_text("Patient refuses")
    assert_accessible(page)


def test_all_can_be_done_with_the_keyboard(page: Page):
    page.goto("/review")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.locator("table.matrix tbody a").first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "End", "Home", "ArrowRight"):
        page.keyboard.press(key)
    focused = page.locator("table.matrix tbody a:focus")
    expect(focused).to_have_count(1)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/review/patients/alemtuzumab-then-relapse#card-ahsct"))
    page.goto("/review/what-if/cis")
    page.get_by_label("Course").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page).to_have_url(re.compile(r"course=RIS"))


# Access


def test_a_form_from_elsewhere_is_refused(server: Service):
    form = {"chart": "{}", "as_of": "2026-11-20"}
    with httpx.Client(base_url=server.base) as client:
        assert client.post("/review/paste", data=form).status_code == 403
        token = re.search(r'name="csrf" value="([^"]+)"', client.get("/review/paste").text)[1]
        assert client.post("/review/paste", data=form | {"csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.post("/review/paste", data=form | {"csrf": "x" * 43}).status_code == 403
        assert client.post("/review/paste", data=form | {"csrf": token}).status_code == 422


def test_behind_a_proxy_only_those_it_names_come_in_and_only_signed_cards_speak(tmp_path: Path):
    proxy = {"review_user_header": "X-Forwarded-User", "review_secret": ACCOUNT["X-Ranvier-Review-Secret"]}
    with Service(tmp_path, command=REAL, state=tmp_path, require_signoff=True, **proxy) as guarded:
        for path in (*PAGES[:-1], "/review/signatures.json", "/review/signatures.md"):
            assert httpx.get(guarded.base + path).status_code == 401
            assert httpx.get(guarded.base + path, headers=ACCOUNT | {"X-Ranvier-Review-Secret": "guessed"}).status_code == 401
        for path in ("/review/paste", "/review/signatures"):
            assert httpx.post(guarded.base + path).status_code == 401
        assert "a.reviewer@hospital.example" in httpx.get(f"{guarded.base}/review/paste", headers=ACCOUNT).text
        extension = httpx.get(f"{guarded.base}/cds-services").json()["services"][0]["extension"]["org.ranvier.discovery"]
        assert extension["signOff"]["signedCards"] == 0
        answer = httpx.post(f"{guarded.base}/cds-services/ms-patient-view", json=PATIENTS["ocrelizumab-failure"].expand().request())
        assert answer.json() == {"cards": []}
        assert "Not signed off" in httpx.get(f"{guarded.base}/evidence/msc").text


@pytest.fixture
def with_provider(tmp_path: Path) -> Iterator[tuple[str, Provider]]:
    """The service with an OpenID Connect provider, in a thread: its public address must be known before it starts."""
    with Provider() as provider, socket.create_server(("127.0.0.1", 0)) as listening:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        chosen = {"review_client_id": CLIENT, "review_client_secret": SECRET, "review_users": "a.reviewer@hospital.example"}
        settings = Settings(
            _env_file=None, public_url=base, state=tmp_path, review_issuer=provider.issuer, review_secret="x" * 32, **chosen
        )
        service = uvicorn.Server(uvicorn.Config(create_app(settings), lifespan="off", log_level="error"))
        thread = threading.Thread(target=service.run, kwargs={"sockets": [listening]})
        thread.start()
        yield base, provider
        service.should_exit = True
        thread.join()


def test_a_reviewer_signs_in_at_a_provider_and_out_again(with_provider, browser: Browser):
    base, provider = with_provider
    page = browser.new_context(base_url=base).new_page()
    page.goto("/review/paste?from=here")
    expect(page).to_have_url(f"{base}/review/paste?from=here")
    expect(page.locator(".account")).to_contain_text("a.reviewer@hospital.example")
    page.get_by_label("JSON").fill(pasted("Zanzibar"))
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator(".banner strong")).to_have_text("Zanzibar")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    expect(page.get_by_role("link", name="Sign out of the provider, too")).to_have_attribute("href", re.compile(f"^{provider.issuer}/end"))
    assert_accessible(page)
    provider.claims = {"email": "b.stranger@hospital.example"}
    assert page.goto("/review/paste").status == 403
    expect(page.get_by_text("not among those who may review here")).to_be_visible()
    page.context.close()
