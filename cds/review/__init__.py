"""The reviewer's workbench: every card read, questioned and signed off in a browser (docs/review.md)."""
