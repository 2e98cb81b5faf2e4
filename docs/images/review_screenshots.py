"""Makes the pictures of the workbench in this folder: `python -m docs.images.review_screenshots` from the top of the project."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from cds.content import default_root
from cds.vignette import load_patients
from tests.service import REAL, Service

HERE = Path(__file__).parent
PICTURES = (
    ("review-matrix", "/review", 1280, 900, "light", ""),
    ("review-patient", "/review/patients/two-high-efficacy-failures", 1280, 1250, "light", ""),
    ("review-patient-390", "/review/patients/two-high-efficacy-failures", 390, 1000, "dark", ""),
    ("review-sentences", "/review/patients/two-high-efficacy-failures", 1280, 1250, "light", "#sentences"),
    ("review-criteria", "/review/patients/two-high-efficacy-failures", 1280, 1000, "light", "#criteria"),
    ("review-what-if", "/review/what-if/ocrelizumab-failure?pregnancy=pregnant", 1280, 1000, "light", ""),
    ("review-card", "/review/cards/ahsct", 1280, 1250, "light", "#ahsct-after-high-efficacy-failure"),
    ("review-feedback", "/review/feedback", 1280, 1000, "dark", ""),
    ("evidence-summary", "/evidence/ahsct-after-high-efficacy-failure", 1280, 1000, "light", ""),
)
"""Name, address, width, height, colours, and what stands at the top."""


def report_on_cards(base: str) -> None:
    """Cards for every synthetic patient, and a word of a user on most of them."""
    reason = {
        "code": "patient-refuses",
        "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
        "display": "Patient refuses",
    }
    number = 0
    for patient in load_patients(default_root() / "seeds" / "patients").values():
        for card in httpx.post(f"{base}/cds-services/ms-patient-view", json=patient.expand().request()).json()["cards"]:
            number += 1
            word: dict[str, object] = {"outcome": "accepted", "acceptedSuggestions": []}
            if number % 3 == 1:
                word = {"outcome": "overridden"} | ({"overrideReason": {"reason": reason}} if number % 2 else {})
            report = {"card": card["uuid"], "outcomeTimestamp": "2026-11-20T10:00:00Z"} | word
            if number % 4:
                httpx.post(f"{base}/cds-services/ms-patient-view/feedback", json={"feedback": [report]}).raise_for_status()


def main() -> None:
    """Write every picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        Service(Path(folder), command=REAL, state=folder) as service,
    ):
        report_on_cards(service.base)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(base_url=service.base)
        for name, address, width, height, colours, top in PICTURES:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
            page.goto(address)
            if top:
                page.locator(top).evaluate("found => window.scrollTo(0, found.getBoundingClientRect().top + scrollY - 16)")
            page.screenshot(path=HERE / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
