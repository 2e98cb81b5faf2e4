"""Which prefetch keys were answered, and how (contract 2.6): the envelope of each value, not what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field

from cds.protocol.discovery import KEY_OF_TYPE, PREFETCH, PREFETCH_BY_KEY, PrefetchKey
from cds.protocol.outcome import Issue, Refusal, bad_request


class Status(Enum):
    """What became of one key."""

    ANSWERED = "answered"
    """Data, or the knowledge that there is none: a resource, a complete Bundle, an empty one, or null."""
    PARTIAL = "partial"
    """Data, but perhaps not all: a page with a `next` link, or resources under a key of unknown query."""
    UNAVAILABLE = "unavailable"
    """Somebody tried and failed: an OperationOutcome, or a failed fetch. It is not asked for again (CH-PD-06)."""
    ABSENT = "absent"
    """Not there, or nothing that answers the key (CH-PD-07, CH-PD-10)."""


class Answers(Struct):
    """The values by key, as the chart reads them, with the status of every declared key."""

    values: dict[str, Any]
    status: dict[str, Status]
    warnings: list[str] = field(default_factory=list)

    def put(self, key: str, value: Any, status: Status) -> None:
        """Set what was fetched for a key."""
        self.values[key] = value
        self.status[key] = status

    @property
    def lacks_optional(self) -> bool:
        """Whether an optional key could still be completed."""
        return any(not entry.required and self.status[entry.key] in (Status.ABSENT, Status.PARTIAL) for entry in PREFETCH)


def read_answers(prefetch: Mapping[str, Any], patient_id: str, aliases: Mapping[str, str]) -> Answers:
    """Sort received values under our keys (`aliases`: a client's key → ours, CH-PF-11) and judge each one's envelope.

    Values under keys that are not ours stay: their resources are recognised by type, but they answer no key (CH-PD-12).
    Raises `Refusal` (400) if the Patient is another one than the call is about (CH-REQ-16).
    """
    values: dict[str, Any] = {key: unwrap(value) for key, value in prefetch.items()}
    renamed = {**KEY_OF_TYPE, **aliases} if aliases else KEY_OF_TYPE
    if not renamed.keys().isdisjoint(values):
        for theirs, ours in renamed.items():
            if theirs in values and ours not in values:
                values[ours] = values.pop(theirs)
    answers = Answers(values, {})
    others = [value for key, value in values.items() if key not in PREFETCH_BY_KEY]
    for entry in PREFETCH:
        status = judge(values[entry.key], entry.resource_type) if entry.key in values else Status.ABSENT
        if status is Status.ABSENT and entry.key in values:
            answers.warnings.append(f"prefetch-{entry.key}-unusable")
        if status is Status.ABSENT and any(_holds(value, entry, patient_id) for value in others):
            status = Status.ANSWERED if entry.is_read else Status.PARTIAL
        answers.status[entry.key] = status
    _check_patient(values.get("patient"), patient_id)
    return answers


def unwrap(value: Any) -> Any:
    """The value inside the wrapper of early CDS Hooks versions, `{response, resource}` (CH-PD-11)."""
    if isinstance(value, dict) and "resourceType" not in value and isinstance(value.get("response"), dict):
        if value.get("resource") is not None:
            return value["resource"]
        status = str(value["response"].get("status", ""))
        return None if status[:1] == "2" or status[:3] in ("404", "410") else {"resourceType": "OperationOutcome"}
    return value


def judge(value: Any, resource_type: str) -> Status:
    """The status of one value that was received for a key of `resource_type` (the table of contract 2.6)."""
    if value is None:
        return Status.ANSWERED
    match value:
        case {"resourceType": "OperationOutcome"}:
            return Status.UNAVAILABLE
        case {"resourceType": "Bundle"}:
            return _judge_bundle(value, resource_type)
        case {"resourceType": str(found)} if found == resource_type:
            return Status.ANSWERED
    return Status.ABSENT


def next_link(bundle: Any) -> str | None:
    """The address of the next page, if the Bundle has one (CH-PD-08)."""
    links = bundle.get("link") if isinstance(bundle, dict) else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def _judge_bundle(bundle: dict[str, Any], resource_type: str) -> Status:
    whole = Status.PARTIAL if next_link(bundle) else Status.ANSWERED
    if any(_type(resource) == resource_type for resource in _resources(bundle)):
        return whole
    others = list(_resources(bundle))
    if any(_type(resource) != "OperationOutcome" for resource in others):
        return Status.ABSENT
    return Status.UNAVAILABLE if any(_severity(resource) in ("error", "fatal") for resource in others) else whole


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    """The resources of a Bundle's entries, or the resource itself."""
    if not isinstance(value, dict):
        return
    if value.get("resourceType") != "Bundle":
        yield value
        return
    entries = value.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def _severity(outcome: dict[str, Any]) -> str:
    issues = outcome.get("issue")
    found = [issue.get("severity") for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    return next((severity for severity in ("fatal", "error") if severity in found), "")


def _holds(value: Any, entry: PrefetchKey, patient_id: str) -> bool:
    """Whether a resource of the key's type is in the value; the Patient must be the one of the call."""
    return any(
        _type(resource) == entry.resource_type and (not entry.is_read or _is(resource, patient_id)) for resource in _resources(value)
    )


def _is(resource: dict[str, Any], id: str) -> bool:
    """Whether the resource has this id, or none that says otherwise."""
    found = resource.get("id")
    return found == id or not isinstance(found, str)


def _type(resource: dict[str, Any]) -> str:
    found = resource.get("resourceType")
    return found if isinstance(found, str) else ""


def _check_patient(value: Any, patient_id: str) -> None:
    patients = [resource for resource in _resources(value) if _type(resource) == "Patient"]
    if patients and not any(_is(patient, patient_id) for patient in patients):
        raise bad_request(Issue("invalid", "The Patient in prefetch is not the patient of the context.", "prefetch.patient"))


def require(answers: Answers, patient_id: str, reasons: Mapping[str, str], otherwise: str) -> None:
    """Refuse (412) if a required key is neither in the request nor could be fetched (CH-412-01, CH-412-04).

    `reasons`: why fetching a key failed; `otherwise`: why nothing was fetched.
    """
    missing = [entry.key for entry in PREFETCH if entry.required and not _obtained(answers, entry, patient_id)]
    if missing:
        raise incomplete("; ".join(f"prefetch key '{key}': {reasons.get(key, otherwise)}" for key in missing))


def incomplete(diagnostics: str) -> Refusal:
    """412: data without which nobody can say whether the service applies."""
    return Refusal(412, (Issue("incomplete", "Required input could not be obtained.", diagnostics=diagnostics),))


def _obtained(answers: Answers, entry: PrefetchKey, patient_id: str) -> bool:
    if answers.status[entry.key] in (Status.ABSENT, Status.UNAVAILABLE):
        return False
    return not entry.is_read or any(_holds(value, entry, patient_id) for value in answers.values.values())
