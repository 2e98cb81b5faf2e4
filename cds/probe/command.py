"""`ranvier probe`: read what the user named, run the checks, write the report."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.console import Console

from cds.mendable import MendableError
from cds.probe.fhir_stub import listening
from cds.probe.model import ProfileName, Report
from cds.probe.report import Format, render, to_terminal
from cds.probe.run import run
from cds.probe.session import MAX_REQUESTS, TIMEOUT_SECONDS, Session, client, root
from cds.probe.token import Signer


class ProbeError(MendableError, ValueError):
    """The probe cannot start; the message says what to change."""


def read_requests(paths: list[Path]) -> tuple[dict[str, Any], ...]:
    """Requests the user gives: each file one CDS Hooks request."""
    found = []
    for path in paths:
        try:
            request = json.loads(path.read_bytes())
        except OSError as error:
            raise ProbeError(f"{path}: {error.strerror}") from None
        except ValueError:
            raise ProbeError(f"{path}: this is not JSON") from None
        if not isinstance(request, dict) or not isinstance(request.get("hook"), str) or not isinstance(request.get("context"), dict):
            raise ProbeError(f"{path}: a CDS Hooks request with `hook` and `context` is needed")
        found.append(request)
    return tuple(found)


class Manners(Struct, frozen=True):
    """How much the probe may do: feedback about cards that do not exist, requests, milliseconds between them, seconds for an answer."""

    feedback: bool = True
    max_requests: int = MAX_REQUESTS
    pause_ms: int = 10
    timeout: float = TIMEOUT_SECONDS


def probe(
    url: str,
    profile: ProfileName,
    signer: Signer | None,
    given: tuple[dict[str, Any], ...],
    manners: Manners,
    body_limit: int | None = None,
    fhir_server: str | None = None,
) -> Report:
    """Run all checks of a profile against the service at this address.

    `body_limit`: the limit in MiB that the service is said to have. `fhir_server`: address of this machine at which the probe may listen
    as a FHIR server. Raises `ProbeError` for an address that cannot be used.
    """
    try:
        base = root(url)
    except ValueError as error:
        raise ProbeError(f"{url}: {error}") from None
    with ExitStack() as open_now:
        http = open_now.enter_context(client(manners.timeout))
        try:
            stub = open_now.enter_context(listening(fhir_server)) if fhir_server else None
        except (OSError, ValueError) as error:
            raise ProbeError(f"{fhir_server}: {error}") from None
        session = Session(
            base,
            http,
            profile,
            signer,
            given,
            feedback=manners.feedback,
            max_requests=manners.max_requests,
            pause=manners.pause_ms / 1000,
            body_limit=body_limit,
            fhir=stub,
        )
        return run(session)


def write(report: Report, kind: Format, path: Path | None, out: Console) -> None:
    """Print the report, or write it to a file."""
    if path is not None:
        path.write_text(render(report, kind), encoding="utf-8")
    elif kind == "terminal":
        to_terminal(report, out)
    else:
        print(render(report, kind), end="")
