"""Settings and their page."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from cds.content import load_content
from cds.settings import PREFIX, Settings, table


def test_the_page_lists_every_variable_as_it_is():
    assert Path("docs/settings.md").read_text(encoding="utf-8") == table(), "run: python -m cds.settings > docs/settings.md"


def test_every_variable_is_described():
    assert all(field.description for field in Settings.model_fields.values())


def test_every_efficacy_list_is_named():
    lists = load_content().rules.treatment.tiers.lists
    assert [id for id in lists if f"`{id}`" not in Settings.model_fields["efficacy_list"].description] == []


def test_values_come_from_the_environment(monkeypatch):
    for name, value in {
        "AS_OF": "2026-11-20",
        "SERVICES": "a, b  c",
        "CONTENT": "",
        "CLIENTS": "",
        "PUBLIC_URL": "https://cds.example/ms/",
    }.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings = Settings()
    assert (settings.as_of.isoformat(), settings.services) == ("2026-11-20", ("a", "b", "c"))
    assert (settings.content, settings.clients, settings.public_url) == (None, None, "https://cds.example/ms")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODE", "prod"),
        ("PORT", "0"),
        ("PUBLIC_URL", "cds.example"),
        ("ROOT_PATH", "x"),
        ("ROOT_PATH", "/x/"),
        ("MAX_BODY_BYTES", "1"),
        ("AS_OF", "soon"),
        ("COMMENT_KEY", "c2hvcnQ="),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_web_origins_by_mode():
    assert Settings(mode="development").origins == ("*",)
    assert Settings(mode="production").origins == ()
    assert Settings(mode="production", cors_origins="https://a.example").origins == ("https://a.example",)
    assert Settings(cors_origins="").origins == ()
