"""Which resource is which, which version of it counts, and whose it is (CH-REQ-16)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from cds.fhir.bundles import Sent
from cds.fhir.references import Target, id_of, target_of
from cds.fhir.resources import Raw, type_of

Owner = Literal["own", "another", "unclear"]

UNIDENTIFIED = "unidentified-"
"""How made-up ids begin."""


class Identified(NamedTuple):
    """A resource as it was sent, with its type and its id."""

    type: str
    id: str
    raw: Raw

    @property
    def ref(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"


def identify(sent: Sent) -> Identified:
    """The resource with its own id, else that of its address in the Bundle, else one made from its content."""
    type_ = type_of(sent.raw) or ""
    if (id := id_of(sent.raw)) is not None:
        return Identified(type_, id, sent.raw)
    target = target_of(sent.full_url, {})
    if target is not None and target[0] in (None, type_):
        return Identified(type_, target[1], sent.raw)
    return Identified(type_, f"{UNIDENTIFIED}{hashlib.sha256(_content(sent.raw).encode()).hexdigest()[:12]}", sent.raw)


def addresses_of(sent: Iterable[tuple[str | None, Identified]]) -> dict[str, Target]:
    """What each fullUrl stands for. An address that stands for several resources resolves to the same one whatever their order."""
    found: dict[str, Target] = {}
    for url, item in sent:
        if url is not None:
            target = item.type, item.id
            found[url] = min(found.get(url, target), target)
    return found


def _content(raw: Raw) -> str:
    try:
        return json.dumps(raw, sort_keys=True)
    except RecursionError:
        return "nested too deeply"


def bare_id(patient_id: str | None) -> str | None:
    """The bare id of `123`, `Patient/123` or an absolute URL."""
    target = target_of(patient_id, {})
    return target[1] if target is not None else None


def patients_meant(resources: Iterable[Identified], addresses: Mapping[str, Target]) -> set[str]:
    """The patients that the resources are, else speak of; more than one where it cannot be told who is meant."""
    patients = {item.id for item in resources if item.type == "Patient"}
    targets = (target_of(_subject(item.raw), addresses) for item in resources if item.type != "Patient")
    subjects = {target[1] for target in targets if target is not None and target[0] in (None, "Patient")}
    named = {id for id in patients if not id.startswith(UNIDENTIFIED)}
    return patients if len(patients) > 1 else named or subjects


def owner(item: Identified, own: str | None, patients: Collection[str], addresses: Mapping[str, Target]) -> Owner:
    """Whose resource it is. One without a subject belongs to the patient it was asked for; one about a relative or a fetus does not.

    `own` is the bare id of the patient, `patients` are the ids of all Patients that were sent.
    """
    if item.type == "Patient":
        unidentified = item.id.startswith(UNIDENTIFIED) and own not in patients
        return "own" if unidentified or own in (None, item.id) else "another"
    if item.type == "Observation" and _on_somebody_else(item.raw, own, addresses):
        return "another"
    subject = _subject(item.raw)
    if own is None or not subject or item.type == "Medication":
        return "own"
    target = target_of(subject, addresses)
    if target is None:
        return "unclear"
    type_, id = target
    if type_ in (None, "Patient") and id == own:
        return "own"
    return "another" if type_ is not None or id in patients or not str(subject).startswith("urn:") else "unclear"


def _on_somebody_else(raw: Raw, own: str | None, addresses: Mapping[str, Target]) -> bool:
    """Whether the focus of a result is another person: it stands in the chart of the patient and is none of theirs."""
    focus = raw.get("focus")
    targets = (target_of(one, addresses) for one in (focus if isinstance(focus, list) else [focus]))
    return any(
        target is not None and (target[0] == "RelatedPerson" or (target[0] == "Patient" and own not in (None, target[1])))
        for target in targets
    )


def _subject(raw: Raw) -> Any:
    subject = raw.get("subject", raw.get("patient"))
    return subject.get("reference") if isinstance(subject, dict) else subject


def newest(resources: Iterable[tuple[Identified, Owner]]) -> list[tuple[Identified, Owner]]:
    """Each resource once: the latest version by meta.lastUpdated, then versionId.

    Of versions that are equally new the patient's own counts, then the same one whatever their order.
    """
    versions: dict[str, list[tuple[Identified, Owner]]] = {}
    for item in resources:
        versions.setdefault(item[0].ref, []).append(item)
    return [found[0] if len(found) == 1 else min(found, key=_age) for found in versions.values()]


def _age(item: tuple[Identified, Owner]) -> tuple[float, int, bool, str]:
    meta = item[0].raw.get("meta")
    updated, version = (meta.get("lastUpdated"), meta.get("versionId")) if isinstance(meta, dict) else (None, None)
    number = int(version) if isinstance(version, str) and version.isascii() and version.isdecimal() and len(version) < 20 else 0
    return -_timestamp(updated), -number, item[1] != "own", _content(item[0].raw)


def _timestamp(instant: Any) -> float:
    try:
        moment = datetime.fromisoformat(instant)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0
