"""What several commands need: where they print, the content of the settings, days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from cds.settings import Settings

if TYPE_CHECKING:
    from cds.content import Content

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def content_of(settings: Settings) -> Content:
    """The content that the settings name."""
    from cds.content import load_content

    return load_content(settings.content, settings.local_codes, settings.efficacy_list)


def content_root(settings: Settings) -> Path:
    """The folder with `seeds/` and `cards/` that the settings name."""
    from cds.content import default_root

    return settings.content or default_root()


def today(settings: Settings) -> date:
    """The day of the advice, unless a command is told another one."""
    return settings.as_of or datetime.now(UTC).date()


def day(text: str) -> date:
    """A day as it is written on the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a date is written YYYY-MM-DD") from None
