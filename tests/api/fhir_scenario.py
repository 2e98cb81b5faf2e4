"""One scenario of the test FHIR server: what it answers, and what it was asked."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from tests.api.samples import authorization, request


class Scenario:
    """A base address of its own on the test server."""

    def __init__(self, address: str) -> None:
        self.address, self.name = address, uuid.uuid4().hex
        self.base = f"{address}/{self.name}"

    def answers(self, **by_path: Any) -> Scenario:
        """Set what is answered."""
        httpx.put(f"{self.address}/_scenario/{self.name}", json=by_path)
        return self

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every request, with path and headers."""
        return httpx.get(f"{self.address}/_log/{self.name}").json()

    @property
    def asked(self) -> list[str]:
        """Every path, without the query."""
        return [entry["path"].partition("?")[0] for entry in self.log]

    def body(self, **changes: Any) -> dict[str, Any]:
        """A request that names this server and brings nothing."""
        return request(**{"prefetch": ..., "fhirServer": self.base, "fhirAuthorization": authorization(), **changes})
