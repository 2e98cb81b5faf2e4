"""The command line `ranvier`. Errors that a user can mend are one line, without a traceback.

Commands import what they work with when they run, so that none waits for what another one needs.
"""

from __future__ import annotations

import typer
from pydantic import ValidationError

from cds.cli import content, feedback, patients
from cds.cli.chart import explain, population
from cds.cli.common import err
from cds.cli.service import call, demo, probe, sandbox, serve
from cds.mendable import MendableError
from cds.settings import Settings

app = typer.Typer(name="ranvier", no_args_is_help=True, add_completion=False, help="The CDS Hooks service for multiple sclerosis.")
for command in (serve, demo, explain, population, probe, call, sandbox):
    app.command()(command)
app.add_typer(patients.app, name="patients")
app.add_typer(content.app, name="content")
app.add_typer(feedback.app, name="feedback")


def main() -> None:
    """Run the command; an error the user can mend ends with status 2 and one line."""
    try:
        app()
    except MendableError as error:
        err.print(f"ranvier: {error}", markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            err.print(f"ranvier: RANVIER_{name}: {problem['msg']}", markup=False, soft_wrap=True)
        raise SystemExit(2) from None
