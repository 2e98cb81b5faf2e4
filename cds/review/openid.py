"""Signing in by OpenID Connect: authorization code flow with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9207).

Sign-ins are rare, so nothing but the provider's description is kept between them, and keys are always the present ones.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct
from pydantic import BaseModel, ValidationError

from cds.api.clients import ConfigurationError
from cds.settings import Settings

ALGORITHMS = ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]
"""An ID token is signed with the provider's own key: neither `none` nor a shared secret."""
DESCRIPTION_SECONDS = 600
TIMEOUT_SECONDS = 5.0
MAX_BYTES = 512 * 1024
LEEWAY_SECONDS = 30


class SignInError(Exception):
    """A sign-in that did not succeed; the message is one of our own sentences. `refused`: the provider knows them, this site does not."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Description(BaseModel):
    """What is used of a provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Attempt(Struct, frozen=True):
    """One sign-in under way: what the browser must bring back and what only we know. `to` is where it began."""

    state: str
    nonce: str
    verifier: str
    to: str


class OpenId:
    """The provider of the settings. Raises `ConfigurationError` where they do not say who may come in."""

    def __init__(self, settings: Settings) -> None:
        if not settings.review_client_id:
            raise ConfigurationError("RANVIER_REVIEW_ISSUER needs RANVIER_REVIEW_CLIENT_ID (docs/review.md)")
        if not (settings.review_users or settings.review_claims):
            raise ConfigurationError("RANVIER_REVIEW_ISSUER needs RANVIER_REVIEW_USERS or RANVIER_REVIEW_CLAIMS: who may come in")
        self._issuer, self._client_id = settings.review_issuer or "", settings.review_client_id
        self._client_secret = settings.review_client_secret
        self._user_claim, self._users = settings.review_user_claim, frozenset(settings.review_users)
        self._wanted = tuple(claim.partition("=")[::2] for claim in settings.review_claims)
        self._https_only = not settings.development
        self._back = f"{settings.public_url}/review/sign-in/done"
        self._home = f"{settings.public_url}/review"
        if self._https_only and not all(_is_https(url) for url in (self._issuer, settings.public_url)):
            raise ConfigurationError("RANVIER_REVIEW_ISSUER and RANVIER_PUBLIC_URL must be https addresses in production")
        self._tls = httpx.create_ssl_context(trust_env=False)
        if settings.ca_file is not None:
            self._tls.load_verify_locations(settings.ca_file)
        self._described: tuple[float, Description] | None = None

    async def begin(self, to: str) -> tuple[str, Attempt]:
        """The address at the provider to which the browser goes, and what to remember until it comes back. Raises `SignInError`."""
        provider = await self._description()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, to)
        digest = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._back,
            "scope": "openid email profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(provider.authorization_endpoint).query else "?"
        return f"{provider.authorization_endpoint}{joint}{urlencode(query)}", attempt

    async def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> str:
        """Who signed in, from what the browser brought back. Raises `SignInError`."""
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignInError("This answer does not belong to a sign-in that began in this browser.")
        provider = await self._description()
        named = answer.get("iss")
        if named != provider.issuer and (named is not None or provider.authorization_response_iss_parameter_supported):
            raise SignInError("The answer comes from another provider.")
        if "error" in answer or not answer.get("code"):
            raise SignInError("The provider did not sign you in.")
        claims = self._checked(await self._id_token(provider, answer["code"], attempt.verifier), await self._keys(provider), attempt.nonce)
        return self._account(claims)

    async def end_address(self) -> str | None:
        """Where one signs out of the provider itself; `None` if it says nothing of that, or cannot be reached."""
        try:
            provider = await self._description()
        except SignInError:
            return None
        query = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": self._home})
        return f"{provider.end_session_endpoint}?{query}" if provider.end_session_endpoint else None

    async def _description(self) -> Description:
        if self._described is None or time.monotonic() - self._described[0] > DESCRIPTION_SECONDS:
            document = await self._fetch("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                found = Description.model_validate(document)
            except ValidationError:
                raise SignInError("The provider's description cannot be read.") from None
            if found.issuer != self._issuer:
                raise SignInError("The provider calls itself otherwise than RANVIER_REVIEW_ISSUER.")
            addresses = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.end_session_endpoint or self._issuer)
            if self._https_only and not all(map(_is_https, addresses)):
                raise SignInError("The provider names an address that is not https.")
            self._described = time.monotonic(), found
        return self._described[1]

    async def _id_token(self, provider: Description, code: str, verifier: str) -> str:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._back, "code_verifier": verifier}
        auth = None
        if self._client_secret and "client_secret_basic" in provider.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(_form_encoded(self._client_id), _form_encoded(self._client_secret))
        else:
            form |= {"client_id": self._client_id} | ({"client_secret": self._client_secret} if self._client_secret else {})
        answer = await self._fetch("POST", provider.token_endpoint, data=form, auth=auth)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise SignInError("The provider gave no ID token.")
        return token

    async def _keys(self, provider: Description) -> KeySet:
        document = await self._fetch("GET", provider.jwks_uri)
        try:
            return KeySet.import_key_set(document)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise SignInError("The provider's keys cannot be read.") from None

    def _checked(self, token: str, keys: KeySet, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that is the provider's, for us, for this sign-in, and not too old (OpenID Connect Core 3.1.3.7)."""
        expected = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            expected.validate(claims)
        except (JoseError, ValueError, TypeError):
            raise SignInError("The provider's ID token is not valid for this sign-in.") from None
        others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if others else self._client_id) != self._client_id:
            raise SignInError("The provider's ID token is for another application.")
        return claims

    def _account(self, claims: Mapping[str, Any]) -> str:
        """The name that signatures carry, of somebody who may come in."""
        account = claims.get(self._user_claim)
        if not isinstance(account, str) or not account.strip():
            raise SignInError("The provider does not say who you are (RANVIER_REVIEW_USER_CLAIM).", refused=True)
        if self._user_claim == "email" and claims.get("email_verified") is not True:
            raise SignInError("The provider has not verified your address.", refused=True)
        if account not in self._users and not any(_holds(claims.get(name), value) for name, value in self._wanted):
            raise SignInError("You are signed in, but not among those who may review here.", refused=True)
        return account

    async def _fetch(self, method: str, url: str, **sent: Any) -> Any:
        """JSON from the provider; nothing is redirected, and time and size are capped."""
        try:
            async with (
                httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
                client.stream(method, url, headers={"Accept": "application/json"}, **sent) as response,
            ):
                body = b""
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise SignInError("The provider's answer is too large.")
                if response.status_code != 200:
                    raise SignInError("The provider refused.")
                return httpx.Response(200, content=body).json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise SignInError("The provider cannot be reached, or its answer cannot be read.") from None


def _holds(claim: object, value: str) -> bool:
    return value in claim if isinstance(claim, list) else claim == value


def _is_https(url: str) -> bool:
    return urlsplit(url).scheme == "https"


def _form_encoded(text: str) -> str:
    """As RFC 6749 2.3.1 wants name and secret of a client before they go into the header."""
    return urlencode({"": text})[1:]
