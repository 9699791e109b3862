"""Lay out the dictionary as tables that all processes of a machine map.

    python -m answerable.understanding.build_dictionary --out DIR

Run when an environment or a wheel is made, never at run time. A repeat writes the same files. In
Python's dictionaries the forms would take tens of megabytes of every process.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from answerable.kit.canonical import canonical_json, sha256_hex
from answerable.understanding.dictionary import (
    ENGLISH,
    begins_a_phrase,
    form_hash,
    spellings,
)

LISTS = Path(__file__).resolve().parent / "dictionaries"
# English words, above all those that are words of other languages too: without them half of "call
# dad" would be Spanish.
WORDS = f"{ENGLISH}.words"
RECIPE = 1  # of the layout and of how a text is glossed


def read_list(path: Path) -> dict[str, str]:
    """English by form. A line is `english: form, form`; a form that came before keeps its meaning.

    Raises ValueError naming file and line of the first line that is something else.
    """
    known: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        english, colon, forms = line.partition(":")
        said = [form.strip() for form in forms.split(",")]
        if not colon or not all(said):
            raise ValueError(f"{path}:{number}: expected `english: form, form`, found {line!r}")
        for form in said:
            known.setdefault(form, english.strip())
    return known


def build_dictionary(out: Path, lists: Path = LISTS) -> None:
    """Write the tables and dictionary.json into `out`, of the lists `de.txt` and so on.

    Raises ValueError for a list that cannot be read.
    """
    rows: dict[tuple[int, str], str] = {}
    words = lists / WORDS
    english = set(words.read_text(encoding="utf-8").split()) if words.exists() else set()
    files = sorted(lists.glob("*.txt"))
    for file in files:
        known = read_list(file)
        for form, meaning in known.items():
            rows[form_hash(form), file.stem] = meaning
            english.update(meaning.split())
            first, *others = form.split()
            for typed in spellings(first) if others else ():
                begins = (form_hash(begins_a_phrase(typed)), file.stem)
                rows[begins] = str(max(1 + len(others), int(rows.get(begins, 1))))
        # What is typed without its letters, where it is no other word.
        for form, meaning in known.items():
            for typed in spellings(form)[1:]:
                rows.setdefault((form_hash(typed), file.stem), meaning)
    for word in english:
        rows.setdefault((form_hash(word), ENGLISH), word)
    tags = sorted({tag for _, tag in rows})
    glosses = sorted(set(rows.values()))
    place = {meaning: at for at, meaning in enumerate(glosses)}
    ordered = sorted(rows.items())
    out.mkdir(parents=True, exist_ok=True)
    for name, kind, values in (
        ("hashes", np.uint64, [key for (key, _), _ in ordered]),
        ("languages", np.uint8, [tags.index(tag) for (_, tag), _ in ordered]),
        ("meanings", np.uint32, [place[meaning] for _, meaning in ordered]),
    ):
        np.save(out / f"{name}.npy", np.array(values, dtype=kind))
    content = canonical_json(
        [RECIPE, sorted(english), [[file.stem, file.read_text(encoding="utf-8")] for file in files]]
    )
    about = {"name": f"d{RECIPE}-{sha256_hex(content)[:12]}", "languages": tags, "glosses": glosses}
    (out / "dictionary.json").write_text(
        json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    build_dictionary(parser.parse_args().out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
