"""What an auditor finds in an export that somebody has touched, and that nothing else is found."""

import json
from io import BytesIO
from itertools import combinations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from answerable.kit.canonical import canonical_json, sha256_hex
from answerable.ledger import verify
from answerable.ledger.checkpoint import SigningKey
from tests.unit.ledger.conftest import Archive, codes, lines_of, records_of, run_alone


def test_a_correct_export_is_accepted(archive: Archive) -> None:
    export = archive.export()

    done = verify.verify(BytesIO(export), verify.PublicKey(archive.key.public))

    assert done.findings == []
    assert (done.events, done.checkpoints) == (7, 3)


def test_an_export_of_nothing_is_accepted(empty_archive: Archive) -> None:
    assert codes(empty_archive.export()) == set()


def test_every_record_says_exactly_what_was_hashed(archive: Archive) -> None:
    for record in records_of(archive.export()):
        if "stream" in record:
            claimed = record.pop("hash")
            assert sha256_hex(canonical_json(record)) == claimed


def test_every_changed_byte_is_found(empty_archive: Archive) -> None:
    empty_archive.append("cnv_one", "conversation_opened", channel="chat")
    empty_archive.append("cnv_one", "message_received", text={"ref": "val_1"}, author="contact")
    export = bytearray(empty_archive.export())
    unseen = []
    for place in range(len(export)):
        flip = 1 << place % 8
        export[place] ^= flip
        if not codes(bytes(export)):
            unseen.append(place)
        export[place] ^= flip

    assert unseen == []


def test_every_missing_line_is_found(archive: Archive) -> None:
    lines = lines_of(archive.export())

    for missing in range(len(lines)):
        assert codes(b"".join(lines[:missing] + lines[missing + 1 :])), missing


def test_every_cut_tail_is_found(archive: Archive) -> None:
    export = archive.export()
    lines = lines_of(export)

    for kept in range(len(lines)):
        assert "cut_tail" in codes(b"".join(lines[:kept]))
    assert codes(export[:-1])


def test_any_two_swapped_lines_are_found(archive: Archive) -> None:
    lines = lines_of(archive.export())

    for one, other in combinations(range(len(lines)), 2):
        swapped = list(lines)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        assert codes(b"".join(swapped)), (one, other)


def test_every_doubled_line_is_found(archive: Archive) -> None:
    lines = lines_of(archive.export())

    for place in range(len(lines)):
        assert codes(b"".join([*lines[:place], lines[place], *lines[place:]])), place


def recomputed(export: bytes, key: SigningKey | None) -> bytes:
    """The export with one event altered and every hash made to fit; signed anew with `key`."""
    records = records_of(export)
    altered = next(record for record in records if record.get("kind") == "decided")
    altered["data"]["confidence"] = 0.2
    heads: dict[str, str] = {}
    seal = ""
    out: list[bytes] = []
    for record in records:
        record.pop("hash", None)
        if "stream" in record:
            record["previous"] = heads.get(record["stream"], "")
            line = canonical_json(record)
            heads[record["stream"]] = sha256_hex(line)
            out.append(line[:-1] + f',"hash":"{sha256_hex(line)}"}}\n'.encode())
            continue
        if "heads" in record:
            record |= {
                "previous": seal,
                "heads": {s: [seq, heads[s]] for s, (seq, _) in record["heads"].items()},
            }
        elif record["kind"] == "closing":
            record |= {"last_checkpoint": seal, "digest": sha256_hex(b"".join(out))}
        elif key is not None:
            record |= {"key": key.key_id, "public_key": key.public}
        if record.get("kind") != "header":
            signature = record.pop("signature")
            if key is not None:
                record["key"] = key.key_id
            body = canonical_json(record)
            seal = sha256_hex(body)
            record |= {"hash": seal, "signature": signature if key is None else key.sign(body)}
        out.append(canonical_json(record) + b"\n")
    return b"".join(out)


def test_a_chain_recomputed_without_the_key_is_found(archive: Archive) -> None:
    assert codes(recomputed(archive.export(), None)) == {"bad_signature"}


def test_a_chain_signed_with_another_key_is_found_by_the_pinned_one(archive: Archive) -> None:
    thief = SigningKey(Ed25519PrivateKey.generate())
    forged = recomputed(archive.export(), thief)

    assert codes(forged) == set()  # which is why the report says that the key was not pinned
    assert "other_key" in codes(forged, key=verify.PublicKey(archive.key.public))


