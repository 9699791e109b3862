"""The reference says what the application does."""

import re
from pathlib import Path

from answerable.api.asyncapi import asyncapi_document
from answerable.api.documents import openapi_document, operations, operations_page
from answerable.channels.chat.protocol import CloseCode
from tests.support.needs import REPOSITORY
from tests.support.service import open_house

REFERENCE = REPOSITORY / "docs" / "reference"


async def test_every_operation_stands_in_the_reference(tmp_path: Path) -> None:
    house = await open_house(tmp_path / "house.db")
    page = (REFERENCE / "http-api.md").read_text()
    rows = [
        f"| {method} | `{path}` | {summary} | {statuses} |"
        for method, path, summary, statuses in operations(openapi_document(house.app))
    ]
    await house.close()
    assert [row for row in rows if row not in page] == []
    assert len(re.findall(r"^\| (GET|POST|PUT|PATCH|DELETE) \|", page, re.MULTILINE)) == len(rows)


def test_every_frame_and_field_stands_in_the_reference() -> None:
    page = (REFERENCE / "chat-protocol.md").read_text()
    schemas = asyncapi_document("1")["components"]["schemas"]
    frames = {name: schema for name, schema in schemas.items() if "type" in schema["properties"]}
    assert len(frames) > 15
    for name, schema in frames.items():
        if name.endswith("Shape"):
            continue
        for field, described in schema["properties"].items():
            named = described["const"] if field == "type" and "const" in described else field
            assert f"`{named}`" in page, (name, field)


def test_every_close_code_stands_in_the_reference() -> None:
    page = (REFERENCE / "chat-protocol.md").read_text()
    assert [code for code in CloseCode if str(int(code)) not in page] == []


def test_the_asyncapi_document_refers_to_what_it_holds() -> None:
    document = asyncapi_document("1")
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            name = message["$ref"].rpartition("/")[2]
            assert name in document["components"]["messages"]
    for reference in re.findall(r"'#/components/schemas/(\w+)'", str(document)):
        assert reference in document["components"]["schemas"]
    assert {o["action"] for o in document["operations"].values()} == {"send", "receive"}


async def test_the_page_of_operations_needs_no_script(tmp_path: Path) -> None:
    house = await open_house(tmp_path / "house.db")
    page = operations_page(openapi_document(house.app))
    await house.close()
    assert "<script" not in page
    assert "/v1/desk/conversations/{id}/replies" in page
