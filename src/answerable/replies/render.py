"""Renders the definition's templates."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateError

from answerable.definition.schema import ServiceDefinition
from answerable.definition.templates import LANGUAGE
from answerable.kit.errors import InvalidInput

LONGEST = 20_000  # characters of a rendered reply


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Template:
    return LANGUAGE.from_string(source)


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
        text = _filled(_compiled(source), {**values, "brand": definition.brand.name})
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise InvalidInput(
            "template_failed", f"template {template!r} could not be filled: {error}"
        ) from error
    if text is None:
        raise InvalidInput("reply_too_long", f"template {template!r} grew over {LONGEST}")
    return text


def _filled(template: Template, values: Mapping[str, Any]) -> str | None:
    """The text, or None as soon as it is too long: what a step found may be a long list."""
    parts, length = [], 0
    for part in template.generate(values):
        parts.append(part)
        length += len(part)
        if length > 2 * LONGEST:  # blanks around it do not count in the end
            return None
    text = "".join(parts).strip()
    return text if len(text) <= LONGEST else None
