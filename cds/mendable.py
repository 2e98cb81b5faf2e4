"""Errors that whoever runs a command can mend."""


class MendableError(Exception):
    """Its message says what is wrong and what to do; the command line prints it as one line and ends with status 2."""
