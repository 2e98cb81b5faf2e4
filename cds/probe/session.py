"""One run against one service: requests one after the other, never more than allowed, never to another host."""

from __future__ import annotations

import copy
import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from cds.probe import samples
from cds.probe.fhir_stub import Asked, FhirStub
from cds.probe.model import Exchange, NotApplicable, ProfileName
from cds.probe.token import Signer

MAX_REQUESTS = 400
TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024
BUSY = (429, 503)
MAX_WAITS = 5
MAX_WAIT_SECONDS = 10.0
ORIGIN = "https://sandbox.cds-hooks.org"

Entry = dict[str, Any]
Change = Callable[[dict[str, Any]], None]


def root(url: str) -> str:
    """The address below which `/cds-services` lies. Raises `ValueError` for anything but an http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("an address such as https://cds.example/base is needed")
    return url.rstrip("/").removesuffix("/cds-services").rstrip("/")


def authorities() -> ssl.SSLContext:
    """Whom to trust: public certificate authorities, those of this machine, and those in SSL_CERT_FILE, such as a hospital's own."""
    found = httpx.create_ssl_context(trust_env=False)
    found.load_default_certs()
    return found


def client(timeout: float = TIMEOUT_SECONDS) -> httpx.Client:
    """A client that follows no redirect, keeps no cookie and asks no proxy, so that no other host is called."""
    limits = httpx.Limits(max_connections=1)
    return httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False, verify=authorities(), limits=limits)


def trouble(error: httpx.HTTPError) -> str:
    """Why no answer came, in a few words that say nothing of what was sent."""
    untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
    return "its certificate is not trusted; SSL_CERT_FILE names further authorities" if untrusted else type(error).__name__


