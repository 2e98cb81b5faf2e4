"""The specification in tables: patients in a few lines, and what is read from them or said about them."""
