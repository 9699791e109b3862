"""Renders the definition's templates."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from answerable.definition.schema import ServiceDefinition
from answerable.kit.errors import InvalidInput

LONGEST = 20_000  # characters of a rendered reply

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=False, lstrip_blocks=False
)


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)


def render(
    definition: ServiceDefinition, template: str, language: str, values: Mapping[str, Any]
) -> str:
    """The template in the language (or the definition's own), filled with `values`.

    Plain text: whoever shows it escapes it. Raises InvalidInput if the template is unknown, names
    a value that is missing, or grows beyond LONGEST.
    """
    source = definition.template(template, language)
    if source is None:
        raise InvalidInput("unknown_template", f"the definition has no template {template!r}")
    try:
        text = _compiled(source).render(brand=definition.brand.name, **values).strip()
    except TemplateError as error:
        raise InvalidInput(
            "template_failed", f"template {template!r} could not be filled: {error}"
        ) from error
    if len(text) > LONGEST:
        raise InvalidInput("reply_too_long", f"template {template!r} grew over {LONGEST}")
    return text
