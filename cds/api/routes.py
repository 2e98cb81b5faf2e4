"""Everything under `/cds-services`, in one table: discovery, services and their feedback."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from cds.api.discovery import discovery_reply
from cds.api.feedback import feedback_reply
from cds.api.guard import REQUEST_ID
from cds.api.hooks import hook_reply
from cds.api.reply import Reply, refusal_reply, send_reply
from cds.api.runtime import Runtime
from cds.protocol.outcome import Issue, Refusal


class CdsServices:
    """The ASGI app of the CDS Hooks addresses. Slashes at the end or doubled change nothing, and nothing redirects (CH-HTTP-05)."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        segments = [segment for segment in scope["path_params"].get("rest", "").split("/") if segment]
        reply = await self._reply(segments, scope, receive)
        await send_reply(reply, send, head=scope["method"] == "HEAD")

    async def _reply(self, segments: list[str], scope: Scope, receive: Receive) -> Reply:
        methods = "GET, HEAD, OPTIONS" if not segments else "POST, OPTIONS"
        if scope["method"] == "OPTIONS":
            return Reply(204, headers={"Allow": methods})
        match segments:
            case []:
                return await discovery_reply(self._runtime, scope)
            case [service_id]:
                return await hook_reply(self._runtime, service_id, scope, receive, scope[REQUEST_ID])
            case [service_id, "feedback"]:
                return await feedback_reply(self._runtime, service_id, scope, receive, scope[REQUEST_ID])
        return refusal_reply(Refusal(404, (Issue("not-found", "There is nothing at this address."),)))
