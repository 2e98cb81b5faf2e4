"""A PostgreSQL server of its own for the tests: in a folder under /tmp, on a socket only, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

MISSING = (
    "PostgreSQL's initdb and postgres were not found on PATH or in /usr/lib/postgresql. "
    "Install the server (Debian: apt-get install postgresql); the tests start one of their own."
)


def _program(name: str) -> str:
    """Path of a program of the newest PostgreSQL there is."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = str(installed[-1]) if installed else shutil.which(name)
    assert found, MISSING
    return found


class Postgres:
    """A running server. It may be stopped and started again."""

    def __init__(self) -> None:
        initdb, self._postgres = _program("initdb"), _program("postgres")
        self._folder = Path(tempfile.mkdtemp(prefix="rv-pg-"))
        # PostgreSQL refuses to run as root
        self._user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        if self._user:
            shutil.chown(self._folder, "postgres", "postgres")
        made = self._run([initdb, "--auth=trust", "--username=ranvier", "--encoding=UTF8", "--no-sync", "-D", str(self._folder / "data")])
        output, _ = made.communicate()
        assert made.returncode == 0, output.decode()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"LC_ALL": "C"}, **self._user
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [self._postgres, "-D", str(self._folder / "data"), "-k", str(self._folder), "-c", "listen_addresses="],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab"),
            env={"LC_ALL": "C"},
            **self._user,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                self._connect("postgres").close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.05)

    @property
    def runs(self) -> bool:
        """Whether it was started."""
        return self._process is not None

    def stop(self) -> None:
        """Stop it; connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stop it and delete its files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._folder)

    def database(self) -> str:
        """The address of a new, empty database, as a setting."""
        name = f"t{uuid.uuid4().hex}"
        with self._connect("postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://ranvier@/{name}?host={self._folder}"

    def _connect(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(dbname=name, host=str(self._folder), user="ranvier", autocommit=True)
