"""Who may see the workbench, and that a form was sent from one of its own pages.

The pages are open in development. In production reviewers sign in, either by OpenID Connect, or at a reverse proxy that names them in a
header; the proxy proves itself by a secret, so that nobody who reaches the service around it can name a reviewer.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qs, quote

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from cds.api.clients import ConfigurationError
from cds.api.limits import read_body
from cds.protocol.outcome import Issue, Refusal
from cds.review.openid import Attempt, OpenId
from cds.review.sealed import Seal
from cds.settings import Settings

SECRET_HEADER = "X-Ranvier-Review-Secret"  # noqa: S105 the name of a header
SESSION_SECONDS = 8 * 3600
"""A working day: then one signs in again."""
SIGN_IN_SECONDS = 600
LONGEST_WAY_BACK = 1500
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
        self._secret = settings.review_secret or ""
        self._development = settings.development
        self._most, self._seconds = settings.max_body_bytes, settings.body_seconds
        _check(settings)
        self.openid = OpenId(settings) if settings.review_issuer else None
        who = repr((settings.review_issuer, settings.review_client_id, settings.review_user_claim))
        who += repr((sorted(settings.review_users), sorted(settings.review_claims)))
        self._sessions, self._attempts = Seal(self._secret, "session", who), Seal(self._secret, "sign-in", who)
        prefix = "ranvier" if settings.development else "__Host-ranvier"
        self._cookie, self._session, self._attempt = f"{prefix}-review", f"{prefix}-session", f"{prefix}-sign-in"

    def account(self, request: Request) -> str:
        """Who is asking; empty where nobody signs in (development). Raises `Refusal` 401, or 303 to the sign-in where there is one."""
        if self.openid:
            session = self._sessions.open(request.cookies.get(self._session, ""))
            if session is None:
                raise _sign_in_first(request)
            return session["account"]
        if not self._header:
            return ""
        given = request.headers.get(SECRET_HEADER, "")
        account = request.headers.get(self._header, "").strip()
        if not account or not hmac.compare_digest(given.encode(), self._secret.encode()):
            raise Refusal(401, (Issue("login", "The workbench is reached through the sign-in of this site only."),))
        return account

    def token(self, request: Request) -> str:
        """The value that the forms of this browser carry: that of its cookie, or a new one."""
        given = request.cookies.get(self._cookie, "")
        return given if len(given) == 43 else secrets.token_urlsafe(32)

    def remember(self, response: Response, token: str) -> None:
        """Give the browser the cookie that its forms are compared with; no script and no other site can read or send it."""
        response.set_cookie(self._cookie, token, path="/", secure=not self._development, httponly=True, samesite="strict")

    def remember_attempt(self, response: Response, attempt: Attempt) -> None:
        """Let the browser keep the sign-in that it has begun. The provider sends it back from another site, hence `lax`."""
        self._set(response, self._attempt, self._attempts.close(asdict(attempt), SIGN_IN_SECONDS), SIGN_IN_SECONDS)

    def attempt(self, request: Request) -> Attempt | None:
        """The sign-in that this browser has begun."""
        kept = self._attempts.open(request.cookies.get(self._attempt, ""))
        return Attempt(**kept) if kept else None

    def admit(self, response: Response, account: str) -> None:
        """Somebody has signed in."""
        self.end_attempt(response)
        self._set(response, self._session, self._sessions.close({"account": account}, SESSION_SECONDS), SESSION_SECONDS)

    def end_attempt(self, response: Response) -> None:
        """A sign-in has come to its end, so or so: its answer is good for one time only."""
        self._delete(response, self._attempt)

    def end_session(self, response: Response) -> None:
        """Sign this browser out."""
        self._delete(response, self._session)

    def _delete(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=not self._development, httponly=True, samesite="lax")

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=not self._development, httponly=True, samesite="lax")

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


def _check(settings: Settings) -> None:
    header, issuer, secret = settings.review_user_header, settings.review_issuer, settings.review_secret
    if not settings.development and not (secret and (header or issuer)):
        raise ConfigurationError(
            "RANVIER_REVIEW in production needs RANVIER_REVIEW_SECRET, with RANVIER_REVIEW_ISSUER or RANVIER_REVIEW_USER_HEADER "
            "(docs/review.md)"
        )
    if header and issuer:
        raise ConfigurationError("RANVIER_REVIEW_USER_HEADER and RANVIER_REVIEW_ISSUER: reviewers sign in at one of the two, not at both")
    if header and not secret:
        raise ConfigurationError("RANVIER_REVIEW_USER_HEADER needs RANVIER_REVIEW_SECRET: without it anybody could name a reviewer")
    if issuer and len(secret or "") < 32:
        raise ConfigurationError("RANVIER_REVIEW_ISSUER needs a RANVIER_REVIEW_SECRET of at least 32 characters: it signs the sessions")


def way_back(to: str) -> str:
    """What follows `/review` in the address where a sign-in began; empty for anything that is no such address."""
    fine = to.isascii() and to.isprintable() and " " not in to and len(to) <= LONGEST_WAY_BACK and to[:1] in ("/", "?")
    return to if fine else ""


def _sign_in_first(request: Request) -> Refusal:
    """A page leads to the sign-in and back; a form, an export or a script is told."""
    issue = (Issue("login", "Sign in at /review first."),)
    wants_page = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" and "text/html" in request.headers.get("Accept", "")
    if request.method != "GET" or not wants_page:
        return Refusal(401, issue, HEADERS)
    here = request.url.path.rpartition("/review")[2] + (f"?{request.url.query}" if request.url.query else "")
    return Refusal(303, issue, HEADERS | {"Location": f"{request.scope.get('root_path', '')}/review/sign-in?to={quote(here)}"})


def _foreign() -> Refusal:
    return Refusal(
        403, (Issue("forbidden", "This form was not sent from a page of the workbench, or it is too old. Open the page again."),)
    )
