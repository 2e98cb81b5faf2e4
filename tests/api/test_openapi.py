"""The description of the interface: what is served is what is committed, and it describes what happens."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from cds.api.openapi import as_yaml
from cds.protocol.discovery import SERVICES
from tests.api import samples

ROOT = Path(__file__).parents[2]


@pytest.fixture
def document(wire):
    return wire.request("GET", "/openapi.json").json()


def test_every_service_has_its_address(document):
    assert {f"/cds-services/{service.id}" for service in SERVICES} < set(document["paths"])
    assert {"/cds-services", "/healthz", "/readyz", "/metrics", "/openapi.json"} - set(document["paths"]) == {"/openapi.json"}


def schema(document, reference):
    return {"$ref": reference["$ref"], "components": document["components"]}


@pytest.mark.row("CH-DISC-15")
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_examples_hold_to_their_schemas_and_to_the_service(wire, document, service):
    call = document["paths"][f"/cds-services/{service.id}"]["post"]
    content = call["requestBody"]["content"]["application/json"]
    example = content["examples"][service.hook]["value"]
    Draft202012Validator(schema(document, content["schema"])).validate(example)
    assert wire.call(example, service.id).json()["cards"]
    for answer in call["responses"].values():
        content = answer["content"]["application/json"]
        for value in content["examples"].values():
            Draft202012Validator(schema(document, content["schema"])).validate(value["value"])


def test_real_answers_hold_to_the_description(wire, document):
    call = document["paths"]["/cds-services/ms-patient-view"]["post"]["responses"]
    for body, status in ((samples.request(), "200"), ({}, "400"), (samples.request(prefetch=None), "412")):
        response = wire.call(body)
        assert str(response.status_code) == status
        Draft202012Validator(schema(document, call[status]["content"]["application/json"]["schema"])).validate(response.json())
    discovery = document["paths"]["/cds-services"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator(schema(document, discovery)).validate(wire.request("GET", "/cds-services").json())


def test_the_committed_file_is_what_is_served(document):
    committed = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
    assert committed == as_yaml(document), "run: python -m cds.app > openapi.yaml"
    assert yaml.safe_load(committed) == document
