"""Chart → PatientContext: the readers in their order, each building on the one before (clinical-rules section 1)."""
