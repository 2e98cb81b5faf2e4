"""The public evidence pages: what stands behind every card, for a reader with a browser. No patient data, nothing from elsewhere.

Each function returns the page's data; `respond` turns it into HTML or, when the client asks for it, JSON.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from cds.content import Content
from cds.evidence.load import read_yaml
from cds.evidence.model import Claim, Source, Summary
from cds.export.bibliography import bibtex, csl_json
from cds.protocol.outcome import Issue, Refusal

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "public, max-age=300",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PageData = dict[str, Any]


def routes(content: Content, today: Callable[[], date], signed: frozenset[str] | None = None) -> APIRouter:
    """The routes below `/evidence`; `today` marks overdue reviews, `signed` the cards signed off where that is required."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    attributes = read_yaml(content.root / "seeds" / "attributes.yaml")
    env.globals.update(signed=signed, content=content, wording=content.deck.wording, attributes=attributes)
    styles = (HERE / "style.css").read_bytes()
    router = APIRouter(prefix="/evidence", include_in_schema=False)
    pages: dict[str, tuple[str, Callable[..., PageData]]] = {
        "": ("index.html", partial(index, content)),
        "/claims/{id}": ("claim.html", partial(claim_page, content)),
        "/sources/{id}": ("source.html", partial(source_page, content)),
        "/definitions": ("definitions.html", partial(definitions_page, content)),
        "/documents": ("documents.html", partial(documents_page, content)),
        "/drugs/{id}": ("drug.html", partial(drug_page, content)),
        "/{id}": ("summary.html", partial(summary_page, content)),
    }

    @router.get("/style.css")
    def style() -> Response:
        return Response(styles, media_type="text/css", headers=HEADERS)

    for path, media_type, make in (
        ("/fhir", "application/fhir+json", lambda: orjson.dumps(_as_fhir(content))),
        ("/sources.bib", "application/x-bibtex", lambda: bibtex(content.evidence.sources.values()).encode()),
        ("/sources.csl.json", "application/vnd.citationstyles.csl+json", lambda: orjson.dumps(csl_json(content.evidence.sources.values()))),
    ):
        router.add_api_route(path, _export(cache(make), media_type), methods=["GET", "HEAD"])
    for path, (template, data) in pages.items():
        router.add_api_route(path, _endpoint(partial(env.get_template, template), data, today), methods=["GET", "HEAD"])
    return router


def _as_fhir(content: Content) -> dict[str, Any]:
    """The evidence base in FHIR R5; the R5 models are imported when they are first asked for, not when the service starts."""
    from cds.export.fhir_r5 import export_bundle

    return export_bundle(content)


def _endpoint(
    template: Callable[[], jinja2.Template], data: Callable[..., PageData], today: Callable[[], date]
) -> Callable[[Request], Response]:
    """A page; its template is compiled when it is first asked for, not when the service starts."""

    def respond(request: Request) -> Response:
        page = data(**request.path_params)
        if "application/json" in request.headers.get("accept", ""):
            return Response(orjson.dumps(page, default=_plain), media_type="application/json", headers=HEADERS | {"Vary": "Accept"})
        html = template().render(page, base=request.scope.get("root_path", ""), today=today())
        return Response(html, media_type="text/html; charset=utf-8", headers=HEADERS | {"Vary": "Accept"})

    return respond


def _export(make: Callable[[], bytes], media_type: str) -> Callable[[], Response]:
    """A file made once, when it is first asked for."""
    return lambda: Response(make(), media_type=media_type, headers=HEADERS)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_defaults=True)
    raise TypeError


def _found(records: dict[str, Any], id: str, kind: str) -> Any:
    if id not in records:
        raise Refusal(404, (Issue("not-found", f"There is no {kind} with this id. /evidence lists what there is."),))
    return records[id]


def index(content: Content) -> PageData:
    """Every summary by topic, with counts of what stands behind them."""
    by_topic: dict[str, list[Summary]] = defaultdict(list)
    for summary in content.evidence.summaries.values():
        by_topic[summary.topic].append(summary)
    evidence = content.evidence
    return {
        "topics": {topic: by_topic[topic] for topic in content.deck.wording.topics if topic in by_topic},
        "counts": {
            "sources": len(evidence.sources),
            "claims": len(evidence.claims),
            "drugs": len(evidence.drugs),
            "definitions": len(evidence.definitions),
        },
        "edition": {"version": content.edition.version, "hash": content.edition.hash, "reviewed": content.edition.reviewed},
    }


def summary_page(content: Content, id: str) -> PageData:
    """One option for one population: criteria, claims, positions, trials, gaps."""
    evidence = content.evidence
    summary: Summary = _found(evidence.summaries, id, "summary")
    return {
        "summary": summary,
        "gates": [evidence.criteria[i] for i in summary.gates],
        "limits": [evidence.criteria[i] for i in summary.limits],
        "favourable": [evidence.criteria[i] for i in summary.favourable],
        "claims": [_claim(content, evidence.claims[i]) for i in summary.claims],
        "positions": [{"body": p.body, "claim": _claim(content, evidence.claims[p.claim])} for p in summary.positions],
        "trials": [evidence.sources[i] for i in summary.ongoing_trials],
    }


def _claim(content: Content, claim: Claim) -> PageData:
    return {"claim": claim, "sources": content.evidence.sources_of(claim), "on_cards": content.evidence.showable(claim)}


def claim_page(content: Content, id: str) -> PageData:
    """One claim: its words, certainty, sources with their figures, and where it is used."""
    evidence = content.evidence
    claim: Claim = _found(evidence.claims, id, "claim")
    return _claim(content, claim) | {
        "summaries": [summary for summary in evidence.summaries.values() if id in summary.claims],
        "statements": [
            {"document": document, "statement": statement}
            for document in evidence.documents.values()
            for statement in document.statements
            if id in statement.claims
        ],
    }


def source_page(content: Content, id: str) -> PageData:
    """One source: what was read of it, its figures, and the claims that rest on it."""
    source: Source = _found(content.evidence.sources, id, "source")
    claims = [claim for claim in content.evidence.claims.values() if id in claim.sources]
    return {"source": source, "claims": claims, "link": source.identifiers.link}


def drug_page(content: Content, id: str) -> PageData:
    """One drug: what labels, guidelines and trials say, and what was not read."""
    return {"drug": _found(content.evidence.drugs, id, "drug")}


def definitions_page(content: Content) -> PageData:
    """All definitions, those of the field and those that are Ranvier conventions."""
    definitions = sorted(content.evidence.definitions.values(), key=lambda definition: (definition.basis, definition.name))
    return {"definitions": definitions}


def documents_page(content: Content) -> PageData:
    """The founding documents, statement by statement, with the claims that carry each."""
    return {"documents": list(content.evidence.documents.values())}
