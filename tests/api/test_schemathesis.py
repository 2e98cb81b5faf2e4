"""Requests made from the interface description, to a live server: every answer is one that the description names, and has its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from tests.e2e.service import Service

DELIBERATE = [ignored_auth, negative_data_rejection, positive_data_acceptance]
"""What an open and tolerant service does otherwise on purpose: no token, faulty optional members, 412 for a made-up patient."""


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description as a running service publishes it."""
    folder = tmp_path_factory.mktemp("service")
    service = Service(folder / "log", state=folder / "state")
    yield schemathesis.openapi.from_url(f"{service.base}/openapi.json")
    service.remove()


interface = schemathesis.pytest.from_fixture("description")


@interface.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_interface_is_as_described(case):
    case.call_and_validate(excluded_checks=DELIBERATE)
