"""`GET /cds-services` (contract 2.2)."""

from __future__ import annotations

from starlette.types import Scope

from cds.api.limits import header
from cds.api.reply import Reply, json_reply, refusal_reply
from cds.api.runtime import Runtime
from cds.protocol.outcome import Issue, Refusal


async def discovery_reply(runtime: Runtime, scope: Scope) -> Reply:
    """The document, or 304 for a client that has it already (CH-DISC-13). Open unless the settings protect it (CH-DISC-14)."""
    shared = "public"
    if runtime.settings.discovery_auth:
        shared = "private"
        try:
            await runtime.auth.identify(scope, "/cds-services")
        except Refusal as refusal:
            return refusal_reply(refusal)
    if scope["method"] not in ("GET", "HEAD"):
        return refusal_reply(Refusal(405, (Issue("not-supported", "Discovery answers GET."),), {"Allow": "GET, HEAD, OPTIONS"}))
    headers = {"ETag": runtime.discovery.etag, "Cache-Control": f"{shared}, max-age=300"}
    known = {tag.strip().removeprefix("W/") for tag in (header(scope, b"if-none-match") or "").split(",")}
    if known & {runtime.discovery.etag, "*"}:
        return Reply(304, headers=headers)
    return json_reply(runtime.discovery.body, headers)
