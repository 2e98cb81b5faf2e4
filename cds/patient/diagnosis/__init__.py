"""Whether it is MS, which course, since when, and what else it could be (clinical-rules F1-F3, F16)."""
