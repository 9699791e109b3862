"""Read our own lists with the shipped encoder once, so that no process has to before it trains.

    python -m answerable.understanding.build_lexicon --encoder DIR --out DIR

Run when an environment or a wheel is made, after the encoder; never at run time.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from answerable.understanding.encoder import OnnxEncoder
from answerable.understanding.lexicon_file import LEXICON, list_hash, read_lexicon
from answerable.understanding.prepare import as_one_line


def build_lexicon(encoder: OnnxEncoder, out: Path) -> None:
    """Write each list's vectors and lexicon.json into `out`. A repeat writes the same files."""
    out.mkdir(parents=True, exist_ok=True)
    names = sorted(path.stem for path in LEXICON.glob("*.jsonl"))
    for name in names:
        texts = [as_one_line(text) for _, text in read_lexicon(name)]
        np.save(out / f"{name}.npy", encoder.encode(texts).astype(np.float16))
    about = {"encoder": encoder.name, "lists": {name: list_hash(name) for name in names}}
    (out / "lexicon.json").write_text(json.dumps(about, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    build_lexicon(OnnxEncoder(arguments.encoder), arguments.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
