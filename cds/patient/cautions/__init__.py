"""What bears on safety, each finding with value, date and source (clinical-rules F19, section 4)."""
