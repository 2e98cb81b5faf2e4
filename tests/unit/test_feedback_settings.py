"""Where feedback is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from cds.settings import Settings


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u:p@db.example/ranvier", "postgresql+psycopg://u:p@db.example/ranvier"),
        ("postgres://db/ranvier", "postgresql+psycopg://db/ranvier"),
        ("postgresql+psycopg:///ranvier?host=/run/pg", "postgresql+psycopg:///ranvier?host=/run/pg"),
        ("sqlite:////var/lib/f.sqlite3", "sqlite+aiosqlite:////var/lib/f.sqlite3"),
    ],
)
def test_an_address_is_used_with_its_driver(given, used):
    assert Settings(database_url=given).database == used


@pytest.mark.parametrize("given", ["mysql://db/ranvier", "/var/lib/f.sqlite3", "sqlite://", "sqlite:///", "postgresql://db:port/x", "x"])
def test_an_address_that_cannot_be_used_stops_the_start(given):
    with pytest.raises(ValidationError, match="database_url"):
        Settings(database_url=given)


def test_a_password_is_not_shown_when_settings_are_printed():
    assert "secret" not in repr(Settings(database_url="postgresql://u:secret@db/x"))


def test_without_an_address_it_is_a_file(monkeypatch, tmp_path):
    assert Settings(state=tmp_path).database == f"sqlite+aiosqlite:///{tmp_path}/ranvier.sqlite3"
    assert Settings(state="here").database == f"sqlite+aiosqlite:///{Path.cwd()}/here/ranvier.sqlite3"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Settings(database_url="").database == f"sqlite+aiosqlite:///{tmp_path}/ranvier/ranvier.sqlite3"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert Settings().database == f"sqlite+aiosqlite:///{Path.home()}/.local/state/ranvier/ranvier.sqlite3"
