"""The local mail catcher: a real SMTP server that writes each mail to a file, and delivers nothing."""

import argparse
import signal
import threading
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from slotstream_local.signals import set_on_signals


class MailFolder:
    """aiosmtpd's handler: `<time>-<recipient>.eml` for each mail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        del server, session
        content = cast("bytes", envelope.content)
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        recipient = "".join(c if c.isalnum() or c in "@.-_" else "_" for c in envelope.rcpt_tos[0])[:80]
        path = self._folder / f"{moment}-{recipient}.eml"
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(content)
        unfinished.rename(path)
        return "250 OK"


def mails(folder: Path) -> list[tuple[Path, str, str]]:
    """(file, to, subject) of each caught mail, oldest first."""
    caught = []
    for path in sorted(folder.glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        caught.append((path, str(mail["To"]), str(mail["Subject"])))
    return caught


def main() -> None:
    parser = argparse.ArgumentParser(prog="slotstream-smtp")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    stop = threading.Event()
    set_on_signals(stop, signal.SIGTERM, signal.SIGINT)
    controller = Controller(MailFolder(arguments.folder), hostname=arguments.host, port=arguments.port)
    controller.start()
    stop.wait()
    controller.stop()


if __name__ == "__main__":
    main()
