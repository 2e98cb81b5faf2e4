"""Settings: environment variables with the prefix RANVIER_. `docs/settings.md` is made from this file (`python -m cds.settings`)."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, TypeAdapter
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cds.feedback.comments import read_key
from cds.protocol.profiles import ProfileName

PREFIX = "RANVIER_"


def _web_address(text: str) -> str:
    TypeAdapter(HttpUrl).validate_python(text)
    return text.rstrip("/")


def _issuer(text: str | None) -> str | None:
    """Kept as it is written: providers differ in whether a slash ends it, and it is compared letter by letter."""
    if text:
        _web_address(text)
    return text or None


def _claims(pairs: tuple[str, ...]) -> tuple[str, ...]:
    if not all(name and separator and value for name, separator, value in (pair.partition("=") for pair in pairs)):
        raise ValueError("claims are written name=value")
    return pairs


_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


def _database(text: str | None) -> str | None:
    """The address with the driver that is used."""
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    scheme = _DRIVERS.get(scheme, scheme)
    if not separator or scheme not in _DRIVERS.values():
        raise ValueError("an address of the form postgresql://… or sqlite:////folder/file is needed")
    if scheme == _DRIVERS["sqlite"] and len(rest) < 2:
        raise ValueError("an SQLite address must name a file: sqlite:////folder/file")
    try:
        _ = urlsplit(text).port
    except ValueError:  # its message may repeat a part of the password
        raise ValueError("the port must be a number, and signs in a password percent-encoded") from None
    return f"{scheme}://{rest}"


def _words(text: object) -> object:
    return tuple(text.replace(",", " ").split()) if isinstance(text, str) else text


def _unset(value: object) -> object:
    return None if value == "" else value


def _comment_key(text: str | None) -> str | None:
    if text:
        read_key(text)
    return text or None


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Folder = Annotated[Path | None, BeforeValidator(_unset)]


class Settings(BaseSettings):
    """All settings with their defaults. A wrong value stops the start with a message that names the variable."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    mode: Literal["development", "production"] = Field(
        "development",
        description="`production` needs configured clients, talks only to https FHIR servers and allows no web origin by itself.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Number of server processes.")
    public_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "http://127.0.0.1:8000",
        description="Address under which clients reach the service, path prefix included; the `aud` of tokens is compared with it.",
    )
    root_path: str = Field("", pattern=r"^(/[A-Za-z0-9._~-]+)*$", description="Path prefix under which a proxy passes requests on.")
    content: Folder = Field(
        None, description="Folder with `cards/` and `seeds/` of a site's own reviewed content. Unset: the packaged content."
    )
    local_codes: Folder = Field(None, description="YAML file with a site's own codes, see docs/local-codes.md.")
    efficacy_list: Annotated[str | None, BeforeValidator(_unset)] = Field(
        None,
        description="The one list by which drugs are classed as high-efficacy: `abn-2015`, `nhs-england`, `selmaj-2023`, `he-2020`, "
        "`deliver-ms` or `harding-2019`. Unset: all six are read together, and where they differ the answer says so.",
    )
    max_cards: int = Field(3, ge=1, le=10, description="Most cards in one answer.")
    topics_off: Words = Field((), description="Topic codes of cards that this site does not show, separated by spaces.")
    repeat_at_sign: bool = Field(
        False,
        description="Whether order-sign repeats what order-select shows. Matters of safety always are; everything is where "
        "`RANVIER_SERVICES` leaves out `ms-order-select`.",
    )
    suggestions: bool = Field(
        False, description="Whether cards offer drafts to accept (EDSS, MRI, JC virus antibody, a referral). None is ever recommended."
    )
    language: Annotated[str | None, BeforeValidator(_unset)] = Field(
        None,
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="Language of the cards: a folder of `cards/`. Unset: as `Accept-Language` asks, otherwise English. "
        "What a translation leaves out is said in English.",
    )
    as_of: Annotated[date | None, BeforeValidator(_unset)] = Field(
        None, description="Fixes the day for which advice is given (YYYY-MM-DD). Unset: today in UTC."
    )
    services: Words | None = Field(
        None, description="Ids of the services to offer, separated by spaces. Unset: all that the content supports."
    )
    profile: ProfileName = Field("interop", description="What is done differently for anonymous callers, see docs/clients.md.")
    clients: Folder = Field(None, description="YAML file with the clients that may call, see docs/clients.md. Required in production.")
    discovery_auth: bool = Field(False, description="Whether discovery, too, needs a client token.")
    cors_origins: Words | None = Field(
        None,
        description="Web origins that may call, separated by spaces; `*` is any. Unset: `*` in development, none in production.",
    )
    state: Folder = Field(
        None,
        description="Folder for what worker processes share (tokens already used). Required in production. Unset: memory of one process.",
    )
    database_url: Annotated[str | None, AfterValidator(_database)] = Field(
        None,
        repr=False,
        description="Database for feedback and the audit record: `postgresql://…` or `sqlite:////folder/file`, see docs/feedback.md. "
        "Unset: the file `ranvier.sqlite3` in `RANVIER_STATE`, or in `~/.local/state/ranvier` if that is unset, too.",
    )
    comment_key: Annotated[str | None, AfterValidator(_comment_key)] = Field(
        None,
        repr=False,
        description="Key under which comments of users in feedback are kept, encrypted: 64 random bytes in base64, see docs/feedback.md. "
        "Unset: comments are not kept. They are free text and may hold patient data.",
    )
    review: bool | None = Field(
        None, description="Whether the reviewer's workbench is served at `/review`, see docs/review.md. Unset: only in development."
    )
    review_user_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header in which a reverse proxy names the reviewer who signed in. In production, `RANVIER_REVIEW` needs this or "
        "`RANVIER_REVIEW_ISSUER`.",
    )
    review_secret: str | None = Field(
        None,
        min_length=16,
        repr=False,
        description="Secret that this proxy sends in the header `X-Ranvier-Review-Secret`; with `RANVIER_REVIEW_ISSUER` the secret, of at "
        "least 32 characters, that signs sessions. Required with either.",
    )
    review_issuer: Annotated[str | None, AfterValidator(_issuer)] = Field(
        None, description="OpenID Connect provider at which reviewers sign in, written as the provider writes its `issuer`."
    )
    review_client_id: str | None = Field(None, description="Client id of the workbench at this provider.")
    review_client_secret: str | None = Field(
        None, repr=False, description="Client secret of the workbench at this provider. Unset: a public client, with PKCE alone."
    )
    review_user_claim: str = Field(
        "email",
        pattern=r"^[A-Za-z0-9_:/.-]+$",
        description="Claim of the ID token that names the reviewer; signatures carry it. An `email` must be verified by the provider.",
    )
    review_users: Words = Field((), description="Reviewers who may come in, by the value of that claim, separated by spaces.")
    review_claims: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words), AfterValidator(_claims)] = Field(
        (),
        description="Claims of the ID token that let somebody come in as well, as `name=value`, separated by spaces "
        "(`groups=ms-reviewers`).",
    )
    require_signoff: bool = Field(
        False, description="Whether only cards are shown whose present content a reviewer has approved. Read when the service starts."
    )
    max_body_bytes: int = Field(
        32 * 1024 * 1024, ge=10 * 1024 * 1024, description="Largest request body that is read; larger ones get 413."
    )
    body_seconds: int = Field(15, ge=1, le=120, description="Time in which a request body must have arrived.")
    max_calls: int = Field(64, ge=1, description="Service calls in flight per process; further ones get 503 with Retry-After at once.")
    fhir_bases: Words = Field(
        ("*",), description="FHIR servers that anonymous callers may name in development, also private ones; `*` is any public one."
    )
    fhir_without_token: bool = Field(False, description="Whether anonymous callers may name FHIR servers without a token.")
    fhir_budget_ms: int = Field(
        1500, ge=1, le=3500, description="Time for all fetching from the FHIR server during one call, in milliseconds."
    )
    fhir_timeout_ms: int = Field(1200, ge=1, le=3500, description="Time for one request to the FHIR server, in milliseconds.")
    fhir_max_pages: int = Field(10, ge=1, le=1000, description="Pages followed per search.")
    fhir_max_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="Bytes accepted from the FHIR server during one call.")
    ca_file: Folder = Field(
        None, description="PEM file with certificate authorities of the site, trusted beside the public ones by FHIR servers and key sets."
    )
    reading: Literal["selective", "plain"] = Field(
        "selective",
        description="`selective` leaves out prefetched resources that no fact can rest on before they are read, and validates the others "
        "by fhir.resources classes that were compiled at start; `plain` reads all, by the library alone. The cards are the same.",
    )
    shutdown_seconds: int = Field(10, ge=1, le=600, description="Time that calls in flight get to finish when the service is stopped.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log lines that are written.")

    @property
    def development(self) -> bool:
        """Whether the service may run open, for trying it out."""
        return self.mode == "development"

    @property
    def workbench(self) -> bool:
        """Whether the reviewer's workbench is served."""
        return self.development if self.review is None else self.review

    @property
    def database(self) -> str:
        """Where feedback and the audit record are kept, as an address for SQLAlchemy."""
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        folder = (self.state or home / "ranvier").absolute()
        return self.database_url or f"sqlite+aiosqlite:///{folder / 'ranvier.sqlite3'}"

    @property
    def origins(self) -> tuple[str, ...]:
        """Web origins that may call from a browser (CH-CORS-05)."""
        if self.cors_origins is not None:
            return self.cors_origins
        return ("*",) if self.development else ()


def table() -> str:
    """The page docs/settings.md: every variable, its values, default and meaning."""
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable. Made from `cds/settings.py` by `python -m cds.settings > docs/settings.md`.",
        "",
        "| Variable | Values | Default | Meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = _default(field.default)
        lines.append(f"| `{PREFIX}{name.upper()}` | {_values(field.annotation)} | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    if value is None:
        return "unset"
    text = " ".join(value) if isinstance(value, tuple) else str(value).lower()
    return f"`{text}`" if text else "empty"


def _values(annotation: object) -> str:
    choices = [choice for choice in get_args(annotation) if isinstance(choice, str)]
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    kinds = {bool: "`true`, `false`", int: "number", date: "date", Path: "path"}
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and kind in kinds:
            return kinds[kind]
    return "text"


if __name__ == "__main__":
    print(table(), end="")
