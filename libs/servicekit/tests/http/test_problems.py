"""Everything other than success is a problem document."""

import json
from collections import Counter
from uuid import UUID, uuid4

import httpx2
import pytest

from slotstream_servicekit.http.problems import PROBLEM_CONTENT_TYPE
from slotstream_servicekit.telemetry import REFUSALS, configure_logging


async def test_a_refusal_gives_all_its_reasons(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"/v1/things/{uuid4()}/refuse")
    problem = answer.json()
    assert answer.status_code == 409
    assert problem["code"] == "slot_taken"
    assert problem["type"] == "urn:slotstream:problem:slot_taken"
    assert problem["reasons"] == [
        {"code": "slot_taken", "detail": "The slot is taken", "conflicts_with": ["a", "b"]},
        {"code": "on_time_off", "detail": "Anna is away", "conflicts_with": []},
    ]


async def test_refusals_are_counted_by_their_code(client: httpx2.AsyncClient) -> None:
    def counted() -> Counter[str]:
        """Of all services together: others have been tested in this process."""
        [metric] = REFUSALS.collect()
        totals: Counter[str] = Counter()
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                totals[f"{sample.labels['channel']} {sample.labels['code']}"] += int(sample.value)
        return totals

    before = counted()
    await client.post(f"/v1/things/{uuid4()}/refuse")
    await client.post("/v1/things", content=b"{", headers={"Content-Type": "application/json"})
    await client.get("/v1/nothing-there")
    after = counted()
    new = {code for code, count in after.items() if count > before[code]}
    assert new == {"http slot_taken", "http malformed_json", "http no_such_path"}


async def test_a_version_conflict_tells_the_current_version(client: httpx2.AsyncClient) -> None:
    answer = await client.patch(f"/v1/things/{uuid4()}", headers={"If-Match": '"6"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")
    assert answer.json()["current_version"] == 7


@pytest.mark.parametrize("value", ['"7"', "*", ' "7" '])
async def test_a_matching_version_passes(client: httpx2.AsyncClient, value: str) -> None:
    assert (await client.patch(f"/v1/things/{uuid4()}", headers={"If-Match": value})).status_code == 200


@pytest.mark.parametrize("value", ["7", '"seven"', 'W/"7"', '"7", "8"', '""', '"' + "9" * 40 + '"'])
async def test_a_malformed_version_is_refused(client: httpx2.AsyncClient, value: str) -> None:
    answer = await client.patch(f"/v1/things/{uuid4()}", headers={"If-Match": value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_if_match")


async def test_what_is_not_there_is_a_problem_too(client: httpx2.AsyncClient) -> None:
    for path, code in (("/nope", "no_such_path"), (f"/v1/things/{uuid4()}", "not_found"), ("/v1/things/", "*")):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == PROBLEM_CONTENT_TYPE
        assert code in {"*", answer.json()["code"]}


async def test_an_unknown_method_tells_the_allowed_ones(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/v1/whoami")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


async def test_an_unknown_method_names_the_methods_of_every_route_on_the_path(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.delete("/v1/things")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


async def test_a_defect_shows_a_trace_id_and_nothing_else(
    client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("small")
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await client.get("/v1/boom", headers={"traceparent": traceparent})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM_CONTENT_TYPE
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert "hunter2" not in answer.text
    logged = capsys.readouterr().out
    assert "0af7651916cd43dd8448eb211c80319c" in logged
    assert "anna@example.com" not in logged


async def test_a_stream_passes_untouched(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/stream")).text == "line\nline\nline\n"


async def test_a_created_thing_has_its_etag_and_its_time_in_utc(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/things", json={"name": "Cut", "starts_at": "2026-03-29T09:30:00+02:00"})
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert answer.json()["starts_at"] == "2026-03-29T07:30:00Z"


async def test_the_operators_pages_answer_without_a_token(stranger: httpx2.AsyncClient) -> None:
    assert (await stranger.get("/livez")).status_code == 200
    assert (await stranger.get("/readyz")).json() == {"status": "ready", "checks": {}}
    assert (await stranger.get("/openapi.json")).json()["info"]["title"] == "Small"
    page = await stranger.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "url: 'openapi.json'" in page.text, "relative: a proxy may put a service's name before its paths"
    await stranger.get("/v1/whoami")
    metrics = (await stranger.get("/metrics")).text
    assert 'route="/v1/whoami",service="small",status="401"' in metrics
    assert "anna" not in metrics


async def test_sentences_of_a_refusal_are_not_glued(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"/v1/things/{uuid4()}/refuse")
    assert answer.json()["detail"] == "The slot is taken. Anna is away."


async def test_every_answer_tells_its_place_in_the_trace(
    client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    for asking, path in ((client, "/v1/things"), (client, "/nope"), (stranger, "/v1/whoami"), (client, "/v1/boom")):
        answer = await asking.get(path, headers=sent)
        assert answer.headers["traceparent"].split("-")[1] == trace
    assert (await client.get("/v1/things")).headers["traceparent"] != sent["traceparent"]


@pytest.mark.parametrize("traceparent", ["x" * 100_000, "00-zz", "\xff", "a, b", ""])
async def test_a_hostile_traceparent_begins_another_trace(client: httpx2.AsyncClient, traceparent: str) -> None:
    answer = await client.get("/v1/things", headers={"traceparent": traceparent.encode("latin-1")})
    assert answer.status_code == 200
    assert len(answer.headers["traceparent"]) == 55


async def test_each_request_is_one_line_of_the_log_without_what_the_caller_wrote(
    client: httpx2.AsyncClient, organization_id: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("small")
    answer = await client.get("/v1/things?status=anna@example.com", headers={"traceparent": "nonsense"})
    await client.get("/v1/things/anna@example.com")
    await client.get("/livez")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["event"], line["method"], line["route"], line["status"]) for line in lines] == [
        ("request", "GET", "/v1/things", 200),
        ("request", "GET", "/v1/things/{thing_id}", 422),
    ]
    assert lines[0]["trace_id"] == answer.headers["traceparent"].split("-")[1]
    assert {line["organization"] for line in lines} == {str(organization_id)}
    assert "anna" not in json.dumps(lines)


async def test_the_log_of_a_stranger_names_no_organization(
    client: httpx2.AsyncClient, stranger: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("small")
    await client.get("/v1/whoami")
    await stranger.get("/v1/whoami")
    known, unknown = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert "organization" in known
    assert "organization" not in unknown
