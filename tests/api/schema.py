"""What any answer must look like: JSON Schemas made from the contract (2.1, 2.2, 2.9 to 2.14) and the invariants cds-resp-1 to -7."""

from __future__ import annotations

import json
import re
from typing import Any

from jsonschema import Draft202012Validator

CODING = {
    "type": "object",
    "required": ["code", "system"],
    "properties": {name: {"type": "string", "minLength": 1} for name in ("code", "system", "display")},
    "additionalProperties": False,
}
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
EXTENSION = {"type": "object", "minProperties": 1, "propertyNames": {"pattern": r"^[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+)+$"}}
HTTPS = r"^https://[^/\s@]+(/[^\s<>\"]*)?$"

CARD = {
    "type": "object",
    "required": ["uuid", "summary", "indicator", "source"],
    "properties": {
        "uuid": {"pattern": UUID},
        "summary": {"type": "string", "minLength": 1, "maxLength": 139},
        "detail": {"type": "string", "minLength": 1, "not": {"pattern": "<"}},
        "indicator": {"enum": ["info", "warning"]},
        "source": {
            "type": "object",
            "required": ["label", "topic"],
            "properties": {
                "label": {"type": "string", "minLength": 1, "maxLength": 100},
                "url": {"pattern": HTTPS},
                "icon": {"pattern": HTTPS},
                "topic": {"allOf": [CODING, {"properties": {"code": {"pattern": "^[A-Za-z0-9]{1,100}$"}}}]},
            },
            "additionalProperties": False,
        },
        "suggestions": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["label", "uuid", "actions"],
                "properties": {
                    "label": {"type": "string", "minLength": 1},
                    "uuid": {"type": "string", "format": "uuid"},
                    "actions": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["type", "description", "resource"],
                            "properties": {
                                "type": {"const": "create"},
                                "description": {"type": "string", "minLength": 1},
                                "resource": {"type": "object", "required": ["resourceType"]},
                            },
                            "additionalProperties": False,
                        },
                    },
                },
                "additionalProperties": False,
            },
        },
        "selectionBehavior": {"const": "any"},
        "overrideReasons": {"type": "array", "minItems": 1, "items": {"allOf": [CODING, {"required": ["display"]}]}},
        "links": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["label", "url", "type"],
                "properties": {"label": {"type": "string", "minLength": 1}, "url": {"pattern": HTTPS}, "type": {"const": "absolute"}},
                "additionalProperties": False,
            },
        },
        "extension": EXTENSION,
    },
    "additionalProperties": False,
}
RESPONSE = {
    "type": "object",
    "required": ["cards"],
    "properties": {"cards": {"type": "array", "maxItems": 3, "items": CARD}, "extension": EXTENSION},
    "additionalProperties": False,
}
DISCOVERY = {
    "type": "object",
    "required": ["services"],
    "properties": {
        "services": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["hook", "id", "title", "description", "usageRequirements", "version", "prefetch"],
                "properties": {
                    "hook": {"type": "string", "minLength": 1, "maxLength": 64},
                    "id": {"pattern": "^[A-Za-z0-9._-]{1,64}$"},
                    **{name: {"type": "string", "minLength": 1} for name in ("title", "description", "usageRequirements")},
                    "version": {"const": "2.0.1"},
                    "prefetch": {
                        "type": "object",
                        "minProperties": 1,
                        "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_]*$"},
                        "additionalProperties": {"type": "string", "minLength": 1},
                    },
                    "extension": EXTENSION,
                },
                "additionalProperties": False,
            },
        }
    },
    "additionalProperties": False,
}
ISSUE_CODES = {
    400: {"invalid", "required", "structure", "value"},
    401: {"login"},
    403: {"forbidden"},
    404: {"not-found"},
    405: {"not-supported"},
    408: {"transient"},
    412: {"incomplete"},
    413: {"too-long"},
    415: {"not-supported"},
    431: {"too-long"},
    429: {"throttled"},
    500: {"exception"},
    503: {"transient", "throttled"},
}
OUTCOME = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"const": "OperationOutcome"},
        "issue": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["severity", "code", "details"],
                "properties": {
                    "severity": {"enum": ["fatal", "error"]},
                    "code": {"type": "string"},
                    "details": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}},
                    "diagnostics": {"type": "string", "minLength": 1},
                    "expression": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}


def strict_json(body: bytes) -> Any:
    """Parse as the contract wants it: UTF-8, no BOM, no NaN, no duplicate names."""

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} in JSON")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs), "duplicate names"
        return dict(pairs)

    text = body.decode("utf-8")
    assert not text.startswith("\ufeff")
    return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)


def check_no_empties(value: Any, path: str = "$") -> None:
    """No null, empty string, list or object but `cards` and `services` at the top (CH-GEN-02)."""
    assert value not in (None, ""), f"null or empty string at {path}"
    if isinstance(value, dict):
        assert value, f"empty object at {path}"
        for name, member in value.items():
            if not (member == [] and path == "$" and name in ("cards", "services")):
                check_no_empties(member, f"{path}.{name}")
    if isinstance(value, list):
        assert value, f"empty array at {path}"
        for index, member in enumerate(value):
            check_no_empties(member, f"{path}[{index}]")


def check(document: Any, schema: dict[str, Any]) -> None:
    """Fail with the path of the first violation."""
    problems = sorted(Draft202012Validator(schema).iter_errors(document), key=lambda error: list(error.absolute_path))
    assert not problems, f"{problems[0].json_path}: {problems[0].message}"
    check_no_empties(document)


def check_response(document: Any) -> None:
    """The schema and what it cannot say: UTF-16 length, unique uuids and labels, citations in both places."""
    check(document, RESPONSE)
    cards = document["cards"]
    assert len({card["uuid"] for card in cards}) == len(cards)
    for card in cards:
        assert len(card["summary"].encode("utf-16-le")) // 2 <= 139
        labels = [link["label"] for link in card.get("links", [])]
        assert len(set(labels)) == len(labels)
        check_markdown(card.get("detail", ""))
        _check_invariants(card)


def _check_invariants(card: dict[str, Any]) -> None:
    """cds-resp-1 to -7; suggestions create drafts and recommend nothing, so that -1, -2 and -7 come down to what the schema says."""
    assert "systemActions" not in card, "cds-resp-5"
    assert all("appContext" not in link for link in card.get("links", [])), "cds-resp-3"
    assert all("display" in reason for reason in card.get("overrideReasons", [])), "cds-resp-4"
    assert ("selectionBehavior" in card) is ("suggestions" in card), "cds-resp-6"


def check_markdown(text: str) -> None:
    """The portable subset of CH-CARD-03: paragraphs, `-` lists, bold, https links, headings from `###` on."""
    assert "<" not in text, "HTML"
    assert "![" not in text, "image"
    for line in text.splitlines():
        assert not re.match(r"\s*(\|.*\||#{1,2}\s|```|>|\* |\+ |\d+\. )", line), f"not in the subset: {line[:20]}"
    for url in re.findall(r"\]\(([^)]*)\)", text):
        assert url.startswith("https://"), url


def check_outcome(document: Any, status: int) -> None:
    """An OperationOutcome with a code that fits the status."""
    check(document, OUTCOME)
    for issue in document["issue"]:
        assert issue["code"] in ISSUE_CODES[status], f"{issue['code']} for {status}"
