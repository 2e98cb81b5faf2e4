"""A FHIR server for tests, in a process of its own: `python fhir_server.py` prints its port.

PUT /_scenario/{id} sets what is answered below /{id}/: a JSON object from path (`Patient/pat-1`, `Condition`, `Condition?page=2`) to an
answer {status, body, text, headers, delay, drop, together}; `together` waits until so many requests are being answered at once.
What is not set is an empty search result. GET /_log/{id} gives what was asked.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SCENARIOS: dict[str, dict[str, Any]] = {}
LOG: dict[str, list[dict[str, Any]]] = defaultdict(list)
BARRIERS: dict[str, threading.Barrier] = {}
BARRIERS_LOCK = threading.Lock()
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        SCENARIOS[self.path.removeprefix("/_scenario/")] = json.loads(self.rfile.read(length))
        self._send({"body": {}})

    def do_GET(self) -> None:
        if self.path.startswith("/_log/"):
            self._send({"body": LOG[self.path.removeprefix("/_log/")]})
            return
        scenario, _, asked = self.path.lstrip("/").partition("/")
        LOG[scenario].append({"path": asked, "headers": {name.lower(): value for name, value in self.headers.items()}})
        answers = SCENARIOS.get(scenario, {})
        self._send(answers.get(asked) or answers.get(asked.partition("?")[0]) or answers.get("*") or {"body": EMPTY})

    def _send(self, answer: dict[str, Any]) -> None:
        time.sleep(answer.get("delay", 0))
        if "together" in answer:
            with BARRIERS_LOCK:
                barrier = BARRIERS.setdefault(self.path.split("/")[1], threading.Barrier(answer["together"]))
            barrier.wait(20)
        if answer.get("drop"):
            self.close_connection = True
            return
        body = answer["text"].encode() if "text" in answer else json.dumps(answer.get("body", {})).encode()
        self.send_response(answer.get("status", 200))
        for name, value in {"Content-Type": "application/fhir+json;fhirVersion=4.0", **answer.get("headers", {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that leaves before it is answered is no news here."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
