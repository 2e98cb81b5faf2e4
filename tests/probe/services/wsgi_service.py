"""A CDS Hooks service in plain WSGI (wsgiref): errors are plain text, no CORS, no feedback, no caching headers."""

import json
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

SERVICE = {
    "id": "greet",
    "hook": "patient-view",
    "title": "Greeting",
    "description": "Greets whoever opens a chart.",
    "prefetch": {"patient": "Patient/{{context.patientId}}"},
}


def app(environ, start_response):
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]

    def reply(status, body, kind="application/json"):
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    if path == "/cds-services" and method == "GET":
        return reply("200 OK", json.dumps({"services": [SERVICE]}).encode())
    if path != "/cds-services/greet":
        return reply("404 Not Found", b"Not found", "text/plain")
    if method != "POST":
        return reply("405 Method Not Allowed", b"POST only", "text/plain")
    try:
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        hook, instance, patient = request["hook"], request["hookInstance"], request["context"]["patientId"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return reply("400 Bad Request", b"This is no CDS Hooks request", "text/plain")
    if hook != "patient-view" or not isinstance(instance, str) or not isinstance(patient, str):
        return reply("400 Bad Request", b"This is no patient-view request", "text/plain")
    found = (request.get("prefetch") or {}).get("patient", "absent")
    if found == "absent" or (isinstance(found, dict) and found.get("resourceType") == "OperationOutcome"):
        return reply("412 Precondition Failed", b"The patient is needed", "text/plain")
    card = {"summary": "Good morning", "indicator": "info", "source": {"label": "Greeting service"}}
    return reply("200 OK", json.dumps({"cards": [card]}).encode())


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app, handler_class=Quiet).serve_forever()
