"""Ranvier: a CDS Hooks service for multiple sclerosis."""
