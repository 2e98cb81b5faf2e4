"""What a soak needs: a FHIR server and a database."""

from __future__ import annotations

from tests.api.conftest import fhir_address
from tests.e2e.conftest import postgres

__all__ = ["fhir_address", "postgres"]
