"""Run the service with uvicorn: uvloop and httptools, no access log, calls in flight finished before the end."""

from __future__ import annotations

import uvicorn

from cds.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until stopped. Settings reach the worker processes through the environment."""
    uvicorn.run(
        "cds.app:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
