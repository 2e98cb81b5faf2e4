"""Completing what the request did not bring, from the client's FHIR server (contract 2.7).

Only what the templates describe is asked for; all missing keys in parallel, pages one after the other, within one budget per call.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin

import orjson

from cds.api import metrics
from cds.api.addresses import is_below
from cds.api.clients import Caller
from cds.api.prefetch import Answers, Status, judge, next_link
from cds.fhir.client import Answer, FetchError, HttpReader
from cds.protocol.discovery import PREFETCH, PrefetchKey
from cds.protocol.request import HookCall
from cds.settings import Settings

ACCEPT = "application/fhir+json, application/json;q=0.9"
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "incomplete"}]}
"""Stands for a key that was asked for in vain; the chart reads it as tried and failed."""


@dataclass(slots=True)
class FhirAccess:
    """One call's way to the client's FHIR server. The token lives here and ends with the call (CH-FHIR-03)."""

    reader: HttpReader
    base: str
    private: bool
    token: str | None = field(repr=False)
    token_ends: float
    deadline: float
    timeout: float
    pages: int
    bytes_left: int
    trouble: dict[str, str] = field(default_factory=dict)

    async def get(self, url: str) -> Answer:
        """One request within what is left of time, bytes and the token's life. Raises `FetchError`."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise FetchError("timeout")
        headers = {"Accept": ACCEPT}
        if self.token is not None:
            if time.monotonic() >= self.token_ends:
                raise FetchError("token expired")
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            answer = await self.reader.get(url, headers, timeout=min(left, self.timeout), max_bytes=self.bytes_left, private=self.private)
        except FetchError as error:
            metrics.FETCHES(error.reason).inc()
            raise
        metrics.FETCHES(str(answer.status)).inc()
        self.bytes_left -= len(answer.body)
        return answer


def fhir_access(call: HookCall, caller: Caller, reader: HttpReader, settings: Settings, received_at: float) -> FhirAccess | str:
    """The way to the FHIR server of this call, or why there is none, in words for the 412 (CH-REQ-10 to -12, CH-FHIR-05, -06, -11)."""
    if call.fhir_server is None:
        return "not in the request, and no FHIR server to ask"
    allowed = caller.fhir_base(call.fhir_server, https_only=not settings.development)
    if allowed is None:
        return "not in the request, and the FHIR server is not one that this client may name"
    if call.authorization is None and not caller.fhir_without_token:
        return "not in the request, and no usable access token for the FHIR server"
    lifetime = float("inf") if call.authorization is None else call.authorization.expires_in
    if received_at + lifetime <= time.monotonic():
        return "not in the request, and the access token has expired"
    return FhirAccess(
        reader=reader,
        base=call.fhir_server,
        private=allowed.private,
        token=None if call.authorization is None else call.authorization.access_token,
        token_ends=received_at + lifetime,
        deadline=received_at + settings.fhir_budget_ms / 1000,
        timeout=settings.fhir_timeout_ms / 1000,
        pages=settings.fhir_max_pages,
        bytes_left=settings.fhir_max_bytes,
    )


async def complete(access: FhirAccess, answers: Answers, patient_id: str, *, required: bool) -> None:
    """Fetch the required or the optional keys that are absent or partial; what is not there in time is unavailable (CH-FHIR-08)."""
    wanted = [entry for entry in PREFETCH if entry.required is required and answers.status[entry.key] in (Status.ABSENT, Status.PARTIAL)]
    tasks = {asyncio.create_task(_fetch(access, answers, entry, patient_id)): entry for entry in wanted}
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=max(0.0, access.deadline - time.monotonic()))
    finally:
        late = [task for task in tasks if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    for task, entry in tasks.items():
        if task in late:
            access.trouble[entry.key] = "timeout"
        else:
            task.result()
        if answers.status[entry.key] is Status.ABSENT:
            answers.put(entry.key, FAILED, Status.UNAVAILABLE)


async def _fetch(access: FhirAccess, answers: Answers, entry: PrefetchKey, patient_id: str) -> None:
    """Fetch one key and put what was read into the answers, page by page."""
    held = answers.values.get(entry.key) if answers.status[entry.key] is Status.PARTIAL else None
    try:
        if next_link(held) is None:
            address = f"{access.base}/{entry.template.replace('{{context.patientId}}', quote(patient_id, safe=''))}"
            held = await _first(access, entry, address)
            answers.put(entry.key, held, judge(held, entry.resource_type))
        for _page in range(access.pages):
            link = next_link(held)
            if link is None:
                return
            page = _bundle(access, entry, await access.get(_same_server(access.base, link)))
            held = {**(held or {}), "entry": [*_entries(held), *_entries(page)], "link": page.get("link", [])}
            answers.put(entry.key, held, judge(held, entry.resource_type))
        access.trouble[entry.key] = "too many pages"
    except FetchError as error:
        access.trouble[entry.key] = error.reason


async def _first(access: FhirAccess, entry: PrefetchKey, address: str) -> Any:
    """The resource or first page; a resource that is not there is known to be absent (CH-FHIR-09)."""
    answer = await access.get(address)
    if entry.is_read and answer.status in (404, 410):
        return None
    resource = _resource(access, entry, answer)
    if judge(resource, entry.resource_type) not in (Status.ANSWERED, Status.PARTIAL):
        raise FetchError("not an answer")
    return resource


def _bundle(access: FhirAccess, entry: PrefetchKey, answer: Answer) -> dict[str, Any]:
    """A further page, whatever is on it."""
    page = _resource(access, entry, answer)
    if page.get("resourceType") != "Bundle":
        raise FetchError("not an answer")
    return page


def _resource(access: FhirAccess, entry: PrefetchKey, answer: Answer) -> dict[str, Any]:
    """The JSON object in an answer. Another FHIR version is noted and read as far as it goes (CH-FHIR-10)."""
    if answer.status != 200:
        raise FetchError(f"status {answer.status}")
    version = re.search(r"fhirversion=\"?(\d+)", answer.content_type.lower())
    if version and version[1] != "4":
        access.trouble[entry.key] = "other FHIR version"
    try:
        resource = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise FetchError("not JSON") from None
    if not isinstance(resource, dict):
        raise FetchError("not an answer")
    return resource


def _entries(bundle: Any) -> list[Any]:
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    return entries if isinstance(entries, list) else []


def _same_server(base: str, link: str) -> str:
    """The address of the next page, if it lies on the same server and below the same path (CH-FHIR-04)."""
    try:
        address = urljoin(base + "/", link)
    except ValueError:
        raise FetchError("next page elsewhere") from None
    if not is_below(base, address):
        raise FetchError("next page elsewhere")
    return address
