"""The addresses below `/review`: pages by subject behind one access check, rendered on the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from cds.advice import Policy
from cds.content import Content
from cds.feedback.records import Signature
from cds.protocol.outcome import Issue, Refusal
from cds.review import cards, sign_in, signoff
from cds.review.access import HEADERS, Access
from cds.review.feedback import feedback_page
from cds.review.matrix import matrix
from cds.review.paste import empty_page, pasted_page
from cds.review.patient import patient_page
from cds.review.reading import Reading, read_synthetic
from cds.review.signoff import Standing
from cds.review.what_if import COURSES, what_if_page
from cds.settings import Settings
from cds.vignette.patients import SyntheticPatient, load_patients

HERE = Path(__file__).parent
EDSS = [("notFound", "not found"), *((f"{half / 2:.1f}", f"{half / 2:.1f}") for half in range(20))]


def routes(content: Content, settings: Settings, policy: Policy, today: Callable[[], date]) -> APIRouter:
    """Every page of the workbench. Raises `ConfigurationError` where the settings would leave it open in production."""
    access = Access(settings)
    env = _environment(content)
    patients = load_patients(content.root / "seeds" / "patients")
    router = APIRouter(prefix="/review", include_in_schema=False)

    @cache
    def readings() -> dict[str, Reading]:
        return {id: read_synthetic(content, patient, policy) for id, patient in patients.items()}

    def page(request: Request, template: str, data: dict[str, Any], status: int = 200, *, signed_in: bool = True) -> Response:
        token = access.token(request)
        about = {
            "base": request.scope.get("root_path", ""),
            "account": access.account(request) if signed_in else "",
            "can_sign_out": signed_in and access.openid is not None,
            "csrf": token,
            "here": request.url.path.rpartition("/review")[2],
        }
        response = Response(env.get_template(template).render(data | about), status, HEADERS, "text/html; charset=utf-8")
        access.remember(response, token)
        return response

    def patient_of(id: str) -> SyntheticPatient:
        if id not in patients:
            raise Refusal(404, (Issue("not-found", "There is no synthetic patient with this id. /review lists them."),))
        return patients[id]

    @router.get("")
    def overview(request: Request) -> Response:
        access.account(request)
        return page(request, "matrix.html", matrix(content, patients, readings(), request.query_params))

    @router.get("/patients/{id}")
    def patient(request: Request, id: str) -> Response:
        access.account(request)
        return page(request, "patient.html", patient_page(content, readings()[patient_of(id).id]) | {"patient": patients[id]})

    @router.get("/what-if/{id}")
    def what_if(request: Request, id: str) -> Response:
        access.account(request)
        choices = {"course_options": [(course, course) for course in COURSES], "edss_options": EDSS}
        return page(request, "what_if.html", what_if_page(content, patient_of(id), request.query_params, policy) | choices)

    @router.get("/paste")
    def paste(request: Request) -> Response:
        access.account(request)
        return page(request, "paste.html", empty_page(today()))

    @router.post("/paste")
    async def pasted(request: Request) -> Response:
        access.account(request)
        form = await access.form(request)
        template, data = await run_in_threadpool(pasted_page, content, form.get("chart", ""), form.get("as_of", ""), today(), policy)
        return page(request, template, data, 422 if data.get("error") else 200)

    def standing() -> tuple[list[Signature], dict[str, Standing]]:
        from cds.feedback.signatures import read  # SQLAlchemy is loaded when a page needs it, not when the service starts

        found = read(settings.database)
        return found, signoff.standings(content, found)

    @router.get("/cards")
    def all_cards(request: Request) -> Response:
        access.account(request)
        return page(request, "cards.html", cards.overview(content, readings(), standing()[1]))

    @router.get("/cards/{topic}")
    def cards_of_topic(request: Request, topic: str) -> Response:
        access.account(request)
        return page(request, "topic.html", cards.topic_page(content, topic, readings(), standing()[1]))

    @router.get("/signatures")
    def signatures(request: Request) -> Response:
        access.account(request)
        found, states = standing()
        data = {
            "rows": found,
            "standings": states,
            "counts": Counter(state.state for state in states.values()),
            "decisions": signoff.DECISIONS,
            "topic_of": {name: card.front.topic for name, card in content.deck.cards.items()},
            "required": settings.require_signoff,
        }
        return page(request, "signatures.html", data)

    @router.post("/signatures")
    async def sign(request: Request) -> Response:
        from cds.feedback.signatures import keep

        account = access.account(request)
        form = await access.form(request)
        signature = signoff.signature_of(content, form.get("card", ""), form, account, datetime.now(UTC))
        await keep(settings.database, signature)
        topic = content.deck.cards[signature.card].front.topic
        base = request.scope.get("root_path", "")
        return Response(status_code=303, headers=HEADERS | {"Location": f"{base}/review/cards/{topic}#{signature.card}"})

    @router.get("/signatures.json")
    def signatures_json(request: Request) -> Response:
        access.account(request)
        return Response(signoff.export_json(content, standing()[0]), headers=HEADERS, media_type="application/json")

    @router.get("/signatures.md")
    def signatures_markdown(request: Request) -> Response:
        access.account(request)
        return Response(signoff.export_markdown(content, standing()[0]), headers=HEADERS, media_type="text/markdown; charset=utf-8")

    @router.get("/feedback")
    def feedback(request: Request) -> Response:
        from cds.feedback.reading import read_report

        access.account(request)
        return page(request, "feedback.html", feedback_page(content, partial(read_report, settings.database), request.query_params))

    if access.openid:
        router.include_router(sign_in.routes(access, access.openid, page))
    for name, path, media_type in (
        ("base.css", HERE.parent / "evidence_pages" / "style.css", "text/css"),
        ("style.css", HERE / "style.css", "text/css"),
        ("workbench.js", HERE / "workbench.js", "text/javascript"),
        ("icon.svg", HERE / "icon.svg", "image/svg+xml"),
    ):
        router.add_api_route(f"/{name}", _file(path.read_bytes(), media_type), methods=["GET"])
    return router


def _grouped(rows: Iterable[Any], by: str | int) -> list[tuple[Any, list[Any]]]:
    """Neighbours that share a field, in the order they come; Jinja's own `groupby` would sort them."""
    return [(key, list(of)) for key, of in groupby(rows, lambda row: row[by] if isinstance(by, int) else getattr(row, by))]


def _file(body: bytes, media_type: str) -> Callable[[], Response]:
    """How the pages look, for anybody: the page of the sign-in needs it, too."""
    return lambda: Response(body, media_type=media_type, headers=HEADERS)


def _environment(content: Content) -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(content=content, wording=content.deck.wording)
    env.filters["groupby_order"] = _grouped
    return env
