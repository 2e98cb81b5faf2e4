"""A small CDS Hooks service that is faultless in the strict profile, and can be given one fault at a time. Plain WSGI."""

from __future__ import annotations

import hashlib
import json
import re
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from joserfc.jwk import ECKey

from tests.probe.door import Door
from tests.probe.fetcher import Fetcher
from tests.probe.refusal import Refusal

DISCOVERY: dict[str, Any] = {
    "services": [
        {
            "id": "demo-view",
            "hook": "patient-view",
            "title": "Demonstration",
            "description": "Always says the same.",
            "usageRequirements": "Needs patient and conditions.",
            "version": "2.0.1",
            "prefetch": {"patient": "Patient/{{context.patientId}}", "conditions": "Condition?patient={{context.patientId}}&_count=50"},
            "extension": {"org.example.edition": {"version": "1"}},
        },
        {
            "id": "demo-sign",
            "hook": "order-sign",
            "title": "Demonstration for orders",
            "description": "Always says the same about orders.",
            "prefetch": {"patient": "Patient/{{context.patientId}}"},
            "version": "2.0.1",
        },
    ]
}
CARD: dict[str, Any] = {
    "summary": "A demonstration",
    "detail": "**Nothing** to see.\n\n- [Reference](https://example.org/article)",
    "indicator": "info",
    "source": {
        "label": "Demonstration",
        "url": "https://example.org",
        "icon": "https://example.org/icon.png",
        "topic": {"system": "https://example.org/topics", "code": "demo1", "display": "Demonstration"},
    },
    "suggestions": [
        {
            "label": "Order it",
            "isRecommended": True,
            "actions": [
                {"type": "create", "description": "New task", "resource": {"resourceType": "Task", "status": "draft", "intent": "order"}}
            ],
        },
        {"label": "Remove it", "actions": [{"type": "delete", "description": "Old task", "resourceId": "Task/1"}]},
    ],
    "selectionBehavior": "any",
    "overrideReasons": [{"code": "no", "system": "https://example.org/reasons", "display": "No"}],
    "links": [
        {"label": "Article", "url": "https://example.org/article", "type": "absolute"},
        {"label": "App", "url": "https://example.org/app", "type": "smart", "appContext": "x"},
    ],
    "extension": {"org.example.card": {"kind": "demo"}},
}
CARD_TEXT, DISCOVERY_TEXT = json.dumps(CARD), json.dumps(DISCOVERY)
CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    412: "incomplete",
    413: "too-long",
    415: "not-supported",
    429: "throttled",
    500: "exception",
}
FIELDS = {"demo-view": ("userId", "patientId"), "demo-sign": ("userId", "patientId", "draftOrders")}
LIMIT = 11 * 1024 * 1024
BALLAST = b"x" * 4096
"""What fills large requests; it is not worth parsing in every one of the runs."""
HOOK = {"demo-view": "patient-view", "demo-sign": "order-sign"}


