"""How an advice came about: `as_json` for programs, `as_text` for a clinician who holds it against the chart (`ranvier explain`)."""
