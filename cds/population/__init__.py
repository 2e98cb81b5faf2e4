"""The same advice for everybody in a FHIR Bulk Data export: NDJSON in, one row for each patient out."""
