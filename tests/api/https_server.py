"""A FHIR server over TLS, in a process of its own: `python -m tests.api.https_server PEM PROTOCOL…` prints its port.

PEM holds key and certificate; the protocols, `h2` or `http/1.1`, are those it offers. It holds the patient of the samples; any other
search finds nothing, in a Bundle whose `id` is the protocol spoken. GET /hang answers after HANG_SECONDS, /log says what was asked.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.api.samples import MS, PATIENT_ID, patient

HANG_SECONDS = 1.5
LOG: list[dict[str, Any]] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request."""
    if scope["type"] != "http":
        return
    headers = {str(name, "latin-1"): str(value, "latin-1") for name, value in scope["headers"]}
    if scope["path"] == "/hang":
        await asyncio.sleep(HANG_SECONDS)
    if scope["path"] == "/log":
        found: Any = LOG
    else:
        LOG.append({"path": scope["path"], "protocol": scope["http_version"], "client": scope["client"], "headers": headers})
        empty = {"resourceType": "Bundle", "id": scope["http_version"], "type": "searchset", "total": 0}
        found = {f"/Patient/{PATIENT_ID}": patient(), "/Condition": MS}.get(scope["path"], empty)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/fhir+json")]})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.certfile = config.keyfile = sys.argv[1]
    config.alpn_protocols = sys.argv[2:]
    config.errorlog = None
    print(listening.getsockname()[1], flush=True)
    asyncio.run(serve(app, config))
