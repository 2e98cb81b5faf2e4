"""Everything in examples/ is run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from examples import cases
from examples.collection import collection
from tests.api.schema import check_outcome, check_response
from tests.ports import free_port
from tests.probe.live import ROOT, serving

FOLDER = ROOT / "examples"
COMMANDS = {
    "curl": ["sh", str(FOLDER / "call.sh")],
    "python": [sys.executable, str(FOLDER / "call.py")],
    "javascript": [shutil.which("node") or "node", str(FOLDER / "call.mjs")],
}
CASES = {case.name: case for case in cases.errors()}


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", COMMANDS)
def test_programs(service: str, language: str) -> None:
    done = subprocess.run([*COMMANDS[language], service], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("feedback: 200")
    assert read("hooks/patient-view.response.json")["cards"][0]["summary"] in done.stdout


@pytest.mark.parametrize("hook", cases.SERVICES)
def test_requests_and_responses_of_every_hook(service: str, hook: str) -> None:
    request, response = read(f"hooks/{hook}.request.json"), read(f"hooks/{hook}.response.json")
    assert request == cases.request(hook)
    check_response(response)
    answer = httpx.post(f"{service}/cds-services/{cases.SERVICES[hook]}", json=request, trust_env=False, timeout=20).json()
    assert len(answer["cards"]) == len(response["cards"])
    assert [card["source"]["topic"] for card in answer["cards"]] == [card["source"]["topic"] for card in response["cards"]]


def test_every_hook_has_an_example(service: str) -> None:
    offered = {entry["hook"]: entry["id"] for entry in httpx.get(f"{service}/cds-services", trust_env=False).json()["services"]}
    assert offered == cases.SERVICES
    assert sum(bool(read(f"hooks/{hook}.response.json")["cards"]) for hook in offered) == 5


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with the settings of the examples, with the stand-in core: no refusal comes from the content."""
    port = free_port()
    settings = {"RANVIER_PORT": str(port), "RANVIER_STATE": str(tmp_path_factory.mktemp("state")), **cases.GUARDED}
    base = f"http://127.0.0.1:{port}"
    with serving([sys.executable, "-m", "tests.api.live"], f"{base}/readyz", tmp_path_factory.mktemp("log") / "log", **settings):
        yield base


@pytest.mark.parametrize("name", CASES)
def test_requests_and_responses_of_every_error(service: str, guarded: str, name: str) -> None:
    kept, case = read(f"errors/{name}.json"), CASES[name]
    assert kept["request"] == case.sent()
    assert kept["response"]["status"] == case.status == int(name[:3])
    assert case.ask(guarded if case.guarded else service) == kept["response"]
    check_outcome(kept["response"]["body"], case.status)


def test_every_refusal_in_the_description_has_an_example() -> None:
    paths = yaml.load((ROOT / "openapi.yaml").read_bytes(), Loader=yaml.CSafeLoader)["paths"]
    described = {int(status) for path in paths.values() for operation in path.values() for status in operation["responses"]}
    assert {case.status for case in CASES.values()} | {200, 304, 500} == described | {405}


def test_no_example_is_left_over() -> None:
    assert {path.stem for path in (FOLDER / "errors").glob("*.json")} == set(CASES)


def test_the_collection_is_that_of_the_description_and_its_requests_are_answered(service: str) -> None:
    made = collection(yaml.load((ROOT / "openapi.yaml").read_bytes(), Loader=yaml.CSafeLoader))
    assert read("ranvier.postman_collection.json") == made
    assert len(made["item"]) >= 6
    for item in made["item"]:
        request = item["request"]
        if "{" in request["url"]["raw"].removeprefix("{{base}}"):
            continue
        answer = httpx.request(
            request["method"],
            request["url"]["raw"].replace("{{base}}", service),
            content=request.get("body", {}).get("raw", "").encode(),
            headers={header["key"]: header["value"] for header in request["header"]},
            trust_env=False,
            timeout=20,
        )
        assert answer.status_code == 200, item["name"]
