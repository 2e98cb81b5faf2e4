"""A CDS Hooks service in Flask: its own HTML error pages, its reading of JSON, HEAD for free, links and topics, an index of feedback."""

import sys
import uuid
from datetime import datetime

from flask import Flask, abort, request
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)
SERVICE = {
    "hook": "patient-view",
    "id": "birthday",
    "title": "Birthday",
    "description": "Says when the patient's birthday is.",
    "prefetch": {"patient": "Patient/{{context.patientId}}", "visits": "Encounter?patient={{context.patientId}}&_count=5"},
}


@app.errorhandler(RecursionError)
def nested_too_deeply(_error):
    return "Bad Request", 400


@app.get("/cds-services")
def discovery():
    return {"services": [SERVICE]}


@app.post("/cds-services/birthday")
def birthday():
    call = request.get_json()
    fields = isinstance(call, dict) and call.get("hook") == SERVICE["hook"] and isinstance(call.get("hookInstance"), str)
    context = call.get("context") if fields else None
    if not isinstance(context, dict) or not isinstance(context.get("patientId"), str) or "userId" not in context:
        abort(400)
    patient = (call.get("prefetch") or {}).get("patient")
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        abort(412)
    if "birthDate" not in patient:
        return {"cards": []}
    card = {
        "uuid": str(uuid.uuid4()),
        "summary": "A birthday is known",
        "detail": "See the [calendar](https://example.org/calendar).",
        "indicator": "info",
        "source": {"label": "Birthdays", "topic": {"system": "https://example.org/topics", "code": "birthday"}},
        "links": [{"label": "Calendar", "url": "https://example.org/calendar", "type": "absolute"}],
        "overrideReasons": [{"code": "1", "system": "https://example.org/reasons", "display": "Not now"}],
    }
    return {"cards": [card]}


@app.post("/cds-services/birthday/feedback")
def feedback():
    entries = request.get_json().get("feedback")
    try:
        fine = all(entry["card"] and entry["outcome"] in ("accepted", "overridden") for entry in entries)
        fine = fine and all(datetime.fromisoformat(entry["outcomeTimestamp"].replace("Z", "+00:00")) for entry in entries)
    except (KeyError, TypeError, ValueError):
        fine = False
    return ("", 200) if fine else abort(400)


class Quiet(WSGIRequestHandler):
    def log(self, *args):
        pass


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app, threaded=True, request_handler=Quiet).serve_forever()
