"""Reading from other servers over HTTP/2 or HTTP/1.1: the only module that knows httpx.

Every request goes to an address that was resolved and checked here, so a name cannot lead into the local network; nothing is
redirected, no cookie is kept, no proxy of the environment is used, and time and size are capped (CH-FHIR-04, CH-FHIR-05).
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import cast

import httpx
from h2.exceptions import H2Error
from msgspec import Struct

MAX_ORIGINS = 256
MAX_CONNECTIONS = 64
"""To one origin at once."""
METADATA = frozenset({"169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"})
"""Addresses at which clouds hand out credentials to the machine that asks."""
PRIVATE_NETWORKS = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class FetchError(Exception):
    """A request that got no usable answer; `reason` is one of our own words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Answer(Struct, frozen=True):
    """Status, content type and body of an answer."""

    status: int
    content_type: str
    body: bytes


class _Origin(Struct):
    """The connections to one origin, as many places as there may be requests at once, and whether it speaks HTTP/2, once that is known.

    Where it does, requests share a connection. Where it does not, a pool that hopes for it would make one connection after the other.
    """

    pool: httpx.AsyncHTTPTransport
    places: asyncio.Semaphore
    http2: bool | None = None


class HttpReader:
    """Pooled connections, one pool per origin, for the life of the app.

    The pool of httpcore 1.0 loses a connection for good when a request is cancelled, or gives up, while it waits for one. Hence nobody
    ever waits inside the pool (the places here see to that), and a request that is no longer waited for is not cancelled: it ends by
    itself, as each of its steps has a time limit.
    """

    def __init__(self, ca_file: Path | None = None) -> None:
        """`ca_file`: certificates of authorities that are trusted beside the public ones. Raises `OSError` if it cannot be read."""
        self._tls = _tls(ca_file)
        self._origins: dict[tuple[str, str, int], _Origin] = {}
        self._running: set[asyncio.Task[Answer]] = set()

    async def get(self, url: str, headers: Mapping[str, str], *, timeout: float, max_bytes: int, private: bool = False) -> Answer:
        """GET one address, within `timeout` seconds and `max_bytes`; connecting is tried twice at most (CH-FHIR-08).

        `private` allows addresses of private networks and of this machine. Raises `FetchError`.
        """
        request = asyncio.create_task(self._get(url, headers, timeout, max_bytes, private))
        self._running.add(request)
        request.add_done_callback(self._forget)
        done, _ = await asyncio.wait({request}, timeout=timeout)
        if not done:
            raise FetchError("timeout")
        return request.result()

    async def _get(self, url: str, headers: Mapping[str, str], timeout: float, max_bytes: int, private: bool) -> Answer:
        deadline = time.monotonic() + timeout
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            raise FetchError("address") from None
        if target.scheme not in ("http", "https") or not target.host or target.userinfo:
            raise FetchError("address")
        addresses = await _resolve(target, private)
        origin = self._origin(target)
        try:
            try:
                return await self._send(origin, _request(target, addresses[0], headers), deadline, max_bytes)
            except (httpx.TransportError, H2Error) as error:
                if not (isinstance(error, httpx.ConnectError) or (origin.http2 and time.monotonic() < deadline)):
                    raise
                # no connection, or one that somebody else's request took down
                return await self._send(origin, _request(target, addresses[-1], headers), deadline, max_bytes)
        except httpx.TimeoutException:
            raise FetchError("timeout") from None
        except httpx.ConnectError:
            raise FetchError("connection") from None
        except (httpx.HTTPError, H2Error):
            raise FetchError("protocol") from None

    def _forget(self, request: asyncio.Task[Answer]) -> None:
        self._running.discard(request)
        if not request.cancelled():
            request.exception()

    async def aclose(self) -> None:
        """Close every connection, once the requests on them have ended."""
        if self._running:
            await asyncio.wait(self._running)
        origins, self._origins = list(self._origins.values()), {}
        for origin in origins:
            await origin.pool.aclose()

    async def _send(self, origin: _Origin, request: httpx.Request, deadline: float, max_bytes: int) -> Answer:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await origin.places.acquire()
        except TimeoutError:
            raise FetchError("timeout") from None
        try:
            left = max(deadline - time.monotonic(), 0.001)
            request.extensions["timeout"] = httpx.Timeout(left, pool=None).as_dict()
            return await self._read(origin, request, deadline, max_bytes)
        finally:
            origin.places.release()

    async def _read(self, origin: _Origin, request: httpx.Request, deadline: float, max_bytes: int) -> Answer:
        response = await origin.pool.handle_async_request(request)
        try:
            if origin.http2 is None:
                origin.http2 = response.extensions["http_version"] == b"HTTP/2"
                origin.pool = self._pool(http2=origin.http2)
            if response.headers.get("content-encoding", "identity") != "identity":
                raise FetchError("encoding")
            body = bytearray()
            stream = cast(AsyncGenerator[bytes, None], response.aiter_raw())
            async with aclosing(stream) as parts:
                async for part in parts:
                    body += part
                    if len(body) > max_bytes:
                        raise FetchError("size")
                    if time.monotonic() > deadline:
                        raise FetchError("timeout")
            return Answer(response.status_code, response.headers.get("content-type", ""), bytes(body))
        finally:
            await response.aclose()

    def _origin(self, target: httpx.URL) -> _Origin:
        """The connections to an origin; by name, not by address, because TLS was checked for the name."""
        key = (target.scheme, target.host, target.port or 0)
        if key not in self._origins:
            if len(self._origins) >= MAX_ORIGINS:
                raise FetchError("origins")
            places = asyncio.Semaphore(MAX_CONNECTIONS)
            if target.scheme == "https":
                # this pool keeps no connection: it is replaced once the first answer has shown what is spoken
                self._origins[key] = _Origin(self._pool(http2=True, kept=0), places)
            else:
                self._origins[key] = _Origin(self._pool(http2=False), places, http2=False)
        return self._origins[key]

    def _pool(self, *, http2: bool, kept: int = 16) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=30)
        return httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, http2=http2, limits=limits)


def _request(target: httpx.URL, address: str, headers: Mapping[str, str]) -> httpx.Request:
    """A GET that goes to an address, while host name and certificate stay those of the target."""
    return httpx.Request(
        "GET",
        target.copy_with(host=address),
        headers={"Host": target.netloc.decode("ascii"), "Accept-Encoding": "identity", "User-Agent": "ranvier", **headers},
        extensions={"sni_hostname": target.host},
    )


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet, also behind the forms that wrap IPv4 in IPv6."""
    found = _unwrap(address)
    return found.is_global and not found.is_multicast and str(found) not in METADATA


def is_allowed(address: str, private: bool) -> bool:
    """Whether a request may go to an IP address: public ones, private ones if allowed, metadata services never (CH-FHIR-05)."""
    found = _unwrap(address)
    if is_public(address):
        return True
    local = found.is_loopback or any(found in network for network in PRIVATE_NETWORKS)
    return private and local and str(found) not in METADATA


def _unwrap(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None)
        return inner or found
    return found


@cache
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """One context for all pools: reading the certificates takes longer than a request."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


async def _resolve(target: httpx.URL, private: bool) -> list[str]:
    """The addresses of the host, IPv4 first. One that is not allowed refuses the host."""
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, port, type=1)
    except (OSError, UnicodeError):
        raise FetchError("name") from None
    addresses = sorted({str(entry[4][0]) for entry in found}, key=lambda address: (":" in address, address))
    if not addresses or not all(is_allowed(address, private) for address in addresses):
        raise FetchError("forbidden address")
    return addresses
