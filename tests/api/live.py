"""The service with the stand-in core as a process of its own, configured by its environment: `python -m tests.api.live`."""

from __future__ import annotations

from starlette.types import ASGIApp

from cds import log
from cds.api.runtime import start
from cds.api.web import assemble
from cds.serve import serve
from cds.settings import Settings
from tests.api import fake


def make() -> ASGIApp:
    """The app of one worker process."""
    settings = Settings()
    log.configure(settings.log_level)
    return assemble(start(settings, fake.core()))


if __name__ == "__main__":
    serve(Settings(), "tests.api.live:make")
