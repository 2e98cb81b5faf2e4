"""Requests made from the interface description: every answer is one that the description names, and has its form."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from cds.api.runtime import start
from cds.api.web import assemble
from cds.settings import Settings
from tests.api import fake

interface = schemathesis.openapi.from_asgi("/openapi.json", assemble(start(Settings(as_of="2026-11-20"), fake.core())))

DELIBERATE = [ignored_auth, negative_data_rejection, positive_data_acceptance]
"""What an open and tolerant service does otherwise on purpose: no token, faulty optional members, 412 for a made-up patient."""


@interface.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_interface_is_as_described(case):
    case.call_and_validate(excluded_checks=DELIBERATE)
