"""Relapses, MRI and steroid courses, and whether the disease is active (clinical-rules F4-F7)."""
