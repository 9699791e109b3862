import json

from answerable.privacy.redact import Redaction


def test_each_line_is_redacted_with_offsets_into_the_original() -> None:
    text = "write to ben@example.com or BEN@example.com, größe 4111 1111 1111 1111"
    complaints: list[str] = []
    redaction = Redaction([json.dumps({"id": 7, "text": text}), "\n"], complaints.append)

    (line,) = redaction

    result = json.loads(line)
    assert result["id"] == 7
    assert result["text"] == "write to <email:1> or <email:1>, größe <card:1>"
    assert [(e["type"], text[e["start"] : e["end"]]) for e in result["entities"]] == [
        ("email", "ben@example.com"),
        ("email", "BEN@example.com"),
        ("card", "4111 1111 1111 1111"),
    ]
    assert (complaints, redaction.exit_code) == ([], 0)


def test_a_bad_line_is_named_without_its_content_and_the_others_go_on() -> None:
    good = '{"id": "a", "text": "hello"}'
    lines = [
        "{oops secret",
        "[1]",
        '{"id": 1}',
        '{"id":1,"text":2}',
        '{"text":"x"}',
        "[" * 9999,
        good,
    ]
    complaints: list[str] = []
    redaction = Redaction(lines, complaints.append)

    results = list(redaction)

    assert [json.loads(line)["id"] for line in results] == ["a"]
    assert redaction.exit_code == 1
    assert [c.split(":")[0] for c in complaints] == [f"line {n}" for n in range(1, 7)]
    assert "secret" not in "".join(complaints)
