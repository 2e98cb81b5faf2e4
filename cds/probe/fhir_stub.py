"""A tiny FHIR server of the probe's own: it answers for one made-up patient, in one of several moods, and remembers who asked for what."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any, Literal
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from msgspec import Struct

Mood = Literal["answers", "pages", "pagesElsewhere", "redirects", "refuses", "fails"]
"""`pages`: each search in two pages; `pagesElsewhere`: the second is on another server; `redirects`: everything lies on another server."""
JSON = "application/fhir+json"


class Asked(Struct, frozen=True):
    """One request that came in: what for, and whether and how it was authorized."""

    method: str
    kind: str
    url: str
    authorization: str
    accept: str
    elsewhere: bool


@dataclass
class FhirStub:
    """A WSGI app. `base` is its address for the service under test, `other` that of the server to which nobody may be led."""

    base: str
    other: str
    mood: Mood = "answers"
    pool: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer one request."""
        _ = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        elsewhere = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}" == self.other
        relative = path.removeprefix(urlsplit(self.base).path).strip("/")
        kind, _, id = relative.removesuffix("/_search").partition("/")
        self.asked.append(
            Asked(
                environ["REQUEST_METHOD"],
                kind,
                f"{relative}?{query}" if query else relative,
                environ.get("HTTP_AUTHORIZATION", ""),
                environ.get("HTTP_ACCEPT", ""),
                elsewhere,
            )
        )
        status, headers, document = self._answer(kind, id, query)
        start_response(status, [("Content-Type", JSON), *headers])
        return [json.dumps(document).encode()]

    def _answer(self, kind: str, id: str, query: str) -> tuple[str, list[tuple[str, str]], dict[str, Any]]:
        if kind == "metadata":
            return "200 OK", [], {"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "4.0.1", "format": ["json"]}
        if self.mood == "refuses":
            return "401 Unauthorized", [("WWW-Authenticate", "Bearer")], _outcome("login")
        if self.mood == "fails":
            return "500 Internal Server Error", [], _outcome("exception")
        if self.mood == "redirects":
            return "302 Found", [("Location", f"{self.other}/{kind}")], _outcome("not-found")
        found = [resource for resource in self.pool if resource["resourceType"] == kind and id in ("", resource.get("id"))]
        if id:
            return ("200 OK", [], found[0]) if found else ("404 Not Found", [], _outcome("not-found"))
        return "200 OK", [], self._page(kind, found, query)

    def _page(self, kind: str, found: list[dict[str, Any]], query: str) -> dict[str, Any]:
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        if self.mood in ("pages", "pagesElsewhere") and "probe-page=2" not in query:
            server = self.base if self.mood == "pages" else self.other
            bundle["link"] = [{"relation": "next", "url": f"{server}/{kind}?probe-page=2"}]
            return bundle
        if found:
            bundle["entry"] = [{"resource": resource, "search": {"mode": "match"}} for resource in found]
        return bundle


def pool_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Every resource that a request brings in its prefetch."""
    return [resource for value in (request.get("prefetch") or {}).values() for resource in _resources(value)]


def _resources(value: Any) -> Iterable[dict[str, Any]]:
    if not isinstance(value, dict) or "resourceType" not in value:
        return []
    if value["resourceType"] != "Bundle":
        return [value]
    return [resource for entry in value.get("entry", ()) for resource in _resources(entry.get("resource"))]


def _outcome(code: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are remembered by the app."""


@contextmanager
def listening(url: str) -> Iterator[FhirStub]:
    """The server at an address of this machine, until the block ends; the second one listens on a free port beside it.

    Raises `ValueError` for an address that is not plain http with a port, `OSError` if nobody can listen there.
    """
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme != "http" or not parts.hostname or not parts.port or parts.query or "@" in parts.netloc:
        raise ValueError("an address of this machine such as http://127.0.0.1:9090 is needed")
    stub = FhirStub(url.rstrip("/"), "")
    servers = []
    try:
        for port in (parts.port, 0):
            servers.append(make_server(parts.hostname, port, stub, _Threads, _Quiet))
            threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        stub.other = f"http://{parts.netloc.rpartition(':')[0]}:{servers[1].server_port}"
        yield stub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
