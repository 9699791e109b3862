"""Build hook: ships the built front end, the models and the demo bank in the wheel."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WARNING = """
==============================================================================
 ANSWERABLE_SKIP_WEB=1: this build has NO console and NO chat widget in it.
 Use it for tests of the build only; never give such a wheel to anybody.
==============================================================================
"""

BUILDERS = [
    "pip",
    "faker>=40",
    "numpy>=2.0",
    "onnx>=1.18",
    "onnxruntime>=1.22",
    "py3langid>=0.3",
    "scipy>=1.14",
    "threadpoolctl>=3.5",
]


def _shipped(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("shipped", root / "scripts" / "shipped.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ShippedFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Makes what is missing or stale, then adds it to the wheel and the source archive."""

    def dependencies(self) -> list[str]:
        # Only a build without current models needs what makes them.
        return [] if _shipped(Path(self.root)).models_are_built(Path(self.root)) else BUILDERS

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return  # a checkout uses its own files, see answerable/kit/resources.py
        root = Path(self.root)
        shipped = _shipped(root)
        if not shipped.models_are_built(root):
            self.app.display_info("building the shipped models")
            shipped.build_models(root, sys.executable)
        with_web = os.environ.get("ANSWERABLE_SKIP_WEB") != "1"
        if with_web and not shipped.web_is_built(root):
            self.app.display_info("building the front end")
            shipped.build_web(root)
        if not with_web:
            print(WARNING, file=sys.stderr)
        if self.target_name == "sdist":
            self.include_as_they_lie(build_data["force_include"], shipped, with_web)
        else:
            self.include_in_package(build_data["force_include"], shipped, with_web)

    def include_as_they_lie(
        self, include: dict[str, str], shipped: ModuleType, with_web: bool
    ) -> None:
        """Built files and their stamps: to make a wheel of the archive needs no npm and no pip."""
        root = Path(self.root)
        built = [shipped.models_folder(root)]
        if with_web:
            built += [root / "web" / app / "dist" for app in shipped.WEB_APPS]
            built.append(shipped.web_stamp(root))
        include |= {str(path): path.relative_to(root).as_posix() for path in built}

    def include_in_package(
        self, include: dict[str, str], shipped: ModuleType, with_web: bool
    ) -> None:
        root = Path(self.root)
        for model in ("encoder", "dictionary", "tones", "languages", "tagger"):
            include[str(shipped.models_folder(root) / model)] = f"answerable/_models/{model}"
        if with_web:
            for app in shipped.WEB_APPS:
                include[str(root / "web" / app / "dist")] = f"answerable/_web/{app}"
        for example in sorted((root / "examples").iterdir()):
            if example.is_dir():
                include[str(example)] = f"answerable/_examples/{example.name}"
