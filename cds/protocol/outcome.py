"""OperationOutcome: the body of every answer that is not a success, and the refusals that lead to one.

Contract 2.14. Texts are fixed here or by the caller; nothing that came in with a request is ever put into one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson
from msgspec import Struct
from pydantic import BaseModel, Field

IssueCode = Literal[
    "invalid",
    "structure",
    "required",
    "value",
    "login",
    "forbidden",
    "not-found",
    "not-supported",
    "incomplete",
    "too-long",
    "throttled",
    "transient",
    "exception",
]


class Issue(Struct, frozen=True):
    """One thing that is wrong: a FHIR issue type, a sentence for people, and where (a path or a prefetch key of our own)."""

    code: IssueCode
    text: str
    where: str | None = None
    diagnostics: str | None = None


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 reads as what it is where it is raised
    """The call cannot be answered with a success: HTTP status, issues and extra headers (CH-HTTP-03, CH-ERR-05)."""

    status: int
    issues: tuple[Issue, ...]
    headers: Mapping[str, str] = field(default_factory=dict)


def bad_request(*issues: Issue) -> Refusal:
    """400: the request itself is malformed or invalid. A bad request is never a 404 (CH-HTTP-04)."""
    return Refusal(400, issues)


def operation_outcome(issues: tuple[Issue, ...], severity: Literal["error", "fatal"] = "error") -> bytes:
    """The OperationOutcome as JSON bytes (CH-ERR-01), without null or empty members."""
    return orjson.dumps(
        {
            "resourceType": "OperationOutcome",
            "issue": [
                {
                    "severity": severity,
                    "code": issue.code,
                    "details": {"text": issue.text},
                    **({"diagnostics": issue.diagnostics} if issue.diagnostics else {}),
                    **({"expression": [issue.where]} if issue.where else {}),
                }
                for issue in issues
            ],
        }
    )


class IssueDetails(BaseModel):
    """CodeableConcept with text only."""

    text: str


class OutcomeIssue(BaseModel):
    """One issue as it stands on the wire."""

    severity: Literal["fatal", "error"]
    code: IssueCode
    details: IssueDetails
    diagnostics: str | None = None
    expression: list[str] | None = None


class OperationOutcome(BaseModel):
    """FHIR R4 OperationOutcome, the body of every 4xx and 5xx answer."""

    resource_type: Literal["OperationOutcome"] = Field(alias="resourceType")
    issue: list[OutcomeIssue] = Field(min_length=1)
