"""`slotstream acls apply`."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from slotstream_cli.acl_manifest import Manifest, read_manifest
from slotstream_cli.failures import kafka_at, retried_while_unreachable, told_plainly
from slotstream_cli.options import BootstrapServers, Wait, kafka_as_operator
from slotstream_servicekit.acls import AppliedRights, apply_rights

MANIFEST: Final = Path("deploy/kafka/acls.toml")

app = typer.Typer(no_args_is_help=True, help="Who may do what on Kafka, as a manifest declares it.")


@app.callback()
def acls() -> None:
    """Who may do what on Kafka, as a manifest declares it."""


@app.command("apply")
def apply(
    manifest: Annotated[Path, typer.Option(help="The file that says who may do what.")] = Path(
        "deploy/kafka/acls.toml"
    ),
    prune: Annotated[
        bool, typer.Option("--prune", help="Also take away what the named principals have beyond the manifest.")
    ] = False,
    bootstrap_servers: BootstrapServers = "localhost:9092",
    wait: Wait = 0,
) -> None:
    """Grant what is missing; safe to repeat. Other principals' rights are left alone."""
    with told_plainly():
        wanted = read_manifest(manifest)
        kafka = kafka_as_operator(bootstrap_servers)

        def work() -> AppliedRights:
            with kafka_at(kafka):
                return asyncio.run(
                    apply_rights(kafka, wanted.rights(), principals=wanted.principals(), take_surplus=prune)
                )

        _tell(wanted, retried_while_unreachable(work, seconds=wait, what="Kafka"))


def _tell(wanted: Manifest, applied: AppliedRights) -> None:
    for right in applied.granted:
        typer.echo(f"granted: {right}")
    for right in applied.surplus:
        typer.echo(f"taken away: {right}" if applied.taken else f"not in the manifest: {right}")
    counts = f"{len(applied.granted)} granted, {len(applied.unchanged)} as they were"
    typer.echo(f"{len(wanted.principals())} principals: {counts}, {len(applied.surplus)} beyond the manifest")
