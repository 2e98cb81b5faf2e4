"""A probe for any CDS Hooks service: checks it from outside, over HTTP only, against the table in `table.py`. Knows no medicine."""
