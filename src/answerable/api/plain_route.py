"""Routes that ask for what they declare, and do no more for it.

FastAPI makes out anew for each request what its route needs, and is ready for what few of ours
use: bodies, forms, dependencies of dependencies, what is to be closed afterwards. A route that
declares who may ask, single values in its path and its query, and nothing else, is answered here;
any other is left to FastAPI. Its declaration is FastAPI's either way, and with it the documents
and the matrix of who may do what.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from fastapi._compat import ModelField, field_annotation_is_scalar
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from answerable.api.access import ByAgent, Open


class PlainRoute(APIRoute):
    """The class of all our routes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if _is_plain(self.dependant):
            [asking] = self.dependant.dependencies
            assert asking.call is not None
            assert asking.name is not None
            self._who_may_ask, self._name = asking.call, asking.name
            self._in_path = _Fields("path", self.dependant.path_params)
            self._in_query = _Fields("query", self.dependant.query_params)
            self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        # Who may not ask does not learn what is wrong with the question.
        values = {self._name: await self._who_may_ask(request)} | self._parameters(scope)
        if self.dependant.request_param_name is not None:
            values[self.dependant.request_param_name] = request
        answer = await self.endpoint(**values)
        if not isinstance(answer, Response):
            assert isinstance(answer, BaseModel)
            content = answer.model_dump_json(by_alias=True)
            answer = Response(content, self.status_code or 200, media_type="application/json")
        await answer(scope, receive, send)

    def _parameters(self, scope: Scope) -> dict[str, Any]:
        """Raises RequestValidationError."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        values, errors = self._in_path.read(scope["path_params"])
        more, further = self._in_query.read(dict(query))
        if errors or further:
            raise RequestValidationError([*errors, *further])
        return values | more


class _Fields:
    """Values that stand in one place of a request."""

    def __init__(self, place: str, fields: Sequence[ModelField]) -> None:
        self._fields = [(one.alias, one.name, (place, one.alias), one) for one in fields]
        self._defaults = {one.name: one.get_default() for one in fields}

    def read(self, given: dict[str, str]) -> tuple[dict[str, Any], list[Any]]:
        """(values by name, what is wrong)"""
        values, errors = self._defaults.copy(), []
        for alias, name, place, one in self._fields:
            if alias in given:
                values[name], wrong = one.validate(given[alias], loc=place)
                errors += wrong
        return values, errors


def _is_plain(needed: Dependant) -> bool:
    others = (
        needed.header_params,
        needed.cookie_params,
        needed.body_params,
        needed.response_param_name,
        needed.background_tasks_param_name,
        needed.http_connection_param_name,
        needed.security_scopes_param_name,
    )
    who_may_ask = [one for one in needed.dependencies if isinstance(one.call, ByAgent | Open)]
    return (
        not any(others)
        and len(who_may_ask) == len(needed.dependencies) == 1
        and all(_is_single(one) for one in (*needed.path_params, *needed.query_params))
        and not any(one.field_info.is_required() for one in needed.query_params)
    )


def _is_single(field: ModelField) -> bool:
    return field_annotation_is_scalar(field.field_info.annotation)
