"""`ranvier demo`: start the service, call it over HTTP as an EHR would, and print the cards as a person wants to read them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from rich.console import Console, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from cds.content import default_root
from cds.mendable import MendableError
from cds.settings import Settings
from cds.vignette.patients import SyntheticPatient, load_patients

STANCE_COLOURS = {"option": "green", "caution": "red", "trialOnly": "yellow", "notSupported": "magenta", "background": "cyan"}
START_SECONDS = 30


class DemoError(MendableError, RuntimeError):
    """The demonstration could not be shown; the message says why and what to do."""


def run_demo(settings: Settings, patient_id: str, hook: str, keep_serving: bool, out: Console) -> None:
    """Show one call. Raises `DemoError` if the patient or service is unknown or the service does not start."""
    patients = load_patients((settings.content or default_root()) / "seeds" / "patients")
    if patient_id not in patients:
        raise DemoError(f"there is no synthetic patient {patient_id!r}; there are {', '.join(sorted(patients))}")
    patient = patients[patient_id]
    with _service(settings, patient) as (base, process):
        services = httpx.get(f"{base}/cds-services").json()["services"]
        service = next((entry["id"] for entry in services if entry["hook"] == hook), None)
        if service is None:
            raise DemoError(f"no service answers {hook!r}; there are {', '.join(entry['hook'] for entry in services)}")
        started = time.perf_counter()
        answer = httpx.post(f"{base}/cds-services/{service}", json=patient.expand().request(hook)).raise_for_status().json()
        _print_call(out, patient, service, answer["cards"], (time.perf_counter() - started) * 1000)
        if keep_serving:
            _print_addresses(out, base, service, patient.id)
            try:
                process.wait()
            except KeyboardInterrupt:
                out.print("Stopped.")


@contextmanager
def _service(settings: Settings, patient: SyntheticPatient) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A service process of its own, on the patient's day, until the block ends."""
    base = f"http://{settings.host}:{settings.port}"
    environment = os.environ | {"RANVIER_AS_OF": patient.as_of.isoformat()}
    process = subprocess.Popen([sys.executable, "-m", "cds", "serve"], env=environment)
    try:
        _wait_until_ready(base, process)
        yield base, process
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(base: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"the service ended at once (status {process.returncode}); is another program listening at {base}?")
        try:
            if httpx.get(f"{base}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise DemoError(f"the service did not answer at {base} within {START_SECONDS} seconds")


def _print_call(out: Console, patient: SyntheticPatient, service: str, cards: list[dict[str, Any]], milliseconds: float) -> None:
    out.rule(f"[bold]{patient.title}")
    out.print(patient.story)
    out.print("\n".join(f"  {line}" for line in patient.lines.strip().splitlines()), style="dim")
    out.print(f"\nPOST /cds-services/{service}: {len(cards)} card{'s' if len(cards) != 1 else ''} in {milliseconds:.0f} ms\n")
    for card in cards:
        stance = card["extension"]["org.ranvier.explanation"]["stance"]
        colour = "red" if card["indicator"] == "warning" else STANCE_COLOURS[stance]
        summary = Text(card["summary"], style="bold")
        out.print(Panel(Group(summary, Markdown(card["detail"])), border_style=colour, width=min(100, out.width)))


def _print_addresses(out: Console, base: str, service: str, patient_id: str) -> None:
    out.rule("Serving; Ctrl-C stops")
    out.print(f"Discovery    {base}/cds-services")
    out.print(f"Interface    {base}/docs")
    out.print(f"Evidence     {base}/evidence")
    out.print("A call       ", end="")
    out.print(
        f"{sys.executable} -m cds patients request {patient_id} | curl -s -X POST -H 'Content-Type: application/json' "
        f"--data-binary @- {base}/cds-services/{service}",
        soft_wrap=True,
    )
