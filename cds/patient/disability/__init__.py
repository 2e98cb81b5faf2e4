"""The EDSS, its confirmed worsening, and how it came about (clinical-rules F8-F10)."""
