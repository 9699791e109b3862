"""Names that no capital letter tells are found where something says that they are names."""

import pytest

from answerable.privacy.detect import find
from answerable.privacy.spans import NAME
from answerable.privacy.tagger import model
from tests.support.needs import left_out


@pytest.fixture(autouse=True)
def _with_a_tagger() -> None:
    if model.load() is None:
        left_out("the tagger is not built; without it no names are looked for")


def names_in(text: str) -> list[str]:
    return [text[span.start : span.end] for span in find(text) if span.type == NAME]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("مرحبا، اسمي محمد العلي ولم تصل بطاقتي بعد", "محمد العلي"),
        ("الاسم: فاطمة الزهراء", "فاطمة الزهراء"),
        ("أرجو إلغاء الطلب، شكرا\nسعاد", "سعاد"),
        ("שלום, שמי דוד לוי ואני רוצה לבטל את ההזמנה", "דוד לוי"),
        ("नमस्ते, मेरा नाम राहुल शर्मा है और मेरा कार्ड खो गया", "राहुल शर्मा"),
        ("สวัสดีครับ ผมชื่อสมชาย ใจดีครับ ยังไม่ได้รับบัตร", "สมชาย ใจดี"),
        ("你好，我叫王伟，我的卡丢了", "王伟"),
        ("尊敬的李女士：您好", "李"),
        ("田中太郎と申します。カードが届きません。", "田中太郎"),
        ("カードが届きません。よろしくお願いします。\n佐藤花子", "佐藤花子"),
        ("저는 김철수입니다. 카드가 안 왔어요.", "김철수"),
        ("답변 기다리겠습니다. 이수진 드림", "이수진"),
    ],
)
def test_a_name_that_is_introduced_is_found(text: str, name: str) -> None:
    assert names_in(text) == [name]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Servus, ich heiße Klein und bin neu bei Ihnen", ["Klein"]),
        ("ich heiße jetzt Koch-Berger, bitte ändern", ["Koch-Berger"]),
        ("My name's Ng. Just Ng, nothing else", ["Ng", "Ng"]),
        ("Mijn naam is Anna van der Meer, klant", ["Anna van der Meer"]),
        ("my name is on the card twice", []),
        ("What I want to say: my name is I think wrong", []),
    ],
)
def test_what_somebody_is_called_is_a_name_whatever_else_it_means(
    text: str, names: list[str]
) -> None:
    assert names_in(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "هل يمكنني تغيير موعد الخصم الشهري من حسابي؟",
        "איך אפשר להחליף את כתובת הדואר שלי?",
        "मेरा कार्ड कल से काम नहीं कर रहा है, कृपया मदद करें",
        "ขอบคุณครับ อยากทราบยอดเงินคงเหลือในบัญชี",
        "请问我的退款什么时候到账？我是老客户",
        "お客様番号を忘れてしまいました。どうすればいいですか。",
        "고객님 번호를 잊어버렸는데 어떻게 하나요?",
    ],
)
def test_a_sentence_that_names_nobody_stays_as_it_is(text: str) -> None:
    assert names_in(text) == []


def test_latin_names_are_found_beside_other_writing() -> None:
    assert names_in("您好，我的英文名是 Sarah Whitcombe\nKind regards\nSarah Whitcombe")[-1] == (
        "Sarah Whitcombe"
    )
