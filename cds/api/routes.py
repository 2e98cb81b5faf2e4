"""Everything under `/cds-services`, in one table: discovery, services and their feedback."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from cds.api.discovery import discovery_reply
from cds.api.feedback import answer_feedback
from cds.api.hooks import answer_call
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
        if scope["method"] == "OPTIONS":
            methods = "POST, OPTIONS" if segments else "GET, HEAD, OPTIONS"
            await send_reply(Reply(204, headers={"Allow": methods}), scope, send)
            return
        match segments:
            case []:
                await send_reply(await discovery_reply(self._runtime, scope), scope, send)
            case [service_id]:
                await answer_call(self._runtime, service_id, scope, receive, send)
            case [service_id, "feedback"]:
                await answer_feedback(self._runtime, service_id, scope, receive, send)
            case _:
                nothing = Refusal(404, (Issue("not-found", "There is nothing at this address."),))
                await send_reply(refusal_reply(nothing), scope, send)
