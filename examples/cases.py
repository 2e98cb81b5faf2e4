"""Requests and responses for every hook and every error, written by asking running services.

`python examples/cases.py BASE GUARDED`: an open service, and one with the settings in `GUARDED`.
"""

from __future__ import annotations

import base64
import json
import sys
import time
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
GUARDED = {
    "RANVIER_CLIENTS": "examples/errors/clients.yaml",
    "RANVIER_MAX_BODY_BYTES": str(10 * 1024 * 1024),
    "RANVIER_BODY_SECONDS": "1",
}
"""Settings of the service that refuses for reasons of its configuration."""
HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
"""Headers of an answer that a client acts on."""


@dataclass(frozen=True)
class Case:
    """One request that is refused, and with what status. `guarded`: by the service with its own settings.

    `size`: the body is so many spaces. `seconds`: the body stops for so long.
    """

    name: str
    status: int
    path: str = "/cds-services/ms-patient-view"
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: Any = None
    text: str | None = None
    guarded: bool = False
    size: int = 0
    seconds: float = 0

    def content(self) -> bytes:
        """The body as bytes."""
        if self.size:
            return b" " * self.size
        return self.text.encode() if self.text is not None else b"" if self.body is None else json.dumps(self.body).encode()

    def sent(self) -> dict[str, Any]:
        """The request as it is written down."""
        body = {"text": self.text, "body": self.body, "bytes": self.size, "pausesForSeconds": self.seconds}
        known = {name: value for name, value in body.items() if value}
        return {"method": self.method, "path": self.path, "headers": dict(self.headers), **known}

    def ask(self, base: str) -> dict[str, Any]:
        """Send it; status, telling headers and body of the answer."""
        content = self._slowly() if self.seconds else self.content()
        url = base + self.path
        answer = httpx.request(self.method, url, content=content, headers=dict(self.headers), trust_env=False, timeout=20)
        told = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
        return {"status": answer.status_code, **({"headers": told} if told else {}), "body": answer.json()}

    def _slowly(self) -> Iterator[bytes]:
        yield self.content()[:1]
        time.sleep(self.seconds)
        yield self.content()[1:]


def request(hook: str) -> dict[str, Any]:
    """The request of a hook, always the same."""
    patient = load_patients(default_root() / "seeds" / "patients")[PATIENTS[hook]]
    if hook == "order-sign":
        patient = patient.model_copy(update={"orders": ("natalizumab",)})
    return patient.expand().request(hook)


def token(**claims: Any) -> str:
    """What has the form of a client's token; its signature is none."""
    parts = ({"alg": "ES384", "typ": "JWT", "kid": "k1"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + ".AA"


def errors() -> Iterator[Case]:
    """Every way of being refused. 500 has no example: no request is known that leads to it."""
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
    json_type = ("Content-Type", "application/json")
    for name, words in (("401-no-good-token", "not.a.token"), ("503-keys-out-of-reach", token(iss="https://ehr.example"))):
        yield Case(name, int(name[:3]), headers=(json_type, ("Authorization", f"Bearer {words}")), body=good, guarded=True)
    yield Case("403-not-for-this-client", 403, path="/cds-services/ms-order-sign", body=request("order-sign"), guarded=True)
    yield Case("408-body-stops", 408, text='{"hook": "patient-view"}', seconds=2, guarded=True)
    yield Case("413-too-large", 413, size=10 * 1024 * 1024 + 1, guarded=True)


def write(base: str, guarded: str) -> None:
    """Ask the services, and write what was sent and what came back."""
    for hook, service in SERVICES.items():
        sent = request(hook)
        answer = httpx.post(f"{base}/cds-services/{service}", json=sent, trust_env=False, timeout=20).raise_for_status()
        _write(f"hooks/{hook}.request.json", sent)
        _write(f"hooks/{hook}.response.json", answer.json())
    for case in errors():
        response = case.ask(guarded if case.guarded else base)
        if response["status"] != case.status:
            raise SystemExit(f"{case.name}: the service answered {response['status']}")
        _write(f"errors/{case.name}.json", {"request": case.sent(), "response": response})


def _write(name: str, document: Any) -> None:
    (FOLDER / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(*sys.argv[1:])
