"""Discovery and the prefetch templates it publishes (contract 2.2 and 2.5)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest

from cds.api.clients import ConfigurationError
from cds.protocol.discovery import PREFETCH, SERVICES
from tests.api import fake, samples

TEMPLATES = {entry.key: entry.template for entry in PREFETCH}


def services(wire):
    return wire.request("GET", "/cds-services").json()["services"]


@pytest.mark.row(
    "CH-DISC-01", "CH-DISC-03", "CH-DISC-04", "CH-DISC-06", "CH-DISC-07", "CH-DISC-11", "CH-DISC-12", "CH-HTTP-01", "CH-GEN-01"
)
def test_ch_disc_01_discovery_lists_the_services(wire):
    response = wire.request("GET", "/cds-services")
    assert response.status_code == 200
    assert [service["hook"] for service in services(wire)] == [service.hook for service in SERVICES]


@pytest.mark.row("CH-DISC-02")
def test_ch_disc_02_no_services_is_an_empty_array(make_wire):
    assert make_wire(services="").request("GET", "/cds-services").json() == {"services": []}


def test_services_are_chosen_by_the_settings(make_wire):
    assert [service["id"] for service in services(make_wire(services="ms-order-sign ms-patient-view"))] == [
        "ms-order-sign",
        "ms-patient-view",
    ]


def test_a_service_that_there_is_not_stops_the_start(make_wire):
    with pytest.raises(ConfigurationError, match="ms-typo"):
        make_wire(services="ms-typo")


def test_a_hook_that_the_content_does_not_answer_is_not_offered(make_wire):
    wire = make_wire(fake.core(frozenset({"patient-view"})))
    assert [service["id"] for service in services(wire)] == ["ms-patient-view"]
    assert wire.call(samples.request("order-sign"), "ms-order-sign").status_code == 404


@pytest.mark.row("CH-DISC-05")
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_ch_disc_05_each_service_is_callable(wire, service):
    response = wire.call(samples.request(service.hook), service.id)
    assert response.status_code == 200
    assert response.json()["cards"]


@pytest.mark.row("CH-DISC-08", "CH-DISC-09")
def test_ch_disc_08_version_is_that_of_the_specification(wire):
    assert {service["version"] for service in services(wire)} == {"2.0.1"}
    assert not any("hookVersion" in service for service in services(wire))


@pytest.mark.row("CH-DISC-10")
def test_ch_disc_10_one_id_per_hook(wire):
    ids = [service["id"] for service in services(wire)]
    assert len(set(ids)) == len(ids)


@pytest.mark.row("CH-DISC-13")
def test_ch_disc_13_same_bytes_and_entity_tag(wire, make_wire):
    first, second = wire.request("GET", "/cds-services"), make_wire().request("GET", "/cds-services")
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert not first.headers["etag"].startswith("W/")
    assert "max-age" in first.headers["cache-control"]


@pytest.mark.row("CH-DISC-13")
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_ch_disc_13_not_modified(wire, form):
    tag = wire.request("GET", "/cds-services").headers["etag"]
    response = wire.request("GET", "/cds-services", headers={"If-None-Match": form.format(tag)})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)


def test_a_changed_document_is_sent_again(wire):
    assert wire.request("GET", "/cds-services", headers={"If-None-Match": '"stale"'}).status_code == 200


def test_other_content_gives_another_entity_tag(wire, make_wire):
    other = make_wire(services="ms-patient-view").request("GET", "/cds-services")
    assert other.headers["etag"] != wire.request("GET", "/cds-services").headers["etag"]


@pytest.mark.row("CH-DISC-14")
@pytest.mark.parametrize("header", [None, "Bearer garbage", "Basic abc", "Bearer a.b.c"])
def test_ch_disc_14_no_token_is_needed_and_none_disturbs(wire, header):
    response = wire.request("GET", "/cds-services", headers={"Authorization": header} if header else {})
    assert response.status_code == 200


@pytest.mark.row("CH-PF-01", "CH-PF-02", "CH-PF-03", "CH-PF-04", "CH-PF-05")
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_ch_pf_01_templates_are_relative_reads_or_searches_with_plain_tokens(template):
    assert re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{[^{}]+\}\}|\?[^?/]+)", template)
    assert re.findall(r"\{\{([^{}]*)\}\}", template) == ["context.patientId"]


@pytest.mark.row("CH-PF-06", "CH-PF-07", "CH-PF-08", "CH-PF-09")
@pytest.mark.parametrize("template", [template for template in TEMPLATES.values() if "?" in template])
def test_ch_pf_06_searches_stay_in_the_portable_subset(template):
    parameters = parse_qsl(template.partition("?")[2], strict_parsing=True)
    names = [name for name, _ in parameters]
    assert len(set(names)) == len(names)
    assert set(names) <= {"patient", "category", "code", "date", "status", "_count", "_sort"}
    assert template.count("?") == 1
    assert dict(parameters).get("_sort", "-date") == "-date"


@pytest.mark.row("CH-PF-10", "CH-PF-11")
def test_ch_pf_11_keys_are_the_eight_agreed_ones(wire):
    expected = ["patient", "conditions", *samples.OPTIONAL]
    assert {tuple(service["prefetch"]) for service in services(wire)} == {tuple(expected)}
