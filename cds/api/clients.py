"""Who may call: the file named by RANVIER_CLIENTS, one entry per client (contract 2.16; docs/clients.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cds.api.addresses import is_below
from cds.mendable import MendableError
from cds.plain_yaml import load_yaml
from cds.protocol.profiles import PROFILES, Profile, ProfileName
from cds.settings import Settings

Algorithm = Literal["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]


class ConfigurationError(MendableError, ValueError):
    """Settings or the clients file cannot be used; the message says what to change."""


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an absolute http or https address is needed")
    return text.rstrip("/")


def _key_set(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("a JWK Set is needed: {keys: [...]}")
    try:
        KeySet.import_key_set(value)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError):
        raise ValueError("these keys cannot be read") from None
    return value


def _tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_address)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FhirBase(_Entry):
    """A FHIR server whose address, or one below it, the client may name. `private`: it may lie in a private network."""

    base: Address
    private: bool = False

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"base": value} if isinstance(value, str) else value

    def covers(self, server: str) -> bool:
        """Whether this entry allows the address of a FHIR server."""
        return is_below(self.base, server)


class Caller(_Entry):
    """What any caller may do, known or anonymous."""

    profile: ProfileName = "interop"
    fhir: tuple[FhirBase, ...] = ()
    any_public_fhir: bool = Field(False, description="any FHIR server on a public address; for trying out")
    fhir_without_token: bool = Field(False, description="FHIR servers may be asked without an access token; for open test servers")
    aliases: dict[str, str] = Field({}, description="the client's prefetch key → ours")
    services: tuple[str, ...] = Field((), description="ids of the services it may call; all when empty")

    @property
    def rules(self) -> Profile:
        """What its profile changes."""
        return PROFILES[self.profile]

    def fhir_base(self, server: str, *, https_only: bool) -> FhirBase | None:
        """The entry that allows this FHIR server, if one does (CH-FHIR-05, CH-REQ-10)."""
        if (https_only and not server.startswith("https://")) or not is_below(server, server):
            return None
        found = next((entry for entry in self.fhir if entry.covers(server)), None)
        return found or (FhirBase(base=server) if self.any_public_fhir else None)


class Client(Caller):
    """A client that proves who it is with a signed token."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="our name for it, in logs and reports")
    issuer: str = Field(min_length=1, description="`iss` of its tokens")
    jku: Annotated[tuple[Address, ...], BeforeValidator(_tuple)] = Field((), description="where its public keys are published")
    jku_private: bool = Field(False, description="the keys are published in a private network")
    keys: Annotated[dict[str, Any] | None, BeforeValidator(_key_set)] = Field(None, description="its public keys, exchanged beforehand")
    algorithms: tuple[Algorithm, ...] = ("ES384", "RS384")
    audiences: tuple[str, ...] = Field((), description="further `aud` values, typed by hand at a site")
    tenants: tuple[str, ...] = Field((), description="`tenant` values that are accepted; any when empty")
    max_lifetime_minutes: int = Field(60, ge=1, le=2880)
    replay: bool | None = Field(None, description="whether a token may be used more than once; by profile when absent")

    @model_validator(mode="after")
    def _has_keys(self) -> Client:
        if bool(self.jku) == bool(self.keys):
            raise ValueError("either jku or keys is needed")
        return self

    @property
    def may_replay(self) -> bool:
        """Whether one token may be used for several calls (CH-SEC-13)."""
        return self.rules.replay if self.replay is None else self.replay


ANONYMOUS = "anonymous"


class ClientsFile(_Entry):
    """The whole file."""

    clients: tuple[Client, ...]
    anonymous: Caller | None = Field(None, description="what a caller without a token may do; development only")

    @model_validator(mode="after")
    def _distinct(self) -> ClientsFile:
        for names in ([client.id for client in self.clients], [client.issuer for client in self.clients]):
            if len(set(names)) < len(names) or ANONYMOUS in names:
                raise ValueError("ids and issuers must be unique, and no id may be `anonymous`")
        return self


def load_clients(settings: Settings) -> ClientsFile:
    """Who may call under these settings. Raises `ConfigurationError`: production never runs open (CH-SEC-02)."""
    if settings.clients is None:
        if not settings.development:
            raise ConfigurationError("RANVIER_MODE=production needs RANVIER_CLIENTS, a file with the clients that may call")
        return ClientsFile(clients=(), anonymous=_open_caller(settings))
    try:
        found = ClientsFile.model_validate(load_yaml(settings.clients.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"RANVIER_CLIENTS: {settings.clients} cannot be read: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigurationError(f"RANVIER_CLIENTS: {settings.clients}: {problems}") from None
    if not settings.development:
        _check_production(found, settings)
    return found


def _check_production(found: ClientsFile, settings: Settings) -> None:
    if not found.clients or found.anonymous is not None:
        raise ConfigurationError("RANVIER_MODE=production needs at least one client and no `anonymous` entry in RANVIER_CLIENTS")
    if settings.state is None:
        raise ConfigurationError("RANVIER_MODE=production needs RANVIER_STATE, a folder that all worker processes share")
    if not settings.public_url.startswith("https://"):
        raise ConfigurationError("RANVIER_MODE=production needs an https address in RANVIER_PUBLIC_URL")
    insecure = [address for client in found.clients for address in client.jku if not address.startswith("https://")]
    if insecure:
        raise ConfigurationError("RANVIER_CLIENTS: production reads keys only from https addresses")


def _open_caller(settings: Settings) -> Caller:
    """What anybody may do in development without a clients file."""
    bases = tuple(FhirBase(base=base, private=True) for base in settings.fhir_bases if base != "*")
    return Caller(
        profile=settings.profile, fhir=bases, any_public_fhir="*" in settings.fhir_bases, fhir_without_token=settings.fhir_without_token
    )
