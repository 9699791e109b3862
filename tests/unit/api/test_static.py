"""The console and the widget, as files that were built."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from answerable.api.shield import Shield
from answerable.api.static import read_files, static_routes
from tests.support.service import House, open_house


@pytest.fixture
async def client(tmp_path: Path) -> httpx.AsyncClient:
    built = tmp_path / "built"
    (built / "console" / "assets").mkdir(parents=True)
    (built / "console" / "index.html").write_text("<!doctype html><title>Console</title>")
    (built / "console" / "assets" / "app-1a2b.js").write_text("export {}")
    (built / "widget").mkdir()
    (built / "widget" / "answerable.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    app = FastAPI(openapi_url=None)
    app.router.routes.extend(
        static_routes(read_files(built / "console"), read_files(built / "widget")).routes
    )
    app.add_middleware(Shield, embedding_origin=lambda origin: False)
    house: House = await open_house(tmp_path / "house.db")
    app.state.api = house.api
    await house.close()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize("path", ["/console/", "/console/conversations/cnv_1", "/console/x"])
async def test_the_consoles_own_addresses_lead_to_its_page(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    assert "Console" in response.text
    policy = response.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["cache-control"] == "no-cache"


async def test_files_keep_until_they_change(client: httpx.AsyncClient) -> None:
    asset = await client.get("/console/assets/app-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["x-content-type-options"] == "nosniff"
    page = await client.get("/console/")
    again = await client.get("/console/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_widget_may_be_loaded_from_anywhere(client: httpx.AsyncClient) -> None:
    response = await client.get("/widget/answerable.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/../../secret.txt", "/console/assets/%2e%2e/%2e%2e/secret.txt",
        "/widget/../secret.txt", "/widget/%2e%2e%2fsecret.txt", "/console/assets/nothing.js",
        "/widget//etc/passwd", "/widget/answerable.js%00", "/widget/",
    ],
)  # fmt: skip
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert "secret" not in response.text.replace("secret.txt", "")
    assert "root:" not in response.text
    assert response.status_code in (404, 500)


async def test_the_start_leads_to_the_console(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/console/")