def test_an_older_export_is_found_by_the_checkpoints_kept_outside(archive: Archive) -> None:
    older = archive.export()
    archive.append("cnv_one", "conversation_reopened")
    archive.seal()
    outside = {"northwind-bank": kept_outside(archive)}

    assert codes(older) == set()
    assert codes(older, outside=outside) == {"truncated"}


def test_a_tail_removed_from_the_database_is_found_by_the_checkpoints_outside(
    archive: Archive,
) -> None:
    archive.export()
    outside = {"northwind-bank": kept_outside(archive)}
    with archive.engine.begin() as tx:
        tx.exec_driver_sql("DELETE FROM checkpoint WHERE number = 3")
        tx.exec_driver_sql("DELETE FROM event WHERE kind = 'handed_off'")
        tx.exec_driver_sql("UPDATE stream SET head_seq = 1 WHERE id = 'cnv_two'")
    export = archive.export()

    assert codes(export) == set()
    assert codes(export, outside=outside) == {"rewritten"}


def kept_outside(archive: Archive) -> dict[int, str]:
    return {
        record["number"]: record["hash"]
        for record in map(json.loads, archive.outside().splitlines())
    }


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE event SET data = '{\"confidence\":0.1}' WHERE kind = 'decided'", "changed"),
        ("UPDATE event SET at = at + 1 WHERE kind = 'decided'", "changed"),
        ("UPDATE event SET actor = 'contact' WHERE kind = 'decided'", "changed"),
        ("DELETE FROM event WHERE kind = 'decided'", "gap"),
        ("DELETE FROM event WHERE stream = 'cnv_three'", "head_mismatch"),
        ("UPDATE event SET seq = 9 WHERE kind = 'decided'", "gap"),
        ("DELETE FROM checkpoint WHERE number = 1", "checkpoint_gap"),
        ("UPDATE checkpoint SET record = '{\"heads\":{}}' WHERE number = 2", "bad_signature"),
    ],
)
def test_a_row_changed_in_the_database_is_found_in_the_export(
    archive: Archive, statement: str, expected: str
) -> None:
    archive.seal()
    with archive.engine.begin() as tx:
        tx.exec_driver_sql(statement)

    assert expected in codes(archive.export())


def test_each_finding_names_the_line_and_what_it_means(archive: Archive) -> None:
    lines = lines_of(archive.export())
    lines[2] = lines[2].replace(b"val_1", b"val_2")

    first = verify.verify(BytesIO(b"".join(lines))).findings[0]

    assert (first.line, first.code) == (3, "changed")
    assert "event 2 of cnv_one was changed" in first.meaning


def test_the_verifier_runs_alone(archive: Archive, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    export.write_bytes(archive.export())
    (tmp_path / "checkpoints.jsonl").write_text(archive.outside())

    plain = run_alone(export)
    pinned = run_alone(
        export, "--public-key", archive.key.public, "--checkpoints", tmp_path / "checkpoints.jsonl"
    )
    piped = run_alone("-", "--json", stdin=export.read_bytes())

    assert plain.returncode == pinned.returncode == piped.returncode == 0
    assert b"note: the public key is the one in the export itself" in plain.stdout
    assert pinned.stdout == b"accepted: 7 events, 3 checkpoints, the last 3\n"
    assert json.loads(piped.stdout)["accepted"] is True


def test_the_verifier_says_what_is_wrong_and_exits_with_1(archive: Archive) -> None:
    cut = b"".join(lines_of(archive.export())[:-1])

    plain = run_alone("-", stdin=cut)
    as_json = run_alone("-", "--json", stdin=cut)

    assert plain.returncode == as_json.returncode == 1
    assert b"cut_tail" in plain.stdout
    assert b"NOT accepted" in plain.stdout
    assert [f["code"] for f in json.loads(as_json.stdout)["findings"]] == ["cut_tail"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-file.jsonl"],
        ["-", "--public-key", "not a key"],
        ["-", "--checkpoints", "no-such-file.jsonl"],
        ["-", "--unknown"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    done = run_alone(*arguments)

    assert done.returncode == 2
    assert done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("garbage", [b"", b"\n", b"{}\n", b"[" * 100_000, b"\xff\x00" * 500])
def test_what_is_no_export_at_all_is_refused_without_a_crash(garbage: bytes) -> None:
    done = run_alone("-", stdin=garbage)

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
