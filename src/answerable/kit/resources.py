"""Where the files are that are not code: the built front end, the models, the examples.

A wheel has them inside the package. A checkout has them where they are made or kept, and those
win: an editable install must never show yesterday's build.
"""

from pathlib import Path

from answerable.kit.errors import NotFound

PACKAGE = Path(__file__).resolve().parents[1]
_ROOT = PACKAGE.parents[1]
CHECKOUT: Path | None = _ROOT if (_ROOT / "hatch_build.py").is_file() else None


def web_path(app: str) -> Path:
    """The folder of a built front end, "console" or "widget". Raises NotFound if not built."""
    return _first(f"web application {app}", f"web/{app}/dist", f"_web/{app}")


def model_path(name: str) -> Path:
    """The folder of a shipped model, such as "encoder". Raises NotFound if not made."""
    return _first(f"model {name}", f"src/answerable/_models/{name}", f"_models/{name}")


def example_path(name: str) -> Path:
    """The folder of an example, such as "northwind-bank". Raises NotFound."""
    return _first(f"example {name}", f"examples/{name}", f"_examples/{name}")


def _first(what: str, in_checkout: str, in_package: str) -> Path:
    path = PACKAGE / in_package if CHECKOUT is None else CHECKOUT / in_checkout
    if path.is_dir():
        return path
    advice = "reinstall answerable" if CHECKOUT is None else "run `make setup`"
    raise NotFound("resource_missing", f"the {what} is not installed here: {advice}")
