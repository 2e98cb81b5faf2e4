"""Which drug a medication record is about: its own code, or the Medication that it contains or refers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds.fhir.codes import Concept
from cds.fhir.compiled import Make
from cds.fhir.references import Target, contained, target_of
from cds.fhir.resources import Raw, Valid, concepts_of, type_of, validate

CARRIERS = ("MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement")
"""Types that say that a drug was ordered, dispensed, given or taken."""

Drugs = Mapping[str, Concept]
"""The drug of each Medication that was sent, by its ref."""


def drug_of(medication: Any) -> Concept:
    """The code of a Medication together with its ingredients, as a mixture may be coded by its bag; without a code its one ingredient."""
    ingredients = [Concept.of(item.itemCodeableConcept) for item in medication.ingredient or () if item is not None]
    if code := Concept.of(medication.code):
        parts = (code, *ingredients)
        text = " | ".join(part.text for part in parts if part.text)
        return Concept(tuple(coding for part in parts for coding in part.codings), text or None) if ingredients else code
    return ingredients[0] if len(ingredients) == 1 else Concept()


def carried(carrier: Any, raw: Raw, drugs: Drugs, addresses: Mapping[str, Target], make: Make) -> Concept:
    """The drug of a carrier, `raw` as it was sent; empty where that cannot be told."""
    if carrier.medicationCodeableConcept is not None:
        return Concept.of(carrier.medicationCodeableConcept)
    reference = reference_in(carrier)
    if reference is not None and reference.startswith("#"):
        inner = contained(raw, reference[1:])
        medication = validate(inner, make) if inner is not None and type_of(inner) == "Medication" else None
        named = drug_of(medication.resource) if isinstance(medication, Valid) else Concept()
    else:
        named = _referred(reference, drugs, addresses)
    return _with_words(named, carrier.medicationReference.display)


def drafted(raw: Raw, drugs: Drugs, addresses: Mapping[str, Target]) -> Concept:
    """What a draft order asks for; it need not be valid FHIR. Empty where that cannot be told."""
    reference = raw.get("medicationReference")
    if not isinstance(reference, dict):
        return next(iter(concepts_of(raw)), Concept())
    text, display = reference.get("reference"), reference.get("display")
    inner = contained(raw, text[1:]) if isinstance(text, str) and text.startswith("#") else None
    named = Concept.of(inner.get("code")) if inner is not None else _referred(text, drugs, addresses)
    return _with_words(named, display if isinstance(display, str) else None)


def reference_in(carrier: Any) -> str | None:
    """The reference of a carrier to its Medication."""
    reference = carrier.medicationReference
    return reference.reference if reference is not None else None


def _referred(reference: Any, drugs: Drugs, addresses: Mapping[str, Target]) -> Concept:
    target = target_of(reference, addresses)
    return drugs.get(f"{target[0] or 'Medication'}/{target[1]}", Concept()) if target is not None else Concept()


def _with_words(concept: Concept, display: str | None) -> Concept:
    """The concept; with the display of the reference to it where it has no words of its own."""
    return concept if concept.words else Concept(concept.codings, display)
