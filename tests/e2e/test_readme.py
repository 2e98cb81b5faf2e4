"""The README is true: the request it shows gives the response it shows (uuid and content hash apart)."""

import json
import re
from pathlib import Path
from typing import Any

from tests.service import HOOK, REAL, Service

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
    with Service(tmp_path, command=REAL, state=tmp_path) as service:
        answer = service.client.post(HOOK, json=block("request"))
    assert answer.status_code == 200
    assert without_what_changes(answer.json()) == without_what_changes(block("response"))


def test_every_document_it_names_exists():
    for path in re.findall(r"\]\(((?:docs/)?[A-Za-z.-]+(?:/[A-Za-z.-]+)*)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / path).is_file(), path
