"""An OAuth issuer on this machine that knows one client and gives it tokens by the client-credentials grant."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote

CLIENT_SECRET = "a client's secret: ü &"  # noqa: S105 - of an issuer that lives for one test


@dataclass(slots=True)
class TokenIssuer:
    """`token_of` makes the token of a client id. Its answers can be replaced in the middle of a test."""

    token_of: Callable[[str], str]
    url: str = ""
    lifetime: object = 3600
    secret: str = CLIENT_SECRET
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, object]]:
        self.asked.append(form)
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if unquote(secret) != self.secret:
            return 401, {"error": "invalid_client", "error_description": f"{secret} is wrong"}
        return 200, {
            "access_token": self.token_of(unquote(client)),
            "token_type": "Bearer",
            "expires_in": self.lifetime,
        }


@contextmanager
def a_token_issuer(token_of: Callable[[str], str]) -> Iterator[TokenIssuer]:
    issuer = TokenIssuer(token_of)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, document = issuer.answer(self.headers["Authorization"], form)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
