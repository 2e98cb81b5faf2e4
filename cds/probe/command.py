"""`ranvier probe`: read what the user named, run the checks, write the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from cds.probe.model import ProfileName, Report
from cds.probe.report import Format, render, to_terminal
from cds.probe.run import run
from cds.probe.session import Session, client, root
from cds.probe.token import Signer


class ProbeError(ValueError):
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


def probe(
    url: str,
    profile: ProfileName,
    signer: Signer | None,
    given: tuple[dict[str, Any], ...],
    feedback: bool,
    max_requests: int,
    pause_ms: int,
    timeout: float,
) -> Report:
    """Run all checks of a profile against the service at this address. Raises `ProbeError` for an address that cannot be one."""
    try:
        base = root(url)
    except ValueError as error:
        raise ProbeError(f"{url}: {error}") from None
    with client(timeout) as http:
        return run(Session(base, http, profile, signer, given, feedback=feedback, max_requests=max_requests, pause=pause_ms / 1000))


def write(report: Report, kind: Format, path: Path | None, out: Console) -> None:
    """Print the report, or write it to a file."""
    if path is not None:
        path.write_text(render(report, kind), encoding="utf-8")
    elif kind == "terminal":
        to_terminal(report, out)
    else:
        print(render(report, kind), end="")
