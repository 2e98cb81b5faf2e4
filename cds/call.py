"""`ranvier call`: send what an EHR would send to one service, show the answer as a person wants to read it, report what became of it."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx
from msgspec import Struct
from rich.console import Console, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from cds.mendable import MendableError
from cds.probe.session import client, root, trouble
from cds.probe.token import Signer
from cds.vignette.patients import SyntheticPatient

TIMEOUT_SECONDS = 15.0
COLOURS = {"info": "cyan", "warning": "yellow", "critical": "red"}
Outcome = Literal["accepted", "overridden"]


class CallError(MendableError, RuntimeError):
    """The call could not be made; the message says why."""


class Endpoint(Struct, frozen=True):
    """A service that is called: its base address, its id, and the client's key if it has one."""

    base: str
    service: str
    signer: Signer | None = None

    def url(self, feedback: bool = False) -> str:
        """The address of the service or of its feedback."""
        return f"{self.base}/cds-services/{self.service}{'/feedback' if feedback else ''}"

    def headers(self, feedback: bool = False) -> dict[str, str]:
        """What goes with every call: the media type, and a fresh token."""
        token = {"Authorization": f"Bearer {self.signer.token(self.url(feedback))}"} if self.signer else {}
        return {"Content-Type": "application/json", **token}


class Answer(Struct, frozen=True):
    """What came back: status, JSON body if it was one, and milliseconds."""

    status: int
    document: Any
    milliseconds: float

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The cards of a successful answer."""
        found = self.document.get("cards") if self.status == 200 and isinstance(self.document, dict) else None
        return [card for card in found if isinstance(card, dict)] if isinstance(found, list) else []


def endpoint(url: str, service: str, signer: Signer | None) -> Endpoint:
    """The service at an address. Raises `CallError` for an address that cannot be one."""
    try:
        return Endpoint(root(url), service, signer)
    except ValueError as error:
        raise CallError(f"{url}: {error}") from None


def hook_of(target: Endpoint) -> str:
    """The hook that discovery names for the service. Raises `CallError` if there is none."""
    token = {"Authorization": f"Bearer {target.signer.token(f'{target.base}/cds-services')}"} if target.signer else {}
    answer = _send("GET", f"{target.base}/cds-services", None, token)
    services = answer.document.get("services", []) if isinstance(answer.document, dict) else []
    for entry in services:
        if entry.get("id") == target.service:
            return str(entry["hook"])
    names = ", ".join(str(entry.get("id")) for entry in services) or "none"
    raise CallError(f"{target.base} has no service {target.service!r}; discovery (status {answer.status}) names: {names}")


def request_of_patient(patient: SyntheticPatient, hook: str) -> dict[str, Any]:
    """What an EHR would send for a synthetic patient, with a new `hookInstance`."""
    return {**patient.expand().request(hook), "hookInstance": str(uuid.uuid4())}


def request_of_file(path: Path) -> dict[str, Any]:
    """A request from a file. Raises `CallError` if it is none."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise CallError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise CallError(f"{path}: this is not JSON") from None
    if not isinstance(document, dict) or "hook" not in document:
        raise CallError(f"{path}: a CDS Hooks request is needed")
    return document


def with_server(request: dict[str, Any], server: str, token: str | None) -> dict[str, Any]:
    """The request without prefetch, naming the FHIR server from which the service shall read."""
    found = {name: value for name, value in request.items() if name != "prefetch"} | {"fhirServer": server}
    if token:
        patient = request.get("context", {}).get("patientId")
        access = {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "ranvier-call"}
        found["fhirAuthorization"] = access | ({"patient": patient} if patient else {})
    return found


