"""`/review/paste`: a chart from outside, evaluated in memory; never stored, never logged, never in an address."""

from __future__ import annotations

from datetime import date
from typing import Any

from cds.advice import Policy
from cds.content import Content
from cds.explain_input import InputError
from cds.review.patient import patient_page
from cds.review.reading import read_pasted


def empty_page(today: date) -> dict[str, Any]:
    """The form."""
    return {"error": "", "as_of": today.isoformat()}


def pasted_page(content: Content, text: str, as_of: str, today: date, policy: Policy) -> tuple[str, dict[str, Any]]:
    """Template and data for what was pasted; the form again, with what is wrong, where it cannot be read."""
    try:
        day = date.fromisoformat(as_of) if as_of else today
    except ValueError:
        return "paste.html", {"error": "The day is written YYYY-MM-DD.", "as_of": today.isoformat()}
    try:
        reading = read_pasted(content, text, day, policy)
    except InputError as error:
        return "paste.html", {"error": f"This cannot be read: {error}.", "as_of": day.isoformat()}
    return "patient.html", patient_page(content, reading) | {"patient": None}
