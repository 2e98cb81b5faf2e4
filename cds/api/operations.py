"""For operators: is the process alive, is it ready, and what does it count."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from cds.api.metrics import exposition
from cds.api.runtime import Runtime

NO_STORE = {"Cache-Control": "no-store"}


async def healthz(_request: Request) -> Response:
    """200 while the process answers at all."""
    return Response(orjson.dumps({"status": "ok"}), headers=NO_STORE, media_type="application/json")


async def readyz(request: Request) -> Response:
    """200 with the content that is loaded. The app starts only once it is, so that no call meets an empty house."""
    runtime: Runtime = request.app.state.runtime
    body = {"status": "ready", "contentVersion": runtime.core.version, "contentHash": runtime.core.hash, "services": list(runtime.services)}
    return Response(orjson.dumps(body), headers=NO_STORE, media_type="application/json")


async def metrics(_request: Request) -> Response:
    """Prometheus text format."""
    body, content_type = exposition()
    return Response(body, headers={**NO_STORE, "Content-Type": content_type})
