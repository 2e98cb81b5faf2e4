"""The page that plays the EHR: pick a patient and a hook, see what is sent and what comes back, accept or override a card."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from msgspec import Struct, field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cds.call import Answer, CallError, Endpoint, call, reasons_of, request_of_patient, with_server
from cds.call import send_feedback as report
from cds.feedback.reading import read_answers
from cds.feedback.records import RecordError
from cds.probe.token import Signer
from cds.sandbox.access import Tokens
from cds.sandbox.fhir_server import Asked, FhirServer
from cds.vignette.patients import SyntheticPatient

KEPT_CALLS = 200
HOOKS = {
    "patient-view": "Open the chart",
    "encounter-start": "Start an encounter",
    "order-select": "Select an order",
    "order-sign": "Sign an order",
    "problem-list-item-create": "Add to the problem list",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'",
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


class Made(Struct):
    """One call that was made, and what was reported about its cards."""

    id: str
    patient: SyntheticPatient
    hook: str
    data: str
    target: Endpoint
    request: dict[str, Any]
    answer: Answer
    token: dict[str, Any] | None
    fetched: list[Asked]
    outcomes: dict[str, str] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)


class Stored(NamedTuple):
    """One report in the service's record."""

    received: str
    summary: str
    outcome: str
    reason: str


class Ehr:
    """The pages, with the calls of this session in memory."""

    def __init__(
        self,
        patients: dict[str, SyntheticPatient],
        services: dict[str, str],
        ranvier: str,
        fhir: str,
        server: FhirServer,
        database: str,
        signer: Signer | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self._patients, self._services, self._ranvier, self._fhir = patients, services, ranvier, fhir
        self._server, self._database = server, database
        self._signer, self._tokens = signer, tokens
        self._calls: dict[str, Made] = {}
        self._pages = Environment(
            loader=PackageLoader("cds.sandbox"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._pages.filters["markdown"] = lambda text: Markup(_MARKDOWN.render(text))  # noqa: S704 HTML in the text is escaped by the renderer
        self._pages.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)

    def routes(self) -> list[Route]:
        """Every address of the page."""
        return [
            Route("/", self._start),
            Route("/call", self._call, methods=["POST"]),
            Route("/calls/{id}", self._show),
            Route("/calls/{id}/feedback", self._feedback, methods=["POST"]),
            Route("/style.css", lambda _: _static("style.css", "text/css")),
            Route("/page.js", lambda _: _static("page.js", "text/javascript")),
        ]

    async def _start(self, request: Request) -> Response:
        return self._page(None, request.query_params.get("patient"), None)

    async def _show(self, request: Request) -> Response:
        made = self._calls.get(request.path_params["id"])
        return await _in_thread(self._page, made, None, None) if made else RedirectResponse("/", 303)

    async def _call(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        patient, hook = self._patients.get(form.get("patient", "")), form.get("hook", "")
        if patient is None or hook not in self._services:
            return self._page(None, None, "Pick a patient and a hook from the lists.", 400)
        return await _in_thread(self._make, patient, hook, form.get("data", ""))

    def _make(self, patient: SyntheticPatient, hook: str, data: str) -> Response:
        target = Endpoint(self._ranvier, self._services[hook], self._signer)
        body = request_of_patient(patient, hook)
        if data == "server":
            body = with_server(body, self._fhir, None)
            if self._tokens is not None:
                body["fhirAuthorization"] = self._tokens.give(patient.id)
        headers, before = target.headers(), self._server.count
        try:
            answer = call(target, body, headers)
        except CallError as error:
            return self._page(None, patient.id, str(error), 502)
        token = _decoded(headers["Authorization"].partition(" ")[2]) if target.signer else None
        made = Made(uuid.uuid4().hex, patient, hook, data, target, body, answer, token, self._server.asked_since(before))
        self._calls[made.id] = made
        while len(self._calls) > KEPT_CALLS:
            del self._calls[next(iter(self._calls))]
        return RedirectResponse(f"/calls/{made.id}", 303)

    async def _feedback(self, request: Request) -> Response:
        made = self._calls.get(request.path_params["id"])
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if made is None:
            return RedirectResponse("/", 303)
        return await _in_thread(self._report, made, form.get("card", ""), form.get("outcome", ""), form.get("reason", ""))

    def _report(self, made: Made, card_id: str, outcome: str, reason: str) -> Response:
        card = next((card for card in made.answer.cards if card.get("uuid") == card_id), None)
        if card is None or outcome not in ("accepted", "overridden"):
            return self._page(made, None, "There is no such card.", 400)
        reasons = [found for found in card.get("overrideReasons", []) if found.get("code") == reason and outcome == "overridden"]
        chosen = {**card, "overrideReasons": reasons}
        try:
            answer = report(made.target, [chosen], "accepted" if outcome == "accepted" else "overridden")
        except CallError as error:
            return self._page(made, None, str(error), 502)
        if answer.status == 200:
            made.outcomes[card_id] = outcome
        made.log.append(
            {
                "time": datetime.now(UTC).strftime("%H:%M:%S"),
                "summary": card["summary"],
                "outcome": outcome,
                "reason": reasons[0]["display"] if reasons else "",
                "status": answer.status,
                "url": made.target.url(feedback=True),
            }
        )
        return RedirectResponse(f"/calls/{made.id}", 303)

    def _stored(self, made: Made) -> list[Stored]:
        """What the service itself has written down about the cards of a call, the latest first."""
        summaries = {str(card["uuid"]): str(card["summary"]) for card in made.answer.cards if "uuid" in card}
        try:
            found = read_answers(self._database, summaries)
        except RecordError:
            return []
        return [
            Stored(f"{row.report.received_at:%H:%M:%S}", summaries[row.report.card], row.report.outcome, row.report.reason_display or "")
            for row in reversed(found)
        ]

    def _page(self, made: Made | None, patient: str | None, error: str | None, status: int = 200) -> Response:
        chosen = made.patient if made else self._patients.get(patient or "") or next(iter(self._patients.values()))
        return HTMLResponse(
            self._pages.get_template("ehr.html").render(
                patients=self._patients.values(),
                hooks={hook: words for hook, words in HOOKS.items() if hook in self._services},
                made=made,
                shown=_without_token(made.request) if made else None,
                stored=self._stored(made) if made else [],
                reasons=reasons_of(made.answer.document) if made and made.answer.status != 200 else [],
                chosen=chosen,
                hook=made.hook if made else chosen.hook,
                data=made.data if made else "prefetch",
                error=error,
                secured=self._signer is not None,
                ranvier=self._ranvier,
                fhir=self._fhir,
            ),
            status,
            HEADERS,
        )


def _without_token(request: dict[str, Any]) -> dict[str, Any]:
    """The request as it may be shown: the access token is cut."""
    if "fhirAuthorization" not in request:
        return request
    token = request["fhirAuthorization"]["access_token"]
    return {**request, "fhirAuthorization": {**request["fhirAuthorization"], "access_token": f"{token[:6]}…"}}


def _decoded(token: str) -> dict[str, Any]:
    """Header and claims of the token that was sent, for people to read; the signature is left out."""
    head, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2])
    return {"header": head, "claims": claims}


def _static(name: str, media_type: str) -> Response:
    return Response(files("cds.sandbox").joinpath("static", name).read_bytes(), media_type=media_type)


async def _in_thread(function: Any, *arguments: Any) -> Response:
    """Calls wait for the service, and the service may ask the FHIR server of this very process."""
    return await run_in_threadpool(function, *arguments)
