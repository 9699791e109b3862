"""Fit the tones to our own lists once, so that no process has to.

    python -m answerable.understanding.build_tones --encoder DIR --out DIR

Run when an environment or a wheel is made, after the encoder; never at run time. A repeat writes
the same files.
"""

import argparse
from pathlib import Path

from answerable.understanding.encoder import load_encoder
from answerable.understanding.tone_training import fit_tones


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    fit_tones(load_encoder(arguments.encoder)).save(arguments.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
