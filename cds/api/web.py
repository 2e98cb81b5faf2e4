"""Every address of the service, registered in one place, and what lies around them all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cds.api import examples, garbage, operations
from cds.api.cors import Cors
from cds.api.errors import on_http_exception, on_invalid_input, on_refusal, on_unexpected
from cds.api.guard import Guard
from cds.api.openapi import openapi
from cds.api.routes import CdsServices
from cds.api.runtime import Runtime
from cds.fhir.compiled import validator
from cds.fhir.resources import BEARS_ON_FACTS
from cds.log import log
from cds.protocol.outcome import Refusal
from cds.protocol.request import read_call

_SERVICES = "/cds-services/"


def assemble(runtime: Runtime, *pages: APIRouter) -> ASGIApp:
    """CORS around everything, so that no answer lacks its headers; then the guard; then the routes."""
    settings = runtime.settings
    app = _services_first(CdsServices(runtime), routes(runtime, *pages))
    return Cors(Guard(app, https_only=not settings.development, root_path=settings.root_path), settings.origins)


def _services_first(services: CdsServices, app: FastAPI) -> ASGIApp:
    """Calls of services go straight to them: the layers of the framework cost as much as reading a small chart, and answer nothing here."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["root_path"] and scope["path"].startswith(_SERVICES):
            await services({**scope, "path_params": {"rest": scope["path"][len(_SERVICES) :]}}, receive, send)
        else:
            await app(scope, receive, send)

    return answer


def routes(runtime: Runtime, *pages: APIRouter) -> FastAPI:
    """Every address of the service. Telemetry of the framework stays off: it would export exception texts."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        _warm_up(runtime)
        garbage.keep_all()
        log.info("started", mode=runtime.settings.mode, services=list(runtime.services), content=runtime.core.hash[:12])
        runtime.store.start()
        yield
        await runtime.aclose()

    app = FastAPI(
        title="Ranvier",
        lifespan=lifespan,
        root_path_in_servers=False,
        redirect_slashes=False,
        docs_url="/docs" if runtime.settings.development else None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.runtime = runtime
    app.router.routes.extend(
        [
            Route("/cds-services", CdsServices(runtime)),
            Route("/cds-services/{rest:path}", CdsServices(runtime)),
            Route("/healthz", operations.healthz),
            Route("/readyz", operations.readyz),
            Route("/metrics", operations.metrics),
        ]
    )
    for page in pages:
        app.include_router(page)
    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_input)
    app.add_exception_handler(Exception, on_unexpected)
    app.openapi = cache(lambda: openapi(app.routes, runtime.services.values()))  # type: ignore[method-assign]
    return app


def _warm_up(runtime: Runtime) -> None:
    """Answer one call to oneself: classes that are made at their first use would make the first caller wait ten times as long."""
    for type_ in BEARS_ON_FACTS:
        validator(type_)
    call = read_call(orjson.dumps(examples.request("patient-view")), "patient-view")
    runtime.core.advise(call, call.prefetch, runtime.today())
