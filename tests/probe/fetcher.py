"""How the service with planted faults reads from the FHIR server of a call."""

from __future__ import annotations

from typing import Any

import httpx

from tests.probe.refusal import Refusal

FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "incomplete"}]}


class Fetcher:
    """Reads what the request does not bring. Without `fhir`, the server it may ask, it asks nobody."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.fhir: httpx.Client | None = None
        self.last_token = ""

    def complete(self, templates: dict[str, str], request: dict[str, Any], prefetch: dict[str, Any]) -> None:
        """Complete what the request did not bring."""
        given, patient = request.get("fhirAuthorization") or {}, request["context"]["patientId"]
        token = str(given.get("access_token", self.last_token if self.fault == "fetch-remembers" else ""))
        expired = given.get("expires_in", 300) < 1 and self.fault != "fetch-with-expired"
        other = given.get("patient", patient) != patient and self.fault != "fetch-for-any-patient"
        if self.fhir is None or request.get("fhirServer") != str(self.fhir.base_url).rstrip("/") or not token or expired or other:
            return
        self.last_token = token
        for key, template in templates.items():
            again = (
                self.fault == "fetch-everything"
                or (self.fault == "fetch-null-again" and prefetch.get(key, ...) is None)
                or (self.fault == "fetch-outcome-again" and (prefetch.get(key) or {}).get("resourceType") == "OperationOutcome")
            )
            if key not in prefetch or again:
                prefetch[key] = self.read(template.replace("{{context.patientId}}", patient), token)
                request["fetched"] = True
        if FAILED in prefetch.values() and self.fault == "fetch-failure-500":
            raise Refusal(500)
        if FAILED in prefetch.values() and self.fault == "fetch-silence":
            request["silent"] = True
            prefetch.update({key: None for key, value in prefetch.items() if value == FAILED})

    def read(self, url: str, token: str) -> dict[str, Any]:
        """A resource, or a search with its further pages."""
        answer = self.get(url, token)
        if answer.status_code != 200:
            return FAILED
        found: dict[str, Any] = answer.json()
        following = next((link["url"] for link in found.get("link", ()) if link["relation"] == "next"), None)
        if following is None or self.fault == "fetch-first-page":
            return found
        if not following.startswith(str(self.fhir.base_url)) and self.fault != "fetch-follows-pages":  # type: ignore[union-attr]
            return FAILED
        more = self.get(following, token)
        return {**found, "link": [], "entry": [*found.get("entry", ()), *more.json().get("entry", ())]}

    def get(self, url: str, token: str) -> httpx.Response:
        assert self.fhir is not None
        headers = {"Accept": "application/xml" if self.fault == "fetch-accepts-xml" else "application/fhir+json"}
        if self.fault != "fetch-without-token":
            headers["Authorization"] = f"Bearer {token}"
        method = "PUT" if self.fault == "fetch-writes" else "GET"
        answer = self.fhir.request(method, url, headers=headers, follow_redirects=self.fault == "fetch-follows-redirects")
        for _ in range(4 if self.fault == "fetch-many-tries" and answer.status_code == 500 else 0):
            answer = self.fhir.request(method, url, headers=headers)
        return answer
