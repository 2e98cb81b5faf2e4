"""A CDS Hooks service as a bare ASGI function: one id for two hooks, refusals as FHIR, nothing to say most of the time."""

import json
import sys

import uvicorn

SERVICES = [
    {
        "id": "quiet",
        "hook": hook,
        "title": "Quiet",
        "description": "Speaks rarely.",
        "prefetch": {"p": "Patient/{{context.patientId}}", "e": "Encounter?patient={{context.patientId}}&status=in-progress"},
    }
    for hook in ("patient-view", "encounter-start")
]


async def app(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break

    async def reply(status, document):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    async def refuse(status, code):
        await reply(status, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]})

    path = scope["path"].rstrip("/")
    if path == "/cds-services" and scope["method"] in ("GET", "HEAD"):
        return await reply(200, {"services": SERVICES})
    if path != "/cds-services/quiet":
        return await refuse(404, "not-found")
    if scope["method"] != "POST":
        return await refuse(405, "not-supported")
    try:
        request = json.loads(body)
        patient, instance = request["context"]["patientId"], request["hookInstance"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return await refuse(400, "structure")
    if request.get("hook") not in ("patient-view", "encounter-start") or not isinstance(patient, str) or not isinstance(instance, str):
        return await refuse(400, "invalid")
    if not isinstance((request.get("prefetch") or {}).get("p"), dict | None):
        return await refuse(412, "processing")
    if "p" not in (request.get("prefetch") or {}):
        return await refuse(412, "processing")
    return await reply(200, {"cards": []})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", lifespan="off")
