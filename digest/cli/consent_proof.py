"""`digest consent prove`: the proof for one person."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from digest.cli.opening import json_option, print_json, runtime
from digest.cli.writing import write_whole
from digest.readers.consent.proof_page import write_proof
from digest.readers.consent.proving import prove as prove_consent


@click.command()
@click.argument("address")
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A page to look at, to print or to make a PDF of, readable by you alone.",
)
@json_option
def prove(address: str, file: Path | None, as_json: bool) -> None:
    """Print what whoever has ADDRESS agreed to, when, where and in which words.

    It holds every event with its evidence, the terms in full, and how anybody can check it. Exits
    1 where something does not fit, or where nothing can be found by that address.
    """
    if file is not None and as_json:
        raise click.UsageError("Choose one: --html or --json.")
    with runtime() as opened, opened.database.reading() as session:
        proof = prove_consent(
            session, address, now=opened.clock.now(), suppression=opened.suppression
        )
    if file is not None:
        write_whole(file, iter([write_proof(proof, "html")]))
        click.echo(f"Wrote {file}", err=True)
    elif as_json:
        print_json(asdict(proof) | {"fits": proof.fits})
    else:
        click.echo(write_proof(proof, "txt"), nl=False)
    if not proof.fits:
        click.echo("digest: not everything fits what was sealed.", err=True)
        sys.exit(1)
