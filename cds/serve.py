"""Run the service with uvicorn: uvloop and httptools, no access log, calls in flight finished before the end."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack

import uvicorn
from uvicorn.importer import import_from_string

from cds.api.connection import Connection
from cds.api.garbage import collect_seldom
from cds.settings import Settings

COUNTERS = "PROMETHEUS_MULTIPROC_DIR"
"""The folder in which the worker processes of one service count together (`cds.api.metrics`)."""


WORKER_SECONDS = 60
"""A worker that gives no sign of life for so long is replaced. It gives none while it starts, which takes long on a busy machine: with the
five seconds of uvicorn it would be killed and started again for ever."""
APP = "cds.app:from_environment"


def serve(settings: Settings, app: str = APP) -> None:
    """Serve until stopped; `app` is where to import the function that makes the app, from the environment, in each worker process.

    Raises `ConfigurationError` or `ContentError` if it cannot start.
    """
    collect_seldom()
    with ExitStack() as folders:
        if settings.workers > 1:
            if COUNTERS not in os.environ:
                os.environ[COUNTERS] = folders.enter_context(tempfile.TemporaryDirectory(prefix="ranvier-metrics-"))
            import_from_string(app)()  # a fault is met here: workers that cannot start would be started again for ever
        uvicorn.run(
            app,
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            http=Connection,
            ws="none",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=settings.shutdown_seconds,
            timeout_worker_healthcheck=WORKER_SECONDS,
        )