@dataclass
class Session:
    """The service under test as the checks see it. An exchange of one description is sent once and shared by all checks.

    A busy service (429, 503) is given the time it asks for, and asked once more; `turned_away` remembers that. `body_limit` is the
    limit in MiB that the service is said to have, `fhir` the probe's own FHIR server; without them, what they serve is not checked.
    """

    base: str
    http: httpx.Client
    profile: ProfileName = "2.0"
    signer: Signer | None = None
    given: tuple[dict[str, Any], ...] = ()
    feedback: bool = True
    max_requests: int = MAX_REQUESTS
    pause: float = 0.0
    body_limit: int | None = None
    fhir: FhirStub | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    good: dict[str, str] = field(default_factory=dict)
    exchanges: dict[tuple[str, str, str], Exchange] = field(default_factory=dict)
    fetches: dict[str, tuple[Exchange, list[Asked]]] = field(default_factory=dict)
    turned_away: list[Exchange] = field(default_factory=list)

    @property
    def strict(self) -> bool:
        """Whether our own decisions count like obligations."""
        return self.profile == "strict"

    def send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        audience: str | None = None,
    ) -> Exchange:
        """Send one request, or return what came back when it was sent before. An empty `token` sends none."""
        key = (method, path, what)
        if key not in self.exchanges:
            if len(self.exchanges) >= self.max_requests:
                raise NotApplicable(f"the limit of {self.max_requests} requests is reached")
            if self.pause and self.exchanges:
                self.sleep(self.pause)
            data = content if content is not None else None if body is None else json.dumps(body).encode()
            found = self._send(method, path, what, data, dict(headers or {}), token, audience or path)
            if found.status in BUSY and len(self.turned_away) < MAX_WAITS:
                self.turned_away.append(found)
                self.sleep(_wait(found))
                found = self._send(method, path, what, data, dict(headers or {}), token, audience or path)
            self.exchanges[key] = found
        return self.exchanges[key]

    def _send(
        self, method: str, path: str, what: str, data: bytes | None, headers: dict[str, str], token: str | None, audience: str
    ) -> Exchange:
        names = {name.lower() for name in headers}
        if data is not None and "content-type" not in names:
            headers["Content-Type"] = "application/json"
        if token is None and self.signer is not None and method != "OPTIONS" and "authorization" not in names:
            token = self.signer.token(self.base + audience)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        headers = {name: value for name, value in headers.items() if value}
        started = self.clock()
        try:
            with self.http.stream(method, self.base + path, content=data, headers={"User-Agent": "ranvier-probe", **headers}) as response:
                received = bytearray()
                for part in response.iter_bytes():
                    received += part
                    if len(received) > MAX_ANSWER_BYTES:
                        return Exchange(method, path, what, 0, {}, b"", self.clock() - started, "the answer is larger than 16 MiB")
                return Exchange(method, path, what, response.status_code, response.headers, bytes(received), self.clock() - started)
        except httpx.HTTPError as error:
            return Exchange(method, path, what, 0, {}, b"", self.clock() - started, trouble(error))

    @cached_property
    def discovery(self) -> Exchange:
        """The discovery call that all checks share."""
        return self.send("GET", "/cds-services", "discovery")

    @cached_property
    def entries(self) -> list[Entry]:
        """Everything in the discovery document that is an object; raises `NotApplicable` if there is no document."""
        document = self.discovery.document
        if not isinstance(document, dict) or not isinstance(document.get("services"), list):
            raise NotApplicable("there is no discovery document")
        return [entry for entry in document["services"] if isinstance(entry, dict)]

    @cached_property
    def services(self) -> list[Entry]:
        """The entries that can be called; raises `NotApplicable` if there is none."""
        found = [entry for entry in self.entries if _text(entry.get("id")) and _text(entry.get("hook"))]
        if not found:
            raise NotApplicable("discovery names no service that can be called")
        return found

    def path(self, entry: Entry) -> str:
        """The address of a service below the base."""
        return f"/cds-services/{entry['id']}"

    def request(self, entry: Entry) -> dict[str, Any]:
        """A good request for a service: one of the user's if there is one for the hook, otherwise made up. It may be changed."""
        key = f"{entry['id']} {entry['hook']}"
        if key not in self.good:
            given = next((request for request in self.given if request.get("hook") == entry["hook"]), None)
            self.good[key] = json.dumps(given or samples.request(entry))
        found: dict[str, Any] = json.loads(self.good[key])
        found["hookInstance"] = str(uuid.uuid4())
        return found

    def call(self, entry: Entry, what: str, change: Change | None = None, **options: Any) -> Exchange:
        """Call a service with a good request that is changed in one way."""
        body = self.request(entry)
        if change:
            change(body)
        return self.send("POST", self.path(entry), what, body=body, **options)

    def plain(self, entry: Entry) -> Exchange:
        """The call that nothing is wrong with."""
        return self.call(entry, "a good request")

    @cached_property
    def main(self) -> Entry:
        """The service on which changed requests are tried: the first that accepts a good one."""
        for entry in self.services:
            if self.plain(entry).status == 200:
                return entry
        raise NotApplicable("no service accepted a good request; --request gives one that it can answer")

    def try_main(self, cases: Mapping[str, Change | None]) -> Iterable[Exchange]:
        """One call of the main service for each way of changing a request."""
        return [self.call(self.main, what, change) for what, change in cases.items()]

    def answers(self) -> list[Exchange]:
        """Every successful answer to a good request: made up, and all that the user gave."""
        found = [self.plain(entry) for entry in self.services]
        found += [self.call(entry, "the good request again") for entry in self.services]
        for entry in self.services:
            for index, request in enumerate(self.given, 1):
                if request.get("hook") == entry["hook"]:
                    body = {**copy.deepcopy(request), "hookInstance": str(uuid.uuid4())}
                    found.append(self.send("POST", self.path(entry), f"given request {index}", body=body))
        answered = list({(exchange.path, exchange.what): exchange for exchange in found if exchange.status == 200}.values())
        if not answered:
            raise NotApplicable("no service answered a good request with 200")
        return answered

    def cards(self) -> list[tuple[Exchange, dict[str, Any]]]:
        """Every card in a successful answer; raises `NotApplicable` if there is none."""
        found = [(exchange, card) for exchange in self.answers() for card in members(exchange.document, "cards")]
        if not found:
            raise NotApplicable("no answer held a card; --request gives a request that leads to cards")
        return found


def members(value: Any, name: str) -> list[dict[str, Any]]:
    """The objects of an array that is a member of a JSON object; none if there is no such array."""
    found = value.get(name) if isinstance(value, dict) else None
    return [member for member in found if isinstance(member, dict)] if isinstance(found, list) else []


def _wait(exchange: Exchange) -> float:
    """Seconds that a busy service asks for; one if it says nothing that can be used, never more than ten."""
    text = exchange.headers.get("retry-after", "")
    return min(float(text), MAX_WAIT_SECONDS) if text.isascii() and text.isdigit() else 1.0


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
