"""Chart: the validated FHIR R4 resources of one patient, by type, and what could not be read.

One bad resource never hides the good ones. Results do not depend on the order of resources, on duplicates, or on how they are
spread over Bundles. Nothing here raises on received data, whatever JSON it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from cds.fhir.bundles import Page, Sent, read_value
from cds.fhir.codes import Concept
from cds.fhir.compiled import Make, compiled
from cds.fhir.identity import Identified, addresses_of, bare_id, identify, newest, owner, patients_meant
from cds.fhir.medications import CARRIERS, carried, drug_of, reference_in
from cds.fhir.references import Target, contained, id_of, target_of
from cds.fhir.resources import BEARS_ON_FACTS, Raw, Refusal, Unread, Valid, concepts_of, element, type_of, validate

NAMES = {
    "AllergyIntolerance": ("an allergy", "allergies"),
    "Condition": ("a diagnosis", "diagnoses"),
    "DiagnosticReport": ("a report", "reports"),
    "Encounter": ("a visit", "visits"),
    "Immunization": ("an immunisation", "immunisations"),
    "Medication": ("a medication", "medications"),
    "MedicationAdministration": ("a given medication", "given medications"),
    "MedicationDispense": ("a dispensed medication", "dispensed medications"),
    "MedicationRequest": ("a medication order", "medication orders"),
    "MedicationStatement": ("a medication statement", "medication statements"),
    "Observation": ("a result", "results"),
    "Patient": ("the patient record", "the patient record"),
    "Procedure": ("a procedure", "procedures"),
    "ServiceRequest": ("a service order", "service orders"),
}
"""What a resource of each type is called where it could not be read: one, and many."""

_UNSAID = ("birthDate", "gender")
"""Elements of the Patient whose loss is named, as each of them is a fact by itself."""


class Entry(Struct, frozen=True):
    """One validated resource. `ref` is `Type/id`, with a made-up, stable id where the resource has none; `raw` is as it was sent.

    `concept` is its `code`, empty where its type or the resource has none.
    """

    ref: str
    resource: Any
    raw: Raw
    concept: Concept

    def __repr__(self) -> str:
        """Which resource it is, and nothing of what it says."""
        return f"Entry({self.ref})"

    @classmethod
    def of(cls, ref: str, resource: Any, raw: Raw) -> Entry:
        """The entry of a validated resource."""
        return cls(ref, resource, raw, Concept.of(element(resource, "code")))


class NotRead(Struct, frozen=True, kw_only=True):
    """Something that was sent or asked for and could not be read; what it might have said is unknown.

    `concepts` is what it seems to speak of, salvaged from JSON that is not valid; empty where not even that can be told.
    """

    what: str
    reason: str
    resource: str | None = None
    type: str | None = None
    concepts: tuple[Concept, ...] = ()


class Chart(Struct, frozen=True, kw_only=True):
    """The chart of one patient.

    `answered` are the resource types that were asked for and answered in full; `partial` those of which a part is missing.
    `patient_mismatch` is true if the Patient sent as the patient is another one than the call names (CH-REQ-16).
    """

    patient: Entry | None = None
    answered: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    not_read: tuple[NotRead, ...] = ()
    patient_mismatch: bool = False
    _entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    _by_ref: Mapping[str, Entry] = field(default_factory=dict)
    _medications: Mapping[str, Concept] = field(default_factory=dict)
    _addresses: Mapping[str, Target] = field(default_factory=dict)
    _aside: tuple[Identified, ...] = ()
    _make: Make = compiled

    def __repr__(self) -> str:
        """How many resources of each type it holds, and nothing of what they say."""
        return f"Chart({', '.join(f'{len(found)} {type_}' for type_, found in sorted(self._entries.items()))})"

    @classmethod
    def from_prefetch(
        cls,
        prefetch: Mapping[str, Any],
        patient_id: str | None,
        keys: Mapping[str, str],
        *,
        patient: bool = True,
        make: Make = compiled,
    ) -> Chart:
        """From the prefetch of a call. `keys` gives the resource type that each declared key asks for.

        Resources are recognised by resourceType, whatever key they arrive in (CH-PD-12). With `patient=False` the Patient is left aside,
        for `with_patient` to read. `make` makes the objects that facts are read from.
        """
        pages = {key: read_value(value) for key, value in prefetch.items()}
        answered, partial, not_read = set(), set(), []
        for key, page in pages.items():
            if key not in keys:
                continue
            type_, state = keys[key], page.state
            if state == "answered" and _is_another_type(prefetch[key], type_):
                state = "unreadable"
            if state == "answered":
                answered.add(type_)
            else:
                partial |= {type_} if state == "partial" else set()
                not_read.append(_gap(type_, state))
        named = {
            id_of(sent.raw) for key in pages if keys.get(key) == "Patient" for sent in pages[key].sent if type_of(sent.raw) == "Patient"
        }
        own = bare_id(patient_id)
        mismatch = own is not None and bool(named) and named.isdisjoint((own, None))
        sent = [item for page in pages.values() for item in page.sent]
        chart = _read(sent, patient_id, frozenset(answered - partial), frozenset(partial), not_read, mismatch, make)
        return chart.with_patient() if patient else chart

    @classmethod
    def from_bundle(cls, bundle: Any, patient_id: str | None = None) -> Chart:
        """From a Bundle (or one resource) that holds a patient. Only the types that are in it count as answered."""
        page: Page = read_value(bundle)
        present = frozenset(type_ for sent in page.sent if (type_ := type_of(sent.raw)) in BEARS_ON_FACTS)
        not_read = [] if page.state == "answered" else [_gap(None, page.state)]
        whole = page.state == "answered"
        answered, partial = (present, frozenset[str]()) if whole else (frozenset[str](), present)
        chart = _read(page.sent, patient_id, answered, partial, not_read, False, compiled)
        return chart.with_patient()

    def with_patient(self) -> Chart:
        """The same with its Patient read, where that was left aside."""
        if not self._aside:
            return self
        entries, not_read = [], list(self.not_read)
        for item in self._aside:
            found = validate(item.raw, self._make)
            if isinstance(found, Refusal):
                not_read.append(_refused(item, found.reason))
                continue
            entries.append(Entry.of(item.ref, found.resource, item.raw))
            if lost := [name for name in _UNSAID if name in found.left_out]:
                reason = f"{', '.join(lost)} is not valid FHIR R4"
                not_read.append(NotRead(what=NAMES["Patient"][0], reason=reason, resource=item.ref, type="Patient"))
        patient = min(entries, key=lambda entry: entry.ref, default=None)
        return replace(self, patient=patient, not_read=_in_order(not_read), _aside=())

    def entries(self, type: str) -> tuple[Entry, ...]:
        """The resources of a type that were read, in the order of their refs. Entered-in-error ones are among them."""
        return self._entries.get(type, ())

    @property
    def holds_records(self) -> bool:
        """Whether any resource besides the Patient was read."""
        return bool(self._entries)

    def complete(self, type: str) -> bool:
        """Whether what was sent of a type is all there is, so that silence means absence. Refused resources are in `not_read`."""
        return type in self.answered

    def without(self, refs: Collection[str]) -> Chart:
        """The chart as it was before these resources were added to it."""
        return replace(
            self,
            not_read=tuple(item for item in self.not_read if item.resource not in refs),
            _entries={type_: tuple(entry for entry in found if entry.ref not in refs) for type_, found in self._entries.items()},
            _by_ref={ref: entry for ref, entry in self._by_ref.items() if ref not in refs},
        )

    def medication(self, entry: Entry) -> Concept:
        """The drug of a medication order, statement, administration or dispense, its reference resolved. Empty for other resources."""
        return self._medications.get(entry.ref, Concept())

    def resolve(self, entry: Entry, reference: Any) -> Entry | None:
        """The resource that a reference in `entry` points to (contained, relative or absolute), if it was sent and could be read."""
        text = getattr(reference, "reference", reference)
        if isinstance(text, str) and text.startswith("#"):
            raw = contained(entry.raw, text[1:])
            found = validate(raw, self._make) if raw is not None else None
            return Entry.of(f"{entry.ref}{text}", found.resource, raw) if raw is not None and isinstance(found, Valid) else None
        target = target_of(text, self._addresses)
        return self._by_ref.get(f"{target[0]}/{target[1]}") if target is not None else None


def select(raw: Raw) -> bool:
    """Whether a resource is worth validating: a fact could be read from it."""
    return type_of(raw) in BEARS_ON_FACTS and not isinstance(raw, Unread)


def _read(
    sent: Sequence[Sent],
    patient_id: str | None,
    answered: frozenset[str],
    partial: frozenset[str],
    gaps: list[NotRead],
    mismatch: bool,
    make: Make,
) -> Chart:
    """The chart of all resources that were sent and belong to the patient."""
    known = [(item.full_url, identify(item)) for item in sent if item.full_url is not None or select(item.raw)]
    addresses = addresses_of(known)
    identified = [item for _, item in known if select(item.raw)]
    own = bare_id(patient_id)
    if own is None:
        meant = patients_meant(identified, addresses)
        if len(meant) > 1:
            several = NotRead(what="the chart", reason="it holds resources of more than one patient and none is named")
            return Chart(not_read=(*gaps, several), patient_mismatch=mismatch)
        own = next(iter(meant), None)
    patients = {item.id for item in identified if item.type == "Patient"}
    entries: dict[str, list[Entry]] = {}
    aside: list[Identified] = []
    not_read = list(gaps)
    for item, whose in newest((item, owner(item, own, patients, addresses)) for item in identified):
        if whose == "another":
            continue
        if whose == "unclear":
            not_read.append(_refused(item, "its patient reference leads nowhere"))
            continue
        if item.type == "Patient":
            aside.append(item)
            continue
        found = validate(item.raw, make)
        if isinstance(found, Refusal):
            not_read.append(_refused(item, found.reason))
            continue
        entries.setdefault(item.type, []).append(Entry.of(item.ref, found.resource, item.raw))
    medications = _medications(entries, addresses, not_read, make)
    ordered = {type_: tuple(sorted(found, key=lambda entry: entry.ref)) for type_, found in entries.items()}
    return Chart(
        answered=answered,
        partial=partial,
        not_read=_in_order(not_read),
        patient_mismatch=mismatch,
        _entries=ordered,
        _by_ref={entry.ref: entry for found in ordered.values() for entry in found},
        _medications=medications,
        _addresses=addresses,
        _aside=tuple(aside),
        _make=make,
    )


def _in_order(not_read: Iterable[NotRead]) -> tuple[NotRead, ...]:
    return tuple(sorted(dict.fromkeys(not_read), key=lambda item: (item.type or "", item.resource or "", item.what, item.reason)))


def _refused(item: Identified, reason: str) -> NotRead:
    return NotRead(what=NAMES[item.type][0], reason=reason, resource=item.ref, type=item.type, concepts=concepts_of(item.raw))


def _gap(type_: str | None, state: str) -> NotRead:
    """A question that was not answered in full."""
    what = NAMES[type_][1] if type_ in NAMES else "the file"
    reason = {
        "partial": "only a part of them was sent",
        "unavailable": "the server answered with an error",
        "unreadable": "what was sent is not FHIR",
    }[state]
    return NotRead(what=what, reason=reason, type=type_)


def _is_another_type(value: Any, type_: str) -> bool:
    """Whether a single resource of another type stands where this type was asked for (CH-PD-10)."""
    return type_of(value) not in (None, "Bundle", "OperationOutcome", type_)


def _medications(
    entries: dict[str, list[Entry]], addresses: Mapping[str, Target], not_read: list[NotRead], make: Make
) -> dict[str, Concept]:
    """The drug of every carrier. A carrier whose drug cannot be told says nothing and is moved to what was not read."""
    drugs = {entry.ref: drug_of(entry.resource) for entry in entries.get("Medication", ())}
    refused = {item.resource: item.concepts for item in not_read if item.type == "Medication"}
    found: dict[str, Concept] = {}
    for type_ in CARRIERS:
        readable = []
        for entry in entries.get(type_, ()):
            concept = carried(entry.resource, entry.raw, drugs, addresses, make)
            if concept:
                found[entry.ref] = concept
                readable.append(entry)
            else:
                not_read.append(_drugless(entry, type_, refused, addresses))
        if readable:
            entries[type_] = readable
        else:
            entries.pop(type_, None)
    return found


def _drugless(entry: Entry, type_: str, refused: Mapping[str | None, tuple[Concept, ...]], addresses: Mapping[str, Target]) -> NotRead:
    target = target_of(reference_in(entry.resource), addresses)
    salvaged = refused.get(f"{target[0]}/{target[1]}", ()) if target is not None else ()
    reason = "the medication it refers to was not sent or could not be read"
    return NotRead(what=NAMES[type_][0], reason=reason, resource=entry.ref, type=type_, concepts=salvaged or concepts_of(entry.raw))


def refs_in(raw: Any) -> frozenset[str]:
    """The refs of all resources in a Bundle or a single resource, as the chart names them. Never raises."""
    return frozenset(identify(sent).ref for sent in read_value(raw).sent)
