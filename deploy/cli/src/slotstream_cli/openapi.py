"""`slotstream openapi`: the services' OpenAPI documents as files."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from slotstream_cli.failures import Failure, told_plainly
from slotstream_cli.services import chosen, settings_of
from slotstream_servicekit.runtime import Service

# The document does not depend on them, and nothing is dialled; but an app cannot be built without.
_PLACEHOLDERS = {
    "database_url": "postgresql+asyncpg://openapi@localhost/openapi",
    "http_port": 0,
    "public_url": "http://localhost",
    "issuers": (),
}


def openapi(
    services: Annotated[list[str] | None, typer.Argument(help="Which services; all, if none is named.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the documents go.")] = Path("docs/openapi"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where a document is not up to date.")
    ] = False,
) -> None:
    """Write each service's OpenAPI document to <folder>/<service>.json."""
    with told_plainly():
        outdated = []
        for service in chosen(services):
            path = folder / f"{service.name.replace('_', '-')}.json"
            text = document_of(service)
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            outdated.append(path.name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                typer.echo(f"written: {path}")
        if check and outdated:
            raise Failure(f"Not up to date: {', '.join(outdated)}. Run `slotstream openapi`.")


def document_of(service: Service[Any]) -> str:
    app = service.create_api(settings_of(service, _PLACEHOLDERS))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
