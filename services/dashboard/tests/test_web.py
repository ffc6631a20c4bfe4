"""The web application's files and page."""

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard.adapters.web import read_web_application
from dashboard.api.web import Web

PAGE = "<!doctype html><html><head><title>Slotstream</title></head><body><div id=root></div></body></html>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    script = tmp_path / "assets" / "index-1a2b.js"
    script.write_text("console.log(1);")
    (tmp_path / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(script.read_bytes()))
    (tmp_path / ".vite").mkdir()
    (tmp_path / ".vite" / "manifest.json").write_text("{}")
    (tmp_path / ".stamp").write_text("x")
    return tmp_path


@pytest.fixture
def client(folder: Path) -> TestClient:
    application = read_web_application(folder)
    assert application is not None
    return TestClient(Starlette(routes=Web(application).routes()))


def test_a_checkout_that_was_never_built_has_no_application(tmp_path: Path) -> None:
    assert read_web_application(tmp_path) is None


def test_a_file_is_kept_for_a_year_and_sent_compressed_to_whom_takes_that(client: TestClient) -> None:
    plain = client.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "identity"})
    packed = client.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip, br;q=0"})
    assert plain.text == packed.text == "console.log(1);"
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    ["/assets/gone-9f.js", "/api/nothing", "/v1/nothing", "/p/x/y", "/assets", "/.stamp", "/.vite/manifest.json"],
)
def test_what_is_missing_is_missing_and_never_the_page(client: TestClient, path: str) -> None:
    headers = {"Accept": "application/json"} if path.startswith("/.") else {"Accept": "text/html"}
    assert client.get(path, headers=headers).status_code == 404


def test_the_build_machinery_s_own_files_are_not_served(folder: Path) -> None:
    application = read_web_application(folder)
    assert application is not None
    assert set(application.files) == {"/assets/index-1a2b.js"}


def test_the_page_carries_the_nonce_of_its_policy(folder: Path) -> None:
    application = read_web_application(folder)
    assert application is not None
    assert '<head><meta property="csp-nonce" nonce="abc" content="abc"><title>' in application.page_with("abc")
