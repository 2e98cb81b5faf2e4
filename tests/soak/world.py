"""What the service meets during a soak: a patient full of canaries, FHIR servers of every temper, key sets that fail, a database."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from cds.protocol.discovery import PREFETCH_BY_KEY
from cds.vignette.expand import expand
from tests.api.fhir_scenario import Scenario
from tests.api.samples import MRN, NAME, TOKEN, authorization
from tests.api.tokens import ISSUER, PUBLIC_URL, ec_key, public

AS_OF = date(2026, 11, 20)
CHART = """M38, RRMS since 2019
EDSS 3.5 on 2026-05-10
ocrelizumab since 2024-01, last 2026-07
MRI 2024-07: clean
MRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)"""
STEADY, UNLUCKY, DEAD = ISSUER, "https://late.example", "https://never.example"
PATIENT = "canary-patient-7731"
COMMENT = "The canary comment of a user who calls her Zaphodina"
CANARIES = (NAME, MRN, TOKEN, PATIENT, COMMENT, "eyJhbGciOi")
"""What must not be in a log or in the database; every signed token begins with the last."""
COMMENT_KEY = base64.b64encode(bytes(range(64))).decode()
TEMPERS: dict[str, dict[str, Any]] = {
    "quick": {},
    "slow": {"Condition": {"delay": 0.3}, "Observation": {"delay": 0.6}},
    "too slow": {"Observation": {"delay": 2.5}},
    "without patients": {"*": {"status": 500}},
    "hanging up": {"MedicationRequest": {"drop": True}, "Procedure": {"drop": True}},
    "asleep": {"*": {"delay": 4}},
}
"""FHIR servers: what each answers otherwise than a good one. The chart is laid under it, except where `*` answers everything."""


@dataclass(frozen=True, slots=True)
class World:
    """Bodies that are sent, and where the keys of the unlucky client are published."""

    prefetched: bytes
    fetched: tuple[bytes, ...]
    late_keys: Scenario
    settings: dict[str, object]


def make(folder: Path, fhir_address: str) -> World:
    """Set up the FHIR servers and the clients file."""
    request = _canaried(expand(CHART, AS_OF).request("patient-view"))
    late_keys = Scenario(fhir_address).answers(**{"*": {"status": 500}})
    clients = [
        _client("steady", STEADY, fhir_address, keys={"keys": [public(ec_key())]}),
        _client("late", UNLUCKY, fhir_address, jku=f"{late_keys.base}/keys", jku_private=True),
        _client("never", DEAD, fhir_address, jku="http://127.0.0.1:9/keys", jku_private=True),
    ]
    path = folder / "clients.yaml"
    path.write_text(yaml.safe_dump({"clients": clients}), encoding="utf-8")
    return World(
        prefetched=json.dumps(request).encode(),
        fetched=tuple(_asking(request, server) for server in _servers(request, fhir_address)),
        late_keys=late_keys,
        settings={
            "as_of": AS_OF,
            "clients": path,
            "state": folder / "state",
            "public_url": PUBLIC_URL,
            "comment_key": COMMENT_KEY,
            "max_calls": 24,
            "fhir_budget_ms": 1000,
            "fhir_timeout_ms": 800,
            "log_level": "debug",
        },
    )


def publish_keys(world: World) -> None:
    """From now on the keys of the unlucky client can be read."""
    world.late_keys.answers(keys={"body": {"keys": [public(ec_key())]}})


def spoil_keys(world: World, answer: dict[str, Any]) -> None:
    """From now on its keys are this answer."""
    world.late_keys.answers(**{"*": answer})


def _client(id: str, issuer: str, fhir: str, **keys: Any) -> dict[str, Any]:
    return {"id": id, "issuer": issuer, "fhir": [{"base": fhir, "private": True}], **keys}


def _canaried(request: dict[str, Any]) -> dict[str, Any]:
    """The request with a patient who would be noticed anywhere."""
    text = json.dumps(request).replace(request["context"]["patientId"], PATIENT)
    found: dict[str, Any] = json.loads(text)
    found["prefetch"]["patient"] |= {"name": [{"text": NAME}], "identifier": [{"value": MRN}]}
    return found


def _servers(request: dict[str, Any], address: str) -> Iterator[str]:
    """Base addresses of FHIR servers that hold the patient of the request."""
    chart = {_path(key): {"body": value} for key, value in request["prefetch"].items()}
    for temper in TEMPERS.values():
        answers = dict(temper) if "*" in temper else {path: answer | temper.get(path, {}) for path, answer in chart.items()}
        yield Scenario(address).answers(**answers).base


def _path(key: str) -> str:
    template = PREFETCH_BY_KEY[key].template.replace("{{context.patientId}}", PATIENT)
    return template.partition("?")[0]


def _asking(request: dict[str, Any], server: str) -> bytes:
    body = {**request, "fhirServer": server, "fhirAuthorization": authorization()}
    del body["prefetch"]
    return json.dumps(body).encode()
