"""What the tests of this folder share: one service with its content for each worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ports import free_port
from tests.probe.live import ranvier


@pytest.fixture(scope="session")
def fhir_server() -> str:
    """An address of this machine at which the service may ask a FHIR server, if a test starts one there."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="session")
def service(fhir_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Ranvier itself, open, on the day on which the synthetic patients are told."""
    with ranvier(tmp_path_factory.mktemp("ranvier") / "log", RANVIER_FHIR_BASES=fhir_server) as base:
        yield base
