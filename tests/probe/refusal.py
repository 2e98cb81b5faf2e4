"""How the service with planted faults refuses a call."""

from __future__ import annotations

from collections.abc import Iterable


class Refusal(Exception):  # noqa: N818 reads as what it is where it is raised
    """The call is refused with this status."""

    def __init__(self, status: int, diagnostics: str = "", headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(status)
        self.status, self.diagnostics, self.headers = status, diagnostics, list(headers)
