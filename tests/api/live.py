"""The service with the stand-in core as a process of its own, configured by its environment: `python -m tests.api.live`."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp

from cds.api import log
from cds.api.runtime import start
from cds.api.web import assemble
from cds.settings import Settings
from tests.api import fake


def make() -> ASGIApp:
    """The app of one worker process."""
    settings = Settings()
    log.configure(settings.log_level)
    return assemble(start(settings, fake.core()))


if __name__ == "__main__":
    settings = Settings()
    uvicorn.run("tests.api.live:make", factory=True, port=settings.port, workers=settings.workers, log_config=None, access_log=False)
