"""Every planted fault is found by exactly the checks meant for it, and a service without a fault by none."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from cds.probe import samples
from cds.probe.fhir_stub import FhirStub
from cds.probe.model import Report
from cds.probe.run import run
from cds.probe.session import Session
from cds.probe.surface import MEGABYTE
from cds.probe.table import CHECKS, as_markdown
from cds.probe.token import Signer
from tests.probe.broken import DISCOVERY, LIMIT, Broken
from tests.probe.door import ISSUER
from tests.probe.faults import FAULTS, Fault
from tests.probe.live import ROOT

PROFILES = ("strict", "2.0", "1.0", "epic")
NEVER_PLANTED = {"tls", "hsts"}
"""Checks of the address itself, tested in test_run.py."""


@cache
def key() -> ECKey:
    """The client's key that the service knows."""
    return ECKey.generate_key("P-384")


def probe(service: Broken, profile: str, *, signed: bool = False, told: bool = False) -> Report:
    """Run the checks against the service, without a network; `told`: with its limit, and a FHIR server that it may ask."""
    signer = Signer(key(), "k1", "ES384", ISSUER) if signed else None
    stub = FhirStub("http://fhir.example/r4", "http://elsewhere.example") if told else None
    limit = LIMIT // MEGABYTE if told else None
    slept: list[float] = []
    transport = httpx.WSGITransport(service, raise_app_exceptions=False)
    with httpx.Client(transport=transport) as client, httpx.Client(transport=httpx.WSGITransport(stub or service)) as fhir:
        if stub:
            fhir.base_url = httpx.URL(stub.base)
            service.fetcher.fhir = fhir
        session = Session(
            service.base,
            client,
            profile,
            signer,
            given(),
            body_limit=limit,
            fhir=stub,
            clock=service.clock,
            sleep=slept.append,
        )
        report = run(session)
    assert slept in ([], [2.0] * len(slept), [1.0] * len(slept))
    return report


def given() -> tuple[dict[str, Any], ...]:
    """A request in which every search holds something."""
    request = samples.request(DISCOVERY["services"][0])
    request["prefetch"]["conditions"] = samples.bundle(total=1, entry=[{"resource": {"resourceType": "Condition", "id": "c1"}}])
    return (request,)


def found(report: Report) -> dict[str, str]:
    """Names of the checks that found something, with their reasons."""
    return {result.check: result.why for result in report.results if result.verdict in ("fail", "warn") and result.check != "tls"}


def planted(fault: Fault) -> Broken:
    """The service with this fault."""
    return Broken(fault.name, fault.place, fault.change, key() if fault.token else None)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_service_without_a_fault_is_clean(profile: str, signed: bool) -> None:
    report = probe(Broken(key=key() if signed else None), profile, signed=signed)
    assert found(report) == {}
    assert report.count("pass") > 70


@pytest.mark.parametrize("profile", PROFILES)
def test_a_service_without_a_fault_is_clean_when_more_is_tried(profile: str) -> None:
    report = probe(Broken(), profile, told=True)
    assert found(report) == {}
    verdicts = {
        result.check: result.verdict for result in report.results if result.check.startswith("fetch-") or result.check == "body-limit"
    }
    assert set(verdicts.values()) == {"pass"}
    assert len(verdicts) >= 10


def test_a_busy_service_is_given_its_time_and_no_false_alarm() -> None:
    report = probe(Broken("busy-politely"), "strict")
    assert found(report) == {}
    assert {result.check: result.verdict for result in report.results}["retry-after"] == "pass"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_found_by_exactly_its_checks(fault: Fault) -> None:
    report = probe(planted(fault), fault.profile, signed=fault.token, told=fault.told)
    reasons = found(report)
    assert reasons.keys() == fault.checks, reasons


def test_there_are_enough_faults_and_every_check_has_one() -> None:
    assert len(FAULTS) >= 60
    assert {row.name for row in CHECKS} - {check for fault in FAULTS.values() for check in fault.checks} == NEVER_PLANTED


def test_the_documentation_shows_the_table() -> None:
    page = (ROOT / "docs" / "probe.md").read_text(encoding="utf-8")
    assert f"<!-- checks -->\n{as_markdown()}<!-- /checks -->" in page


def test_names_are_unique_and_every_check_says_what_it_checks() -> None:
    assert len({row.name for row in CHECKS}) == len(CHECKS)
    assert all(row.title for row in CHECKS)