class Broken:
    """The service with one fault, or none. `change` alters discovery, answer or card; other faults are asked for by name."""

    def __init__(self, fault: str = "", place: str = "", change: Callable[[Any], None] | None = None, key: ECKey | None = None) -> None:
        self.fault, self.place, self.change = fault, place, change
        self.base = "http://demo.example"
        self.calls = 0
        self.seconds = 0.0
        self.tokens: set[str] = set()
        self.door = Door(fault, self.base, key)
        self.fetcher = Fetcher(fault)

    def clock(self) -> float:
        """A clock that this service itself puts forward."""
        return self.seconds

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.calls += 1
        self.seconds += 3.0 if self.fault == "slow" else 0.01
        try:
            status, headers, body = self.answer(environ)
        except Refusal as refusal:
            status, headers, body = self.refuse(refusal)
        except Exception:
            text = traceback.format_exc().encode() if self.fault == "stack-trace" else json.dumps(self.outcome(500)).encode()
            status, headers, body = 500, [("Content-Type", "application/json")], text
        headers = [*headers, *self.cors(environ, status)]
        if self.fault != "no-request-id":
            headers.append(("X-Request-Id", str(uuid.uuid4())))
        start_response(f"{status} x", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def cors(self, environ: dict[str, Any], status: int) -> list[tuple[str, str]]:
        origin = environ.get("HTTP_ORIGIN")
        if not origin or (self.fault == "cors-not-on-errors" and status >= 400) or self.fault == "no-cors":
            return []
        repeated = [("Access-Control-Allow-Origin", origin)]
        if self.fault == "cors-credentials":
            repeated.append(("Access-Control-Allow-Credentials", "true"))
        return repeated if self.fault == "cors-no-vary" else [*repeated, ("Vary", "Origin")]

    def outcome(self, status: int, diagnostics: str = "") -> dict[str, Any]:
        issue = {"severity": "error", "code": "exception" if self.fault == "wrong-issue-code" else CODES[status]}
        return {"resourceType": "OperationOutcome", "issue": [{**issue, **({"diagnostics": diagnostics} if diagnostics else {})}]}

    def refuse(self, refusal: Refusal) -> tuple[int, list[tuple[str, str]], bytes]:
        document: Any = self.outcome(refusal.status, refusal.diagnostics)
        if self.fault == "null-in-errors":
            document["text"] = None
        if self.fault == "plain-json-errors":
            document = {"error": "no"}
        kind = "text/plain" if self.fault == "errors-as-text" else "application/json"
        return refusal.status, [("Content-Type", kind), *refusal.headers], json.dumps(document).encode()

    def answer(self, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        if self.fault.startswith("busy-") and self.calls % 40 == 39:
            moment = {"busy-says-soon": "soon", "busy-politely": "2"}.get(self.fault)
            raise Refusal(429, headers=[("Retry-After", moment)] if moment else [])
        method = environ["REQUEST_METHOD"]
        body = environ["wsgi.input"].read()
        path = environ["PATH_INFO"]
        if self.fault != "strict-slashes":
            path = re.sub("/+", "/", path).rstrip("/")
        elif path.endswith("/"):
            return 307, [("Location", path.rstrip("/"))], b""
        if method == "OPTIONS":
            return self.preflight()
        if path == "/cds-services":
            return self.discovery(environ, method)
        segments = path.replace("~", "-").split("/")[2:]
        self.door.check(environ, path, known=path.split("/")[2] in FIELDS)
        if self.fault == "accepts-unknown-service" and segments[0] not in FIELDS:
            segments[0] = "demo-view"
        if segments[0] not in FIELDS or (len(segments) == 2 and self.fault == "no-feedback") or segments[1:] not in ([], ["feedback"]):
            raise Refusal(404)
        if self.fault == "service-gone" and segments == ["demo-sign"]:
            raise Refusal(404)
        if method != "POST":
            raise Refusal(405, headers=[] if self.fault == "no-allow" else [("Allow", "POST, OPTIONS")])
        self.check_media_type(environ)
        if segments[1:]:
            return self.feedback(body)
        return self.hook(segments[0], body)

    def preflight(self) -> tuple[int, list[tuple[str, str]], bytes]:
        if self.fault == "preflight-refused":
            raise Refusal(405, headers=[("Allow", "GET, POST")])
        methods = "GET, OPTIONS" if self.fault == "preflight-no-post" else "GET, POST, OPTIONS"
        names = "*" if self.fault == "preflight-any-header" else "Authorization, Content-Type, Accept"
        headers = [("Access-Control-Allow-Methods", methods), ("Access-Control-Allow-Headers", names)]
        return 204, headers if self.fault == "preflight-no-age" else [*headers, ("Access-Control-Max-Age", "600")], b""

    def discovery(self, environ: dict[str, Any], method: str) -> tuple[int, list[tuple[str, str]], bytes]:
        if self.fault == "discovery-500":
            raise Refusal(500)
        if method == "HEAD" and self.fault == "no-head":
            raise Refusal(405, headers=[("Allow", "GET")])
        if self.fault == "bad-token-breaks-discovery" and environ.get("HTTP_AUTHORIZATION"):
            raise Refusal(401, headers=[("WWW-Authenticate", "Bearer")])
        document = json.loads(DISCOVERY_TEXT)
        if self.place == "discovery" and self.change:
            self.change(document)
        if self.fault == "discovery-changes":
            document["services"][0]["extension"]["org.example.edition"]["version"] = str(self.calls)
        body = json.dumps(document).encode()
        if self.fault == "discovery-is-html":
            body = b"<html>"
        if self.fault == "discovery-bom":
            body = b"\xef\xbb\xbf" + body
        kind = "text/html" if self.fault == "discovery-content-type" else "application/json"
        headers = [("Content-Type", kind)]
        if self.fault == "no-etag":
            return 200, headers, body
        tag = f'"{hashlib.sha256(DISCOVERY_TEXT.encode()).hexdigest()}"'
        headers += [("ETag", tag), ("Cache-Control", "max-age=60")]
        if environ.get("HTTP_IF_NONE_MATCH") == tag and self.fault != "no-304":
            return 304, headers, b""
        return 200, headers, body

    def check_media_type(self, environ: dict[str, Any]) -> None:
        kind = environ.get("CONTENT_TYPE", "")
        if self.fault == "any-media-type":
            return
        if self.fault == "no-charset" and kind not in ("application/json", "application/fhir+json", "application/json+fhir"):
            raise Refusal(415)
        known = ["application/json", "application/fhir+json", "application/json+fhir"][: 1 if self.fault == "only-plain-json" else 3]
        if kind.partition(";")[0].strip().lower() not in known:
            raise Refusal(415)
        if self.fault == "looks-at-accept" and "json+fhir" in environ.get("HTTP_ACCEPT", ""):
            raise Refusal(400)

    # --- service calls

    def parse(self, body: bytes) -> dict[str, Any]:
        try:
            document = json.loads(body.replace(BALLAST, b"") if len(body) > len(BALLAST) * 100 else body)
        except RecursionError:
            if self.fault == "deep-json-breaks":
                raise
            raise Refusal(400) from None
        except ValueError:
            if self.fault == "broken-json-500":
                raise Refusal(500) from None
            if self.fault == "stack-trace":
                raise
            if self.fault == "broken-json-accepted":
                return {
                    "hook": "patient-view",
                    "hookInstance": str(uuid.uuid4()),
                    "context": {"userId": "Practitioner/1", "patientId": "1"},
                    "prefetch": {},
                }
            raise Refusal(400, body.decode("utf-8", "replace") if self.fault == "echo" else "") from None
        if not isinstance(document, dict):
            raise Refusal(400)
        return document

    def hook(self, service: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        if self.fault == "small-limit" and len(body) > 500_000:
            raise Refusal(400)
        if self.fault == "medium-limit" and len(body) > 5_000_000:
            raise Refusal(400)
        if len(body) > LIMIT and self.fault != "no-limit":
            raise Refusal(400 if self.fault == "limit-400" else 413)
        request = self.parse(body)
        self.check_request(service, request)
        if self.fault == "nothing-more-412" and service == "demo-sign":
            raise Refusal(412, "prefetch key 'patient'")
        self.prefetch(service, request)
        return self.cards(service, request)

    def check_request(self, service: str, request: dict[str, Any]) -> None:
        bad = 404 if self.fault == "bad-request-404" else 422 if self.fault == "bad-request-422" else 400
        hook, instance, context = request.get("hook"), request.get("hookInstance"), request.get("context")
        if (not isinstance(hook, str) and self.fault != "hook-optional") or (
            isinstance(hook, str) and hook != HOOK[service] and self.fault != "any-hook"
        ):
            raise Refusal(bad, f"{hook}" if self.fault == "echo" else "")
        if not isinstance(instance, str) and self.fault != "instance-optional":
            raise Refusal(bad)
        if self.fault == "only-version-4" and str(instance)[14:15] != "4":
            raise Refusal(400)
        if self.fault == "instance-once":
            if instance in self.tokens:
                raise Refusal(400)
            self.tokens.add(str(instance))
        if not isinstance(context, dict):
            if self.fault == "context-optional":
                request["context"] = {"userId": "Practitioner/1", "patientId": "probe-1"}
                return
            raise Refusal(bad)
        for name in FIELDS[service]:
            kind = dict if name == "draftOrders" else str
            if not isinstance(context.get(name), kind) and self.fault != "fields-unchecked":
                raise Refusal(bad, f"{context.get(name)}" if self.fault == "echo" else "")
        patient = str(context.get("patientId"))
        if self.fault != "any-patient-id" and not re.fullmatch(r"(Patient/)?[A-Za-z0-9._-]+", patient):
            raise Refusal(400)
        if self.fault == "no-typed-ids" and "/" in patient:
            raise Refusal(400)
        if self.fault == "practitioners-only" and not str(context.get("userId")).startswith("Practitioner/"):
            raise Refusal(400)
        if self.fault == "short-ids" and len(str(context.get("encounterId", ""))) > 64:
            raise Refusal(400)
        if self.fault == "encounter-needed" and "encounterId" not in context:
            raise Refusal(400)
        if self.fault == "unknown-members-refused" and ("probeUnknown" in request or "probeUnknown" in context):
            raise Refusal(400)
        if self.fault == "extension-refused" and "com.epic.cdshooks.request.bpa-trigger-action" in request.get("extension", {}):
            raise Refusal(400)
        self.check_authorization(request)

    def check_authorization(self, request: dict[str, Any]) -> None:
        found = request.get("fhirAuthorization")
        if found is None:
            return
        if self.fault == "token-without-server-500" and "fhirServer" not in request:
            raise Refusal(500)
        if self.fault == "incomplete-token-500" and not all(
            found.get(n) for n in ("access_token", "token_type", "expires_in", "scope", "subject")
        ):
            raise Refusal(500)
        if self.fault == "other-token-500" and "patient" in found:
            raise Refusal(500)
        if self.fault == "scope-checked" and " " in found.get("scope", ""):
            raise Refusal(403)

    def prefetch(self, service: str, request: dict[str, Any]) -> dict[str, Any]:
        prefetch = request.get("prefetch")
        if prefetch is None:
            if self.fault == "no-prefetch-400" and "prefetch" not in request:
                raise Refusal(400)
            if self.fault == "prefetch-null-400" and "prefetch" in request:
                raise Refusal(400)
            prefetch = {}
        if self.fault == "unknown-keys-refused" and "probeUnknownKey" in prefetch:
            raise Refusal(400)
        if self.fault != "wrapper-unknown":
            prefetch = {k: v["resource"] if isinstance(v, dict) and "response" in v else v for k, v in prefetch.items()}
        self.fetcher.complete(next(entry for entry in DISCOVERY["services"] if entry["id"] == service)["prefetch"], request, prefetch)
        for key in ("patient", "conditions") if service == "demo-view" else ("patient",):
            self.check_key(key, prefetch, request)
        return prefetch

    # --- cards

    def check_key(self, key: str, prefetch: dict[str, Any], request: dict[str, Any]) -> None:
        value = prefetch.get(key, ...)
        if value is ...:
            if self.fault == "absent-500":
                raise Refusal(500)
            if self.fault == "silence":
                request["silent"] = True
                return
            raise Refusal(412, "" if self.fault == "key-not-named" else f"prefetch key '{key}' is missing")
        if value is None:
            if self.fault == "null-400":
                raise Refusal(400)
            if self.fault == "null-412":
                raise Refusal(412, f"prefetch key '{key}'")
            return
        if not isinstance(value, dict):
            if self.fault == "junk-500":
                raise Refusal(500)
            raise Refusal(412, f"prefetch key '{key}' is no resource")
        kind = value.get("resourceType")
        if kind == "OperationOutcome":
            if self.fault == "outcome-400":
                raise Refusal(400)
            raise Refusal(412, f"prefetch key '{key}' could not be read")
        if key == "patient":
            if kind is None:
                raise Refusal(412, f"prefetch key '{key}' is no resource")
            if "&" in request["context"]["patientId"]:
                return
            if (
                kind == "Patient"
                and value.get("id") != request["context"]["patientId"].removeprefix("Patient/")
                and self.fault != "any-patient"
            ):
                raise Refusal(400)
            return
        if self.fault == "empty-400" and not value.get("entry") and value.get("total") == 0:
            raise Refusal(400)
        if self.fault == "paged-400" and value.get("link"):
            raise Refusal(400)
        if self.fault == "bundle-type-400" and value.get("type") != "searchset" and "entry" not in value and kind == "Bundle":
            raise Refusal(400)
        for entry in value.get("entry", []):
            if self.fault == "epic-empty-412" and entry["resource"]["resourceType"] == "OperationOutcome":
                raise Refusal(412, "prefetch key 'conditions'")
            if self.fault == "odd-fhir-400" and isinstance(entry["resource"].get("category"), dict):
                raise Refusal(400)

    def cards(self, service: str, request: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        card = json.loads(CARD_TEXT)
        card["uuid"] = "2f6c1c0e-3d0b-4c39-9c5e-6a6b0f0e9c11" if self.fault == "fixed-uuid" else str(uuid.uuid4())
        for suggestion in card["suggestions"]:
            suggestion["uuid"] = str(uuid.uuid4())
        if self.fault == "name-in-card":
            card["detail"] += str(request["prefetch"])
        if self.fault == "random-cards":
            card["summary"] += f" {self.calls}"
        if (self.fault == "fetch-loses" and request.get("fetched")) or (
            self.fault == "extension-matters" and "org.example.x" in request.get("extension", {})
        ):
            card["summary"] = "Another demonstration"
        if self.place == "card" and self.change:
            self.change(card)
        answer: dict[str, Any] = {"cards": [] if request.get("silent") else [card]}
        if self.place == "answer" and self.change:
            self.change(answer)
        body = json.dumps(answer).encode()
        if self.fault == "answer-not-json":
            body = b"{'cards': []}"
        if self.fault == "answer-member-twice":
            body = body.replace(b'"indicator"', b'"indicator": "info", "indicator"')
        headers = [("Content-Type", "text/plain" if self.fault == "answer-content-type" else "application/json")]
        if self.fault != "cards-cached":
            headers.append(("Cache-Control", "no-store"))
        return {"status-201": 201, "status-500": 500}.get(self.fault, 200) if service == "demo-sign" else 200, headers, body

    # --- feedback

    def feedback(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        document = self.parse(body)
        entries = document.get("feedback")
        if self.fault == "feedback-unknown-members-refused" and "probeUnknown" in document:
            raise Refusal(400)
        if (
            not isinstance(entries, list)
            or (self.fault == "feedback-no-empty" and not entries)
            or (self.fault == "one-entry-only" and len(entries) > 1)
        ):
            raise Refusal(500 if self.fault == "feedback-500" else 400)
        for entry in entries:
            self.check_entry(entry)
        if self.fault == "feedback-with-body":
            return 200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], b'{"ok": true}'
        return 204 if self.fault == "feedback-204" else 200, [("Cache-Control", "no-store")], b""

    def check_entry(self, entry: dict[str, Any]) -> None:
        faulty = not isinstance(entry.get("card"), str) or entry.get("outcome") not in ("accepted", "overridden")
        if faulty and self.fault != "feedback-unchecked":
            raise Refusal(400, json.dumps(entry) if self.fault == "comment-echo" else "")
        try:
            at = datetime.fromisoformat(str(entry.get("outcomeTimestamp")))
        except ValueError:
            if self.fault == "feedback-unchecked":
                return
            raise Refusal(400) from None
        if (at - datetime.now(UTC)).days > 1 and self.fault != "feedback-far-future":
            raise Refusal(400)
        if self.fault == "times-without-fractions" and "." in entry["outcomeTimestamp"]:
            raise Refusal(400)
        if self.fault == "uuid-cards-only" and not re.fullmatch(r"[0-9a-f-]{36}", entry["card"]):
            raise Refusal(400)
        if self.fault == "display-needed" and "display" not in entry.get("overrideReason", {}).get("reason", {"display": ""}):
            raise Refusal(400)
        if self.fault == "overridden-refused-after-accepted" and entry["card"] in self.tokens:
            raise Refusal(400)
        if self.fault == "accepted-refused" and entry["outcome"] == "accepted" and "acceptedSuggestions" in entry:
            raise Refusal(400)
        if self.fault == "no-suggestions-500" and entry["outcome"] == "accepted" and "acceptedSuggestions" not in entry:
            raise Refusal(500)
        self.tokens.add(entry["card"])
