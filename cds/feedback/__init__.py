"""What became of the cards: what was shown, what users did with it, and one audit event per call. No patient data (docs/feedback.md)."""
