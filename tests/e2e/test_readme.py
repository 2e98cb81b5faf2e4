"""The README is true: the request it shows gives the response it shows (uuid and content hash apart)."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from cds.app import create_app
from cds.settings import Settings

README = Path(__file__).parent.parent.parent / "README.md"


def block(name: str) -> Any:
    found = re.search(rf"<!-- {name} -->\n```json\n(.*?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"README has no {name} block"
    return json.loads(found[1])


def without_what_changes(answer: Any) -> Any:
    for card in answer["cards"]:
        del card["uuid"]
        del card["extension"]["org.ranvier.explanation"]["contentHash"]
    return answer


def test_the_request_shown_gives_the_response_shown(tmp_path):
    settings = Settings(as_of=date(2026, 11, 20), state=tmp_path)
    with TestClient(create_app(settings)) as client:
        answer = client.post("/cds-services/ms-patient-view", json=block("request"))
    assert answer.status_code == 200
    assert without_what_changes(answer.json()) == without_what_changes(block("response"))


def test_every_document_it_names_exists():
    for path in re.findall(r"\]\(((?:docs/)?[A-Za-z.-]+(?:/[A-Za-z.-]+)*)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / path).is_file(), path
