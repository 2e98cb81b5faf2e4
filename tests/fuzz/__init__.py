"""Fuzzing of the whole way, from the bytes of a call to its cards: `make fuzz`, and a short run among the tests."""
