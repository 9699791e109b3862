"""The language of templates: Jinja in a sandbox, without what makes much out of little."""

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

LANGUAGE = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=False, lstrip_blocks=False
)
# A reply repeats what was found, not numbers: `range` and its like only make loops without end.
_HELPERS = frozenset(LANGUAGE.globals)
LANGUAGE.globals.clear()


def check_template(source: str) -> None:
    """Raises TemplateSyntaxError, with the line, for what cannot be rendered whatever it is given;
    RecursionError for what is nested too deeply."""
    parsed = LANGUAGE.parse(source)
    for called in parsed.find_all(nodes.Call):
        if isinstance(called.node, nodes.Name) and called.node.name in _HELPERS:
            message = f"{called.node.name}() is not available: loop over what a step found"
            raise TemplateSyntaxError(message, called.lineno)
    LANGUAGE.compile(parsed, raw=True)  # it knows which filters and tests there are
