"""A member of staff's private calendar, served from this machine as an ICS file."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def private_calendar(*, zone: str, dentist_at: datetime, yoga_at: datetime) -> bytes:
    """A dentist's appointment, and yoga every week; wall-clock times of `zone`."""

    def event(uid: str, title: str, starts_at: datetime, hours: int, *more: str) -> list[str]:
        return [
            "BEGIN:VEVENT",
            f"UID:{uid}@calendar.example",
            "DTSTAMP:20260101T000000Z",
            f"DTSTART;TZID={zone}:{starts_at:%Y%m%dT%H%M%S}",
            f"DURATION:PT{hours}H",
            f"SUMMARY:{title}",
            *more,
            "END:VEVENT",
        ]

    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Slotstream//demo//EN",
        *event("dentist", "Dentist", dentist_at, 2),
        *event("yoga", "Yoga", yoga_at, 1, "RRULE:FREQ=WEEKLY;COUNT=8"),
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """The address of `content`, for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/calendar; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """The demo tells its own story."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/anna.ics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
