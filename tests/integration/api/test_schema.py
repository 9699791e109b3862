"""Every operation, fuzzed from its own document: no fault of ours, no status that is not said."""

import contextlib
import copy
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.service import House, open_house

EXAMPLES = 25


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


class Browser:
    """A client that is called from outside the event loop, as hypothesis does."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def request(self, **kwargs: Any) -> httpx.Response:
        """kwargs: as for `requests`. The session's own credentials are not up for fuzzing."""
        kwargs.pop("cookies", None)
        if isinstance(kwargs.get("data"), bytes | str):
            kwargs["content"] = kwargs.pop("data")
        headers = dict(kwargs.pop("headers", None) or {})
        kwargs["headers"] = {
            name: value for name, value in headers.items() if name.lower() != "x-csrf-token"
        }
        return self._portal.call(partial(self._client.request, **kwargs))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Signed in as an administrator, with a conversation to act upon."""
    path: Path = tmp_path_factory.mktemp("schema") / "house.db"
    with start_blocking_portal() as portal:
        house: House = portal.call(open_house, path)
        portal.call(house.says, "my parcel, and fraud")
        signed_in = portal.call(house.signed_in, "administrator")
        yield Browser(portal, signed_in)
        portal.call(signed_in.aclose)
        portal.call(house.close)


@pytest.fixture(scope="module")
def document(client: Browser) -> dict[str, Any]:
    found: dict[str, Any] = client.request(method="GET", url="/openapi.json").json()
    return found


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["operationId"], (method, path)


def operations(document: dict[str, Any]) -> Iterator[Any]:
    """All of them; signing out at the end, because nothing works after it."""
    fuzzed = copy.deepcopy(document)
    del fuzzed["components"]["securitySchemes"]  # the client's own credentials are always sent
    for operations_of_path in fuzzed["paths"].values():
        for operation in operations_of_path.values():
            operation.pop("security", None)
    found = [one.ok() for one in schemathesis.openapi.from_dict(fuzzed).get_all_operations()]
    yield from sorted(found, key=lambda operation: operation.method == "delete")


@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_sent_is_answered_as_documented(
    client: Browser, document: dict[str, Any], mode: GenerationMode
) -> None:
    sent: Counter[int] = Counter()
    for operation in operations(document):

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def answered(case: schemathesis.Case) -> None:
            response = client.request(**case.as_transport_kwargs(base_url="http://localhost"))
            sent[response.status_code] += 1
            case.validate_response(response, checks=CHECKS)

        with contextlib.suppress(Unsatisfiable):  # without any input, none can be wrong
            answered()
    assert sum(sent.values()) > 200
    assert not [status for status in sent if status >= 500]
