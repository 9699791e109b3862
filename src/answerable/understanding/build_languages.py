"""Lay out the language identifier's tables so that a process maps them instead of holding them.

    python -m answerable.understanding.build_languages --out DIR

Run when an environment or a wheel is made, never at run time. The library keeps its tables in a
compressed file: to open it takes most of a second and 50 MB of every process. Laid out like this,
all processes of a machine share what their texts touch.
"""

import argparse
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]


def build_languages(out: Path) -> None:
    """Write the tables and languages.json into `out`. A repeat writes the same files."""
    whole = LanguageIdentifier.from_model_file(MODEL_FILE)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "moves.npy", np.asarray(whole.tk_nextmove, dtype=np.uint32))
    np.save(out / "states.npy", np.asarray(whole.tk_row, dtype=np.uint32))
    np.save(out / "features.npy", np.asarray(whole.tk_output, dtype=np.int32))
    # A row a language: a tenant reads its own few.
    np.save(out / "likelihoods.npy", np.ascontiguousarray(np.asarray(whole.nb_ptc).T))
    np.save(out / "priors.npy", np.asarray(whole.nb_pc))
    about = {"py3langid": version("py3langid"), "languages": list(whole.nb_classes)}
    (out / "languages.json").write_text(json.dumps(about, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    build_languages(parser.parse_args().out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
