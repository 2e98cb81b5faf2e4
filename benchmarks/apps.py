"""The ASGI apps that are compared: two floors, the way most services are written, and Ranvier itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.patient import Patient
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from cds.app import create_app
from cds.settings import Settings

PATH = "/cds-services/ms-patient-view"
AS_OF = "2026-11-20"
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"12")]


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """The floor: all of the body through `orjson.loads`, and an answer without cards. No routing, no checks, no advice."""
    if scope["type"] == "lifespan":
        return
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    orjson.loads(b"".join(parts))
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b'{"cards":[]}'})


class _Request(BaseModel):
    hook: str
    hookInstance: str  # noqa: N815 (the name on the wire)
    context: dict[str, Any]
    prefetch: dict[str, Any]


def pydantic_app() -> FastAPI:
    """FastAPI with a Pydantic model of the request; resources stay dicts."""
    app = FastAPI()

    @app.post(PATH)
    async def answer(request: _Request) -> dict[str, list[Any]]:
        """Answer without cards."""
        assert request.prefetch is not None  # noqa: S101
        return {"cards": []}

    return app


def naive_app() -> FastAPI:
    """The same, with every prefetch value made a fhir.resources object, as most Python services do. No advice."""
    app = FastAPI()

    @app.post(PATH)
    async def answer(request: _Request) -> dict[str, list[Any]]:
        """Answer without cards."""
        for value in request.prefetch.values():
            (Bundle if value["resourceType"] == "Bundle" else Patient).model_validate(value)
        return {"cards": []}

    return app


def ranvier() -> ASGIApp:
    """The service as it is delivered, with its content, on a fixed day."""
    return create_app(Settings(as_of=AS_OF, log_level="error"))


@cache
def apps() -> dict[str, Callable[[], ASGIApp]]:
    """How each app is made, by name."""
    return {"bare": lambda: bare, "fastapi": pydantic_app, "naive": naive_app, "ranvier": ranvier}
