"""Commands that run the service or call one: `serve`, `demo`, `sandbox`, `probe`, `call`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cds.cli.common import out
from cds.cli.patients import patient_of
from cds.settings import Settings


def serve() -> None:
    """Serve the CDS Hooks; every setting is an environment variable (docs/settings.md)."""
    from cds.serve import serve as serve_forever

    serve_forever(Settings())


def demo(
    patient: Annotated[str, typer.Argument(help="Id of a synthetic patient in seeds/patients.")] = "ocrelizumab-failure",
    hook: Annotated[str, typer.Option(help="The hook to call.")] = "patient-view",
    keep_serving: Annotated[bool, typer.Option("--keep-serving", help="Go on serving and print the addresses to try.")] = False,
) -> None:
    """Start the service, call it over HTTP for a synthetic patient, and print the cards."""
    from cds.demo import run_demo

    run_demo(Settings(), patient, hook, keep_serving, out)


def sandbox(
    port: Annotated[int, typer.Option(help="Port of the page and the FHIR server; Ranvier takes the next.", min=1, max=65534)] = 8800,
    secured: Annotated[bool, typer.Option("--secured", help="Signed calls, and a FHIR server that needs a bearer token.")] = False,
) -> None:
    """Run Ranvier, a FHIR server with the synthetic patients, and a page that plays the EHR, on this machine only."""
    from cds.sandbox.run import run_sandbox

    run_sandbox(Settings(), port, secured, out)


def probe(
    url: Annotated[str, typer.Argument(help="Address below which the service has /cds-services. No other host is called.")],
    profile: Annotated[Literal["strict", "2.0", "1.0", "epic"], typer.Option(help="What is demanded, see docs/probe.md.")] = "2.0",
    request: Annotated[list[Path] | None, typer.Option(help="A request of synthetic data that leads to cards; may be repeated.")] = None,
    jwt_key: Annotated[Path | None, typer.Option("--jwt-key", help="Private key of a client that the service knows: JWK or PEM.")] = None,
    jwt_issuer: Annotated[str, typer.Option("--jwt-issuer", help="`iss` of the tokens.")] = "https://probe.example",
    jwt_jku: Annotated[str | None, typer.Option("--jwt-jku", help="`jku` of the tokens.")] = None,
    format: Annotated[Literal["terminal", "json", "junit", "html"], typer.Option(help="Form of the report.")] = "terminal",
    report_file: Annotated[Path | None, typer.Option("--out", help="Write the report to this file.")] = None,
    feedback: Annotated[bool, typer.Option(help="Whether feedback about cards that do not exist is sent.")] = True,
    max_requests: Annotated[int, typer.Option(help="Most requests that are sent.", min=1)] = 400,
    pause: Annotated[int, typer.Option(help="Milliseconds between two requests.", min=0)] = 10,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.1)] = 10.0,
    body_limit: Annotated[
        int | None,
        typer.Option("--body-limit", help="Largest body in MiB that the service reads; a larger one is sent once.", min=1, max=64),
    ] = None,
    fhir_server: Annotated[
        str | None, typer.Option("--fhir-server", help="Listen here as a FHIR server that the service may ask: http://127.0.0.1:9090.")
    ] = None,
) -> None:
    """Check any CDS Hooks service from outside; status 1 if it fails. Requests are sent one by one."""
    from cds.probe.command import Manners, read_requests, write
    from cds.probe.command import probe as run_probe
    from cds.probe.token import read_signer

    signer = read_signer(jwt_key, jwt_issuer, jwt_jku) if jwt_key else None
    manners = Manners(feedback, max_requests, pause, timeout)
    report = run_probe(url, profile, signer, read_requests(request or []), manners, body_limit, fhir_server)
    write(report, format, report_file, out)
    raise typer.Exit(1 if report.count("fail") else 0)


def call(
    service: Annotated[str, typer.Argument(help="Id of the service, such as ms-patient-view.")],
    patient: Annotated[str | None, typer.Option(help="Id of a synthetic patient.")] = None,
    file: Annotated[Path | None, typer.Option(help="A CDS Hooks request in a file.")] = None,
    url: Annotated[str, typer.Option(help="Address below which the service has /cds-services.")] = "http://127.0.0.1:8000",
    fhir_server: Annotated[str | None, typer.Option("--fhir-server", help="Send no prefetch, but this FHIR server to read from.")] = None,
    fhir_token: Annotated[str | None, typer.Option("--fhir-token", help="Access token for the FHIR server.")] = None,
    jwt_key: Annotated[Path | None, typer.Option("--jwt-key", help="Private key of the client: JWK or PEM.")] = None,
    jwt_issuer: Annotated[str, typer.Option("--jwt-issuer", help="`iss` of the token.")] = "https://probe.example",
    jwt_jku: Annotated[str | None, typer.Option("--jwt-jku", help="`jku` of the token.")] = None,
    feedback: Annotated[Literal["accepted", "overridden"] | None, typer.Option(help="Report this outcome for every card.")] = None,
    as_curl: Annotated[bool, typer.Option("--curl", help="Print the call for curl instead of sending it.")] = False,
    save: Annotated[Path | None, typer.Option(help="Write request.json and response.json to this folder.")] = None,
) -> None:
    """Call one service as an EHR would, and show the answer; status 1 if it is refused."""
    from cds import call as calling
    from cds.probe.token import read_signer

    target = calling.endpoint(url, service, read_signer(jwt_key, jwt_issuer, jwt_jku) if jwt_key else None)
    if (patient is None) == (file is None):
        raise typer.BadParameter("one of --patient and --file is needed")
    body = calling.request_of_file(file) if file else calling.request_of_patient(patient_of(patient or ""), calling.hook_of(target))
    if fhir_server:
        body = calling.with_server(body, fhir_server, fhir_token)
    if as_curl:
        print(calling.curl(target, body))
        return
    answer = calling.call(target, body)
    calling.show(out, target, answer)
    if save:
        calling.save(save, body, answer)
    if answer.status != 200:
        raise typer.Exit(1)
    if feedback:
        reported = calling.send_feedback(target, answer.cards, feedback)
        out.print(f"feedback {feedback}: status {reported.status}")
        raise typer.Exit(0 if reported.status == 200 else 1)