def call(target: Endpoint, request: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    """Call the service, with headers of the endpoint unless some are given. Raises `CallError` if no answer comes."""
    return _send("POST", target.url(), request, target.headers() if headers is None else headers)


def send_feedback(target: Endpoint, cards: list[dict[str, Any]], outcome: Outcome) -> Answer:
    """Report the same outcome for every card that has a uuid. Raises `CallError` if there is none."""
    entries = [feedback_entry(card, outcome) for card in cards if card.get("uuid")]
    if not entries:
        raise CallError("no card has a uuid, so there is nothing to report on")
    return _send("POST", target.url(feedback=True), {"feedback": entries}, target.headers(feedback=True))


def feedback_entry(card: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """What an EHR reports about a card: the first suggestion was taken, or the first reason was chosen."""
    entry: dict[str, Any] = {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if outcome == "accepted":
        taken = [{"id": suggestion["uuid"]} for suggestion in card.get("suggestions", [])[:1] if suggestion.get("uuid")]
        return entry | ({"acceptedSuggestions": taken} if taken else {})
    reasons = card.get("overrideReasons", [])[:1]
    return entry | ({"overrideReason": {"reason": reasons[0]}} if reasons else {})


def curl(target: Endpoint, request: dict[str, Any]) -> str:
    """The same call for curl. A token is left to be filled in: it serves once, and does not belong into a shell history."""
    parts = ["curl", "-sS", "-X", "POST", target.url(), "-H", "Content-Type: application/json"]
    if target.signer:
        parts += ["-H", "Authorization: Bearer $TOKEN"]
    words = " ".join(f'"{part}"' if "$TOKEN" in part else shlex.quote(part) for part in parts)
    return f"{words} --data-binary {shlex.quote(json.dumps(request))}"


def save(folder: Path, request: dict[str, Any], answer: Answer) -> None:
    """Write request and response to a folder. An access token is not written."""
    kept = {name: value for name, value in request.items() if name != "fhirAuthorization"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, document in (("request.json", kept), ("response.json", answer.document)):
            (folder / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CallError(f"{folder}: {error.strerror}") from None


def show(out: Console, target: Endpoint, answer: Answer) -> None:
    """Print the answer: cards as panels, a refusal as its reasons."""
    count = len(answer.cards)
    what = f"{count} card{'' if count == 1 else 's'}" if answer.status == 200 else f"refused with {answer.status}"
    out.print(f"POST {target.url()}: {what} in {answer.milliseconds:.0f} ms", markup=False)
    for card in answer.cards:
        out.print(_panel(card, out.width))
    if answer.status != 200:
        for line in reasons_of(answer.document):
            out.print(f"  {line}", markup=False)


def reasons_of(document: Any) -> list[str]:
    """The issues of an OperationOutcome in words."""
    issues = document.get("issue", []) if isinstance(document, dict) else []
    return [
        " — ".join(
            text
            for text in (issue.get("code"), (issue.get("details") or {}).get("text"), issue.get("diagnostics"))
            if isinstance(text, str)
        )
        for issue in issues
        if isinstance(issue, dict)
    ] or ["the body says nothing about the reason"]


def _panel(card: dict[str, Any], width: int) -> Panel:
    source = card.get("source", {})
    parts: list[Any] = [Text(str(card.get("summary", "")), style="bold")]
    if card.get("detail"):
        parts.append(Markdown(card["detail"]))
    parts += [Text(f"→ {suggestion.get('label')}", style="green") for suggestion in card.get("suggestions", [])]
    parts += [Text(f"{link.get('label')}: {link.get('url')}", style="dim") for link in card.get("links", [])]
    parts.append(Text(f"Source: {source.get('label', '')} {source.get('url', '')}", style="dim"))
    indicator = str(card.get("indicator", ""))
    return Panel(Group(*parts), title=indicator, title_align="left", border_style=COLOURS.get(indicator, "white"), width=min(100, width))


def _send(method: str, url: str, body: Any, headers: dict[str, str]) -> Answer:
    started = time.perf_counter()
    try:
        content = None if body is None else json.dumps(body).encode()
        with client(TIMEOUT_SECONDS) as http:
            answer = http.request(method, url, content=content, headers=headers)
    except httpx.HTTPError as error:
        raise CallError(f"{url}: no answer ({trouble(error)})") from None
    milliseconds = (time.perf_counter() - started) * 1000
    try:
        return Answer(answer.status_code, answer.json() if answer.content else None, milliseconds)
    except ValueError:
        return Answer(answer.status_code, None, milliseconds)
