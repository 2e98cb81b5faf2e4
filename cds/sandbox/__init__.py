"""A sandbox on this machine: Ranvier, a small read-only FHIR server over the synthetic patients, and a page that plays the EHR."""
