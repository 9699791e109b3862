"""What the training of the live model showed: which intents are automatic, and what others lack."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from answerable.api.access import ByAgent, Caller, api_of
from answerable.api.desk.explaining import intent_title
from answerable.api.desk.model_shapes import ModelPage, ModelStanding, PartStanding
from answerable.api.desk.wording import language_name
from answerable.api.errors import problem_responses
from answerable.api.plain_route import PlainRoute
from answerable.definition.schema import ServiceDefinition
from answerable.desk.permission import Permission
from answerable.understanding.definition_examples import all_examples
from answerable.understanding.examples import data_hash
from answerable.understanding.report_store import read_report

router = APIRouter(route_class=PlainRoute, prefix="/v1/desk", tags=["model"])
_read = ByAgent(Permission.READ_MODEL)


@router.get(
    "/model",
    operation_id="model",
    summary="How well the live model understands",
    responses=problem_responses(401, 403),
)
async def model(request: Request, caller: Annotated[Caller, Depends(_read)]) -> ModelPage:
    service = api_of(request).service
    found = await service.database.read(
        lambda tx: read_report(tx, caller.tenant), tenant=caller.tenant
    )
    if found is None or found[1]["chosen"] is None:
        return ModelPage(standing=None)
    name, report = found
    return ModelPage(standing=_standing(name, report, service.definitions.active(caller.tenant)))


def _standing(name: str, report: Mapping[str, Any], definition: ServiceDefinition) -> ModelStanding:
    chosen = report["chosen"]
    return ModelStanding(
        model=name,
        messages=report["messages"],
        asked=report["asked_precision"],
        coverage=chosen["coverage"],
        precision=chosen["precision"],
        low=chosen["low"],
        high=chosen["high"],
        trained_with=report.get("definition"),
        in_force=data_hash(all_examples(definition.intents, definition.out_of_scope)),
        intents=[_part(one, intent_title(definition, one["name"])) for one in report["intents"]],
        languages=[_part(one, language_name(one["name"])) for one in report.get("languages", ())],
    )


def _part(one: Mapping[str, Any], title: str | None) -> PartStanding:
    """one: of the report's intents or languages."""
    answered = one["answered"]
    return PartStanding(
        name=one["name"],
        title=title,
        labelled=one["labelled"],
        automatic=one["automatic"],
        coverage=one["answered_share"] if one["automatic"] else None,
        precision=one["answered_right"] / answered if answered else None,
        low=one["low"],
        high=one["high"],
        wanted=one["labels_wanted"],
    )
