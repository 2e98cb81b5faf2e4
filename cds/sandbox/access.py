"""Access tokens of the sandbox's FHIR server, as a SMART launch would give them: for one patient, for a short time."""

from __future__ import annotations

import secrets
import time

from msgspec import Struct, field

LIFETIME_SECONDS = 300
SCOPE = "patient/*.rs"


class Tokens(Struct):
    """The tokens that were given out and have not expired: token → patient and end."""

    given: dict[str, tuple[str, float]] = field(default_factory=dict)

    def give(self, patient: str) -> dict[str, object]:
        """A new token for one patient, as `fhirAuthorization` of a CDS Hooks request."""
        now = time.monotonic()
        self.given = {token: entry for token, entry in self.given.items() if entry[1] > now}
        token = secrets.token_urlsafe(32)
        self.given[token] = (patient, now + LIFETIME_SECONDS)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": SCOPE,
            "subject": "ranvier-sandbox",
            "patient": patient,
        }

    def patient(self, authorization: str) -> str | None:
        """The patient whom an Authorization header opens; `None` if it opens nothing."""
        scheme, _, token = authorization.partition(" ")
        entry = self.given.get(token.strip()) if scheme.lower() == "bearer" else None
        return entry[0] if entry and entry[1] > time.monotonic() else None
