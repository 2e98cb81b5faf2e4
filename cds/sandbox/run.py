"""`ranvier sandbox`: start Ranvier as a process of its own, and serve the FHIR server and the EHR page beside it, on loopback only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
import yaml
from joserfc.jwk import ECKey
from rich.console import Console
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount

from cds.content import default_root
from cds.mendable import MendableError
from cds.probe.token import Signer
from cds.sandbox.access import Tokens
from cds.sandbox.ehr import Ehr
from cds.sandbox.fhir_server import FhirServer
from cds.sandbox.store import build
from cds.settings import Settings
from cds.vignette.patients import SyntheticPatient, load_patients

HOST = "127.0.0.1"
START_SECONDS = 120
DATABASE = "ranvier.sqlite3"
ISSUER = "https://sandbox.ehr.example"


class SandboxError(MendableError, RuntimeError):
    """The sandbox could not be started; the message says why."""


def run_sandbox(settings: Settings, port: int, secured: bool, out: Console) -> None:
    """Serve until stopped: the page at `port`, the FHIR server below `/fhir` there, Ranvier at the next port."""
    patients = load_patients((settings.content or default_root()) / "seeds" / "patients")
    page, ranvier = f"http://{HOST}:{port}", f"http://{HOST}:{port + 1}"
    for needed in (port, port + 1):
        _check_free(needed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that Ranvier, a process of its own, ends with this one
    key = ECKey.generate_key("P-384", {"kid": "sandbox-1"}) if secured else None
    with tempfile.TemporaryDirectory(prefix="ranvier-sandbox-") as folder, _ranvier(Path(folder), port + 1, f"{page}/fhir", patients, key):
        signer = Signer(key, "sandbox-1", "ES384", ISSUER) if key else None
        app = make_app(patients, _services(ranvier), ranvier, page, f"sqlite:///{folder}/{DATABASE}", signer)
        out.print(f"The EHR page    {page}\nFHIR server     {page}/fhir   (read-only, for demonstration)\nRanvier         {ranvier}")
        out.print(
            "Secured: every call is signed, the FHIR server needs a bearer token." if secured else "Open: no tokens. --secured shows them."
        )
        out.print("Ctrl-C stops.")
        uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False)


def make_app(
    patients: dict[str, SyntheticPatient], services: dict[str, str], ranvier: str, page: str, database: str, signer: Signer | None = None
) -> Starlette:
    """The FHIR server and the EHR page as one app. Only names of this machine are answered, so no web page elsewhere can reach in.

    The FHIR server lets pages of other origins read, as the public CDS Hooks Sandbox does from a browser. `database`: the service's record.
    """
    tokens = Tokens() if signer else None
    fhir = FhirServer(build(patients.values()), f"{page}/fhir", tokens)
    ehr = Ehr(patients, services, ranvier, f"{page}/fhir", fhir, database, signer, tokens)
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Accept"],
        allow_private_network=True,
    )
    return Starlette(routes=[Mount("/fhir", routes=fhir.routes(), middleware=[cors]), *ehr.routes()], middleware=[hosts])


@contextmanager
def _ranvier(folder: Path, port: int, fhir: str, patients: dict[str, SyntheticPatient], key: ECKey | None) -> Iterator[None]:
    """Ranvier on the day on which the patients are told, with a fresh state, until the block ends."""
    base = f"http://{HOST}:{port}"
    chosen = {
        "HOST": HOST,
        "PORT": str(port),
        "PUBLIC_URL": base,
        "STATE": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/{DATABASE}",
        "CLIENTS": "",
        "CORS_ORIGINS": "*",
        "AS_OF": max(patient.as_of for patient in patients.values()).isoformat(),
        "MODE": "development",
        "FHIR_BASES": fhir,
        "FHIR_WITHOUT_TOKEN": "true",
        "FHIR_BUDGET_MS": "3500",
        "FHIR_TIMEOUT_MS": "3500",
        "LOG_LEVEL": "warning",
    }
    if key is not None:
        client = {
            "id": "sandbox-ehr",
            "issuer": ISSUER,
            "keys": {"keys": [key.as_dict(private=False)]},
            "fhir": [{"base": fhir, "private": True}],
        }
        (folder / "clients.yaml").write_text(yaml.safe_dump({"clients": [client]}), encoding="utf-8")
        chosen["CLIENTS"] = str(folder / "clients.yaml")
    environment = os.environ | {f"RANVIER_{name}": value for name, value in chosen.items()}
    process = subprocess.Popen([sys.executable, "-m", "cds", "serve"], env=environment)
    try:
        _wait(base, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _check_free(port: int) -> None:
    """Raise `SandboxError` if somebody listens at the port: a service that is not ours would be taken for it."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise SandboxError(f"another program is listening at {HOST}:{port}; --port chooses another place")


def _wait(base: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SandboxError(f"Ranvier ended at once (status {process.returncode}); is another program listening at {base}?")
        try:
            if httpx.get(f"{base}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SandboxError(f"Ranvier did not answer at {base} within {START_SECONDS} seconds")


def _services(ranvier: str) -> dict[str, str]:
    """Hook → id of its service, as discovery says."""
    found = httpx.get(f"{ranvier}/cds-services", trust_env=False).raise_for_status().json()["services"]
    return {entry["hook"]: entry["id"] for entry in found}
