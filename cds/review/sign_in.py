"""`/review/sign-in`: to the provider and back, and out again."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import APIRouter, Request
from starlette.responses import Response

from cds.log import log
from cds.review.access import HEADERS, Access, way_back
from cds.review.openid import OpenId, SignInError


class Page(Protocol):
    """Renders a template as a page of the workbench."""

    def __call__(self, request: Request, template: str, data: dict[str, Any], status: int = 200, *, signed_in: bool = True) -> Response:
        """The page; `signed_in`: only for somebody who is."""


def routes(access: Access, openid: OpenId, page: Page) -> APIRouter:
    """The addresses of the sign-in, below `/review`."""
    router = APIRouter()

    def failed(request: Request, error: SignInError) -> Response:
        log.warning("reviewer not signed in", reason=str(error))
        data = {"title": "Not signed in", "message": str(error), "end": None}
        response = page(request, "sign_in.html", data, 403 if error.refused else 400, signed_in=False)
        access.end_attempt(response)
        return response

    def to(address: str) -> Response:
        return Response(status_code=303, headers=HEADERS | {"Location": address})

    @router.get("/sign-in")
    async def begin(request: Request) -> Response:
        try:
            address, attempt = await openid.begin(way_back(request.query_params.get("to", "")))
        except SignInError as error:
            return failed(request, error)
        response = to(address)
        access.remember_attempt(response, attempt)
        return response

    @router.get("/sign-in/done")
    async def done(request: Request) -> Response:
        attempt = access.attempt(request)
        try:
            if attempt is None:
                raise SignInError("No sign-in began in this browser, or it took too long.")
            account = await openid.finish(attempt, request.query_params)
        except SignInError as error:
            return failed(request, error)
        response = to(f"{request.scope.get('root_path', '')}/review{attempt.to}")
        access.admit(response, account)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        await access.form(request)
        data = {"title": "Signed out", "message": "This browser is signed out of the workbench.", "end": await openid.end_address()}
        response = page(request, "sign_in.html", data, signed_in=False)
        access.end_session(response)
        return response

    return router
