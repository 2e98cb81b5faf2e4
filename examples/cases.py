"""Requests and responses for every hook and every error, written by asking a running service: `python examples/cases.py [BASE]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cds.content import default_root
from cds.vignette import load_patients

FOLDER = Path(__file__).parent
PATIENTS = {
    "patient-view": "ocrelizumab-failure",
    "encounter-start": "aggressive-onset",
    "order-select": "ocrelizumab-drafted-hbv-unknown",
    "order-sign": "pml-on-natalizumab",
    "problem-list-item-create": "untreated-rrms",
}
"""The synthetic patient who stands for each hook."""
SERVICES = {
    "patient-view": "ms-patient-view",
    "encounter-start": "ms-encounter-start",
    "order-select": "ms-order-select",
    "order-sign": "ms-order-sign",
    "problem-list-item-create": "ms-problem-list",
}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Case:
    """One request that is refused, and with what status."""

    name: str
    status: int
    path: str = "/cds-services/ms-patient-view"
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: Any = None
    text: str | None = None

    def content(self) -> bytes:
        """The body as bytes."""
        return self.text.encode() if self.text is not None else b"" if self.body is None else json.dumps(self.body).encode()


def request(hook: str) -> dict[str, Any]:
    """The request of a hook, always the same."""
    patient = load_patients(default_root() / "seeds" / "patients")[PATIENTS[hook]]
    if hook == "order-sign":
        patient = patient.model_copy(update={"orders": ("natalizumab",)})
    return patient.expand().request(hook)


def errors() -> Iterator[Case]:
    """Every way of being refused that needs no special configuration; 401, 403, 429 and 503 are shown in openapi.yaml."""
    good = request("patient-view")
    yield Case("400-not-json", 400, text='{"hook": "patient-view",')
    yield Case("400-no-hook", 400, body={name: value for name, value in good.items() if name != "hook"})
    yield Case("400-another-hook", 400, body={**good, "hook": "order-sign"})
    yield Case("400-no-patient", 400, body={**good, "context": {"userId": "Practitioner/example"}})
    yield Case("404-no-such-service", 404, path="/cds-services/no-such-service", body=good)
    yield Case("405-wrong-method", 405, method="GET", headers=())
    yield Case("412-nothing-sent", 412, body={name: value for name, value in good.items() if name != "prefetch"})
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    yield Case("412-conditions-failed", 412, body={**good, "prefetch": {**good["prefetch"], "conditions": failed}})
    yield Case("415-not-json-type", 415, headers=(("Content-Type", "text/plain"),), body=good)
    feedback = "/cds-services/ms-patient-view/feedback"
    yield Case(
        "400-feedback-outcome",
        400,
        path=feedback,
        body={"feedback": [{"card": "x", "outcome": "ignored", "outcomeTimestamp": "2026-11-20T10:00:00Z"}]},
    )
    yield Case("404-feedback-service", 404, path="/cds-services/no-such-service/feedback", body={"feedback": []})


def write(base: str) -> None:
    """Ask the service, and write what was sent and what came back."""
    with httpx.Client(base_url=base, trust_env=False, timeout=20) as client:
        for hook, service in SERVICES.items():
            sent = request(hook)
            answer = client.post(f"/cds-services/{service}", json=sent).raise_for_status()
            _write(f"hooks/{hook}.request.json", sent)
            _write(f"hooks/{hook}.response.json", answer.json())
        for case in errors():
            answer = client.request(case.method, case.path, content=case.content(), headers=dict(case.headers))
            if answer.status_code != case.status:
                raise SystemExit(f"{case.name}: the service answered {answer.status_code}")
            sent = {"method": case.method, "path": case.path, "headers": dict(case.headers)}
            body = {"text": case.text} if case.text is not None else {"body": case.body} if case.body is not None else {}
            _write(f"errors/{case.name}.json", {"request": sent | body, "response": {"status": answer.status_code, "body": answer.json()}})


def _write(name: str, document: Any) -> None:
    (FOLDER / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
