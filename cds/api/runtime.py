"""What a running service holds, made once at start-up and handed to every route."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime

from msgspec import Struct

from cds.api.client_auth import ClientAuth
from cds.api.clients import ConfigurationError, load_clients
from cds.api.core import Core
from cds.api.gate import Gate
from cds.api.key_sets import KeySets
from cds.api.replay import ReplayStore
from cds.feedback.comments import read_key
from cds.feedback.store import Store
from cds.fhir.client import HttpReader
from cds.log import log
from cds.protocol.discovery import SERVICES, DiscoveryDocument, Service, discovery_document
from cds.settings import Settings


class Runtime(Struct, frozen=True):
    """Settings, content and what was made of them. `turns`: calls compute one after the other, and the loop looks around in between."""

    settings: Settings
    core: Core
    services: dict[str, Service]
    discovery: DiscoveryDocument
    auth: ClientAuth
    reader: HttpReader
    gate: Gate
    feedback_gate: Gate
    turns: asyncio.Lock
    store: Store
    comment_key: bytes | None

    def today(self) -> date:
        """The day for which advice is given; the only place that reads the clock."""
        return self.settings.as_of or datetime.now(UTC).date()

    async def aclose(self) -> None:
        """Close what is open, once no call is left; what still waits to be stored is written."""
        await self.store.aclose()
        await self.auth.keys.aclose()
        await self.reader.aclose()
        self.auth.replays.close()


def start(settings: Settings, core: Core) -> Runtime:
    """Make everything a running service holds. Raises `ConfigurationError` saying what to change."""
    services = _offered(settings, core.hooks)
    clients = load_clients(settings)
    if not clients.clients:
        log.warning("OPEN: nobody is asked for identity; for trying out only, never with data of patients", mode=settings.mode)
    if settings.workers > 1 and clients.clients and settings.state is None:
        raise ConfigurationError("RANVIER_WORKERS above 1 needs RANVIER_STATE, a folder that all worker processes share")
    try:
        reader = HttpReader(settings.ca_file)
    except OSError:
        raise ConfigurationError(f"RANVIER_CA_FILE: {settings.ca_file} holds no certificate that can be read") from None
    try:
        replays = ReplayStore(settings.state)
    except (OSError, sqlite3.Error):
        raise ConfigurationError(f"RANVIER_STATE: {settings.state} is no folder in which files can be made and changed") from None
    return Runtime(
        settings=settings,
        core=core,
        services=services,
        discovery=discovery_document(services.values(), core.version, core.hash, core.signed),
        auth=ClientAuth(clients, KeySets(reader), replays, settings.public_url),
        reader=reader,
        gate=Gate(settings.max_calls),
        feedback_gate=Gate(settings.max_calls),
        turns=asyncio.Lock(),
        store=Store(settings.database),
        comment_key=read_key(settings.comment_key) if settings.comment_key else None,
    )


def _offered(settings: Settings, hooks: Iterable[str]) -> dict[str, Service]:
    """The services of the settings, those whose hook the content answers."""
    supported = {service.id: service for service in SERVICES if service.hook in hooks}
    if settings.services is None:
        return supported
    unknown = [id for id in settings.services if id not in supported]
    if unknown:
        raise ConfigurationError(f"RANVIER_SERVICES names {unknown[0]!r}; there is {', '.join(supported)}")
    return {id: supported[id] for id in settings.services}
