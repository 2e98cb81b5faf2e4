"""Who may see the workbench, and that a form was sent from one of its own pages.

The pages are open in development. In production a reverse proxy signs reviewers in and names them in a header; it proves itself by a
secret, so that nobody who reaches the service around it can name a reviewer.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from cds.api.clients import ConfigurationError
from cds.api.limits import read_body
from cds.protocol.outcome import Issue, Refusal
from cds.settings import Settings

SECRET_HEADER = "X-Ranvier-Review-Secret"  # noqa: S105 the name of a header
MOST_FIELDS = 40
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Access:
    """What the settings say of access to the pages. Raises `ConfigurationError` where production would be open."""

    def __init__(self, settings: Settings) -> None:
        self._header = settings.review_user_header
        self._secret = settings.review_secret
        self._development = settings.development
        self._most, self._seconds = settings.max_body_bytes, settings.body_seconds
        if not settings.development and not (self._header and self._secret):
            raise ConfigurationError(
                "RANVIER_REVIEW in production needs RANVIER_REVIEW_USER_HEADER and RANVIER_REVIEW_SECRET (docs/review.md)"
            )
        if self._header and not self._secret:
            raise ConfigurationError("RANVIER_REVIEW_USER_HEADER needs RANVIER_REVIEW_SECRET: without it anybody could name a reviewer")
        self._cookie = "ranvier-review" if settings.development else "__Host-ranvier-review"

    def account(self, request: Request) -> str:
        """Who the proxy says is asking; empty where nobody signs in (development). Raises `Refusal` 401."""
        if not self._header:
            return ""
        given = request.headers.get(SECRET_HEADER, "")
        account = request.headers.get(self._header, "").strip()
        if not account or not hmac.compare_digest(given.encode(), (self._secret or "").encode()):
            raise Refusal(401, (Issue("login", "The workbench is reached through the sign-in of this site only."),))
        return account

    def token(self, request: Request) -> str:
        """The value that the forms of this browser carry: that of its cookie, or a new one."""
        given = request.cookies.get(self._cookie, "")
        return given if len(given) == 43 else secrets.token_urlsafe(32)

    def remember(self, response: Response, token: str) -> None:
        """Give the browser the cookie that its forms are compared with; no script and no other site can read or send it."""
        response.set_cookie(self._cookie, token, path="/", secure=not self._development, httponly=True, samesite="strict")

    async def form(self, request: Request) -> dict[str, str]:
        """The fields of a form that one of our own pages sent. Raises `Refusal` 403 for any other, 413 if it is too large."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise _foreign()
        if request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise Refusal(415, (Issue("not-supported", "A form of the workbench is needed."),))
        body = await read_body(request.receive, self._most, self._seconds)
        try:
            fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            raise Refusal(400, (Issue("invalid", "The form cannot be read."),)) from None
        form = {name: values[-1] for name, values in fields.items()}
        cookie = request.cookies.get(self._cookie, "")
        if not cookie or not hmac.compare_digest(form.pop("csrf", "").encode(), cookie.encode()):
            raise _foreign()
        return form


def _foreign() -> Refusal:
    return Refusal(
        403, (Issue("forbidden", "This form was not sent from a page of the workbench, or it is too old. Open the page again."),)
    )
