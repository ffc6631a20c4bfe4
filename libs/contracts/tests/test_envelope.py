import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest

from slotstream_contracts import Envelope, MalformedEventError, UnknownTypeError, parse, wrap
from slotstream_contracts.base import Actor
from slotstream_contracts.imports import ImportUploaded

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
ORGANIZATION = UUID("0190a000-0000-7000-8000-00000000000f")


def an_envelope(**overrides: Any) -> Envelope[ImportUploaded]:
    data = ImportUploaded(
        import_id=uuid4(),
        organization_id=ORGANIZATION,
        business_id=uuid4(),
        rows=3,
        actor=Actor(type="user", id="anna"),
        occurred_at=NOON,
    )
    attributes: dict[str, Any] = {
        "organization": ORGANIZATION,
        "subject": str(data.import_id),
        "sequence": 1,
        "time": NOON,
        "source": "/slotstream/imports",
        "correlation_id": "request-1",
    }
    return wrap(data, **{**attributes, **overrides})


def in_binary_mode(envelope: Envelope[Any]) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    document = json.loads(envelope.to_json())
    headers: list[tuple[str, bytes | None]] = [
        (f"ce_{name}", str(value).encode())
        for name, value in document.items()
        if name not in {"data", "datacontenttype"}
    ]
    return json.dumps(document["data"]).encode(), [*headers, ("content-type", b"application/json")]


def code_of(value: bytes | None, headers: list[tuple[str, bytes | None]] | None = None) -> str:
    with pytest.raises(MalformedEventError) as caught:
        parse(value, headers or [])
    return caught.value.code


def changed(**members: object) -> bytes:
    return json.dumps({**json.loads(an_envelope().to_json()), **members}).encode()


def test_a_message_comes_out_as_it_went_in() -> None:
    envelope = an_envelope(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert parse(envelope.to_json()) == envelope


def test_binary_mode_reads_like_structured_mode() -> None:
    envelope = an_envelope(causation_id="command-7")
    assert parse(*in_binary_mode(envelope)) == envelope


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_content_types_are_compared_as_media_types(content_type: str) -> None:
    envelope = an_envelope()
    value, headers = in_binary_mode(envelope)
    told = [(name, raw) for name, raw in headers if name != "content-type"]
    assert parse(value, [*told, ("content-type", content_type.encode())]) == envelope
    assert parse(changed(id=str(envelope.id), datacontenttype=content_type)).datacontenttype == "application/json"


@pytest.mark.parametrize(
    "content_type", [b"application/cloudevents+json", b"Application/CloudEvents+JSON;charset=utf-8"]
)
def test_a_structured_record_may_repeat_all_its_attributes_as_headers(content_type: bytes) -> None:
    envelope = an_envelope()
    assert parse(envelope.to_json(), [("content-type", content_type), ("ce_specversion", b"1.0")]) == envelope


def test_the_type_is_found_wherever_it_stands() -> None:
    envelope = an_envelope()
    backwards = dict(reversed(json.loads(envelope.to_json()).items()))
    assert parse(json.dumps(backwards).encode()) == envelope


def test_a_type_inside_the_data_does_not_mislead() -> None:
    document = json.loads(an_envelope().to_json())
    misleading = {"data": {"type": "slotstream.import.undone", **document.pop("data")}, **document}
    assert parse(json.dumps(misleading).encode()).type == "slotstream.import.uploaded"


def test_the_key_defaults_to_the_subject() -> None:
    assert an_envelope(subject="one").partitionkey == "one"
    assert an_envelope(subject="one", key="service:one").partitionkey == "service:one"


def test_instants_become_utc() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert parse(changed(time=local.isoformat())).time.isoformat() == NOON.isoformat()


def test_headers_repeat_what_filters_and_tracers_need() -> None:
    envelope = an_envelope()
    assert envelope.headers() == {
        "content-type": "application/cloudevents+json; charset=UTF-8",
        "ce_id": str(envelope.id),
        "ce_type": "slotstream.import.uploaded",
        "ce_organization": str(ORGANIZATION),
        "ce_sequence": str(envelope.sequence),
    }
    assert an_envelope(traceparent="00-a-b-01").headers()["traceparent"] == "00-a-b-01"
    assert envelope.topic == "slotstream.imports.v1"


def test_headers_that_are_not_utf8_are_passed_over() -> None:
    envelope = an_envelope()
    assert parse(envelope.to_json(), [("ce_type", b"\xff\xfe"), ("x", None)]) == envelope
    value, headers = in_binary_mode(envelope)
    assert parse(value, [*headers, ("x-note", b"\xff")]) == envelope


def test_binary_mode_without_a_readable_type_is_malformed() -> None:
    value, headers = in_binary_mode(an_envelope())
    unreadable = [(name, b"\xff" if name == "ce_type" else raw) for name, raw in headers]
    assert code_of(value, unreadable) == "bad_envelope"


def test_members_from_the_future_are_ignored() -> None:
    document = json.loads(an_envelope().to_json())
    document["data"]["invented_later"] = {"deep": [1]}
    assert parse(json.dumps({**document, "newattribute": "x"}).encode()).data.rows == 3


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null_value"),
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"\xff\xfe\x00", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b"null", "bad_envelope"),
        (b"[]", "bad_envelope"),
        (b'{"type": 7}', "bad_envelope"),
        (b'{"data": {}}', "bad_envelope"),
        (changed(organization="nobody"), "bad_envelope"),
        (changed(time="2026-03-29T12:00:00"), "bad_envelope"),
        (changed(sequence=-1), "bad_envelope"),
        (changed(specversion="0.3"), "bad_envelope"),
        (changed(data={}), "wrong_schema"),
        (changed(data=None), "wrong_schema"),
        (changed(data="text"), "wrong_schema"),
        (changed(type="slotstream.import.forgotten"), "unknown_type"),
        (changed(type="com.example.other"), "unknown_type"),
    ],
)
def test_what_cannot_be_read_gets_a_stable_code(value: bytes | None, code: str) -> None:
    assert code_of(value) == code


def test_an_unknown_type_can_be_told_from_a_malformed_record() -> None:
    with pytest.raises(UnknownTypeError) as caught:
        parse(changed(type="slotstream.import.forgotten"))
    assert caught.value.type_name == "slotstream.import.forgotten"


def test_an_error_quotes_nothing_of_the_message() -> None:
    document = json.loads(an_envelope().to_json())
    document["data"]["rows"] = "Anna Berg +4930901820"
    with pytest.raises(MalformedEventError) as caught:
        parse(json.dumps(document).encode())
    assert "Anna" not in str(caught.value)
    assert "data.rows" in caught.value.detail
