"""MS treatment: records of drugs, courses, their outcomes, and the facts that criteria test (clinical-rules F11-F15)."""
