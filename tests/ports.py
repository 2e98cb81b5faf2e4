"""Ports for the servers that tests start. They lie below those that the system gives to outgoing connections, and each test process has
its own, so nobody takes one before the server has started."""

from __future__ import annotations

import os
import socket
from itertools import cycle

FIRST, EACH, PROCESSES = 20_000, 1_000, 12
"""Linux gives 32768 and more by itself, other systems 49152 and more."""


def _own() -> cycle[int]:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
    first, start = FIRST + number * EACH, os.getpid() % EACH
    return cycle(first + (start + step) % EACH for step in range(EACH))


_PORTS = _own()


def free_port() -> int:
    """A port nobody listens on; each call gives another."""
    return next(port for port in _PORTS if _is_free(port))


def two_free_ports() -> int:
    """The first of two ports in a row on which nobody listens."""
    before = free_port()
    while (port := free_port()) != before + 1:
        before = port
    return before


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
