import email
import email.policy
import re
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.privacy.cards import is_card_number
from answerable.privacy.mask import Masked, mask, mask_raw_mail, unmask

CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"


class Counter:
    """Numbers values from 1 per type, as the vault does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, kind: str, value: str) -> int:
        if (kind, value) not in self.asked:
            self.asked.append((kind, value))
        return [k for k, _ in self.asked].count(kind)


def masked(text: str) -> Masked:
    return mask(text, number=Counter())


def test_values_become_handles_and_are_kept_for_the_vault() -> None:
    result = masked(f"IBAN {IBAN}, ben@example.com")

    assert result.text == "IBAN <iban:1>, <email:1>"
    assert result.values == {"iban:1": IBAN, "email:1": "ben@example.com"}
    assert result.normal["iban:1"] == "DE89370400440532013000"
    assert result.dropped == ()


def test_one_value_in_two_spellings_has_one_handle() -> None:
    assert masked(f"{IBAN} or de89370400440532013000").text == "<iban:1> or <iban:1>"


def test_of_a_card_only_four_digits_are_kept_and_of_its_code_nothing() -> None:
    number = Counter()

    result = mask(f"card {CARD} cvv 737", number=number)

    assert result.text == "card <card:1> cvv <cvv:1>"
    assert result.values == {"card:1": "•••• 1111"}
    assert result.dropped == ("card:1", "cvv:1")
    assert number.asked == [("card", "4111111111111111")]
    assert "737" not in repr(result)
    assert "4111" not in repr(result)


def test_a_policy_may_keep_a_type_in_the_text() -> None:
    policy = dict.fromkeys(["email"], "keep") | {"iban": "vault"}

    result = mask(f"ben@example.com {IBAN}", number=Counter(), policy=policy)  # type: ignore[arg-type]

    assert result.text == "ben@example.com <iban:1>"


@pytest.mark.parametrize(
    "typed",
    [
        "<iban:1>",
        "<card:12>",
        "<\\iban:1>",
        "<\\\\iban:1>",
        "<IBAN:1>",
        "< iban : 1 >",
        "<<iban:1>>",
    ],
)
def test_a_customer_cannot_write_a_handle(typed: str) -> None:
    result = masked(f"send it to {typed} and {IBAN}")

    shown = unmask(result.text, {"iban:1": "the real one", "card:12": "stolen"})
    assert shown == f"send it to {typed} and the real one"
    assert result.text.count("<iban:1>") == 1


@given(
    st.lists(
        st.text(alphabet="ab <>\\:1_iban,\n", max_size=12)
        | st.sampled_from([f" {IBAN} ", " ben@example.com ", " +49 30 1234567 ", "<email:1>"]),
        max_size=8,
    )
)
def test_unmask_gives_back_what_was_masked(pieces: list[str]) -> None:
    text = "".join(pieces)
    result = masked(text)

    assert unmask(result.text, result.values) == text


DIGIT_SOUP = st.text(alphabet="0123456789 -.\n", max_size=60)


@given(st.lists(DIGIT_SOUP | st.just(f" {CARD} ") | st.just(" 5555555555554444 "), max_size=6))
def test_masked_text_holds_no_card_in_the_usual_spellings(pieces: list[str]) -> None:
    text = masked("".join(pieces)).text

    usual = re.compile(r"(?<![\d.,/])(?<!\d[ .-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?![ .,-]?\d)")
    for found in usual.finditer(text):
        assert not is_card_number(re.sub(r"\D", "", found[0])), found[0]


def mail(**parts: str) -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "ben@example.com"
    message["Subject"] = parts.get("subject", "hello")
    return message


def content(raw: bytes) -> str:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    texts = [str(message["Subject"])]
    for part in message.walk():
        texts.append(part.get_filename() or "")
        if part.get_content_maintype() == "text":
            texts.append(part.get_content())
    return "\n".join(texts)


@pytest.mark.parametrize("cte", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_a_card_in_a_body_is_blotted_in_any_encoding(cte: str, subtype: str) -> None:
    message = mail()
    message.set_content(f"Card {CARD}\r\ncvv 737\r\nthanks\r\n", subtype=subtype, cte=cte)

    blotted = mask_raw_mail(message.as_bytes())

    assert blotted is not None
    assert "Card XXXX XXXX XXXX 1111\ncvv XXX\nthanks" in content(blotted).replace("\r", "")


def test_a_card_split_by_markup_and_entities_is_blotted() -> None:
    message = mail()
    html = "<p>&#52;111<b>&nbsp;1111</b> 1111 <i>1111</i></p>"
    message.set_content(html, subtype="html", cte="base64")

    blotted = mask_raw_mail(message.as_bytes())

    assert blotted is not None
    assert "<p>XXXX<b>&nbsp;XXXX</b> XXXX <i>1111</i></p>" in content(blotted)


@pytest.mark.parametrize("subject", [f"card {CARD}", f"größe {CARD} für mich"])
def test_a_card_in_a_subject_is_blotted(subject: str) -> None:
    message = mail(subject=subject)
    message.set_content("hello")

    blotted = mask_raw_mail(message.as_bytes())

    assert blotted is not None
    assert subject.replace(CARD, "XXXX XXXX XXXX 1111") in content(blotted)


@pytest.mark.parametrize("name", ["4111111111111111.png", "kärte 4111111111111111.png"])
def test_a_card_in_a_file_name_is_blotted_and_the_file_untouched(name: str) -> None:
    message = mail()
    message.set_content("hello")
    message.add_attachment(
        b"\x89PNG 4111111111111111", maintype="image", subtype="png", filename=name
    )

    blotted = mask_raw_mail(message.as_bytes())

    assert blotted is not None
    assert name.replace("4111111111111111", "XXXXXXXXXXXX1111") in content(blotted)
    parsed = email.message_from_bytes(blotted, policy=email.policy.default)
    assert next(parsed.iter_attachments()).get_content() == b"\x89PNG 4111111111111111"


def test_a_boundary_that_looks_like_a_card_stays_whole() -> None:
    message = mail()
    message.set_content(CARD)
    message.add_attachment(b"x", maintype="image", subtype="png", filename="4111111111111111.png")
    message.set_boundary("===============4111111111111111==")

    blotted = mask_raw_mail(message.as_bytes())

    assert blotted is not None
    assert "XXXX XXXX XXXX 1111" in content(blotted)
    assert "XXXXXXXXXXXX1111.png" in content(blotted)


def test_a_card_in_a_forwarded_mail_is_blotted() -> None:
    inner, outer = mail(subject=f"my card {CARD}"), mail()
    inner.set_content(f"{CARD} größe", cte="base64")
    outer.set_content("see below")
    outer.add_attachment(inner)

    blotted = mask_raw_mail(outer.as_bytes())

    assert blotted is not None
    assert "4111" not in content(blotted)
    assert content(blotted).count("XXXX XXXX XXXX 1111") >= 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no headers at all",
        b"Subject: hello\r\n\r\nnothing here, order number 4111111111111111\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhello\r\n--x--\r\n",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe\x00",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!=\r\n",
        b"Message-ID: <4111111111111111@example.com>\r\n\r\nhello",
    ],
)
def test_a_mail_without_a_card_is_not_changed(raw: bytes) -> None:
    assert mask_raw_mail(raw) is None


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(raw: bytes) -> None:
    mask_raw_mail(raw)
    mask_raw_mail(b"Content-Type: multipart/x; boundary=a\r\n\r\n--a\r\n" + raw)
