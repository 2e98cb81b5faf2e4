"""Requests made from the interface description, to a live server: every answer is one that the description names, and has its form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from cds.api.runtime import start
from cds.api.web import routes
from cds.settings import Settings
from tests.api import fake
from tests.service import Service

interface = schemathesis.openapi.from_dict(routes(start(Settings(as_of="2026-11-20"), fake.core())).openapi())

DELIBERATE = [ignored_auth, negative_data_rejection, positive_data_acceptance]
"""What an open and tolerant service does otherwise on purpose: no token, faulty optional members, 412 for a made-up patient."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service that publishes this description."""
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, state=folder / "state") as running:
        yield running


@interface.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_interface_is_as_described(case, service):
    case.call_and_validate(base_url=service.base, excluded_checks=DELIBERATE)
