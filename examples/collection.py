"""Make the Postman collection from openapi.yaml: `python examples/collection.py`. Bruno imports it as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(openapi: dict[str, Any]) -> dict[str, Any]:
    """One request for every operation and every example of its body."""
    items = [
        item
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
        if method in ("get", "post")
        for item in _items(path, method, operation)
    ]
    variables = [{"key": "base", "value": "http://127.0.0.1:8000"}]
    return {"info": {"name": openapi["info"]["title"], "schema": SCHEMA}, "variable": variables, "item": items}


def _items(path: str, method: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = {name: example["value"] for name, example in content.get("examples", {}).items()}
    if "example" in content:
        examples[""] = content["example"]
    name = operation.get("summary", path)
    if not examples:
        return [{"name": name, "request": _request(path, method)}]
    return [{"name": f"{name}: {key}" if key else name, "request": _request(path, method, body)} for key, body in examples.items()]


def _request(path: str, method: str, body: Any = None) -> dict[str, Any]:
    raw = "{{base}}" + path
    found: dict[str, Any] = {
        "method": method.upper(),
        "header": [],
        "url": {"raw": raw, "host": ["{{base}}"], "path": path.strip("/").split("/")},
    }
    if body is not None:
        found["header"] = [{"key": "Content-Type", "value": "application/json"}]
        found["body"] = {"mode": "raw", "raw": json.dumps(body, indent=2, ensure_ascii=False), "options": {"raw": {"language": "json"}}}
    return found


if __name__ == "__main__":
    document = yaml.load((FOLDER.parent / "openapi.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    text = json.dumps(collection(document), indent=2, ensure_ascii=False) + "\n"
    (FOLDER / "ranvier.postman_collection.json").write_text(text, encoding="utf-8")
