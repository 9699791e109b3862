import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.privacy.cards import is_card_number
from answerable.privacy.detect import find
from answerable.privacy.spans import PRIORITY

CARD = "4111111111111111"
IBAN = "DE89370400440532013000"

FOUND = [
    ("card", "4111111111111111", CARD),
    ("card", "4111-1111-1111-1111", CARD),
    ("card", "4111.1111.1111.1111", CARD),
    ("card", "4111/1111/1111/1111", CARD),
    ("card", "4111_1111_1111_1111", CARD),
    ("card", "4111  1111  1111  1111", CARD),
    ("card", "4111 - 1111 - 1111 - 1111", CARD),
    ("card", "4111 1111\n1111 1111", CARD),
    ("card", "4111\u00a01111\u20091111\u202f1111", CARD),
    ("card", "4111\u200b1111\u200b1111\u200b1111", CARD),
    ("card", "4111\u20131111\u20131111\u20131111", CARD),
    ("card", "\uff14\uff11\uff11\uff11 1111 1111 1111", CARD),
    ("card", "\u0664\u0661\u0661\u0661 1111 1111 1111", CARD),
    ("card", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", CARD),
    ("card", "41 11 11 11 11 11 11 11 12/27", CARD),
    ("card", "41111 11111 111111", CARD),
    ("card", "my visa4111111111111111 please", CARD),
    ("card", "card no 4111111111111111, exp 01/28", CARD),
    ("card", "1. 4111 1111 1111 1111", CARD),
    ("card", "paid 20.00 4111 1111 1111 1111", CARD),
    ("card", "4111111111111111/12/27", CARD),
    ("card", '{"pan":"4111111111111111"}', CARD),
    ("card", "I paid for my order 4111 1111 1111 1111", CARD),
    ("card", "4111111111111111@example.com", CARD),
    ("card", "4111*1111*1111*1111", CARD),
    ("card", "4111,1111,1111,1111", CARD),
    ("card", "4111:1111:1111:1111", CARD),
    ("card", "5555555555554444,4111111111111111", CARD),
    ("card", "Kreditkarte:4111111111111111Ablauf 12/27", CARD),
    ("card", "3782 822463 10005", "378282246310005"),
    ("card", "Amex 378282246310005.", "378282246310005"),
    ("card", "3056 930902 5904", "30569309025904"),
    ("card", "(5555555555554444)", "5555555555554444"),
    ("card", "2223 0031 2200 3222", "2223003122003222"),
    ("card", "3530111333300000", "3530111333300000"),
    ("card", "6011 1111 1111 1117", "6011111111111117"),
    ("card", "four one one one, one one one one, one one one one, one one one one", CARD),
    (
        "card",
        "vier eins eins eins eins eins eins eins eins eins eins eins eins eins eins eins",
        CARD,
    ),
    ("phone", "my phone is oh seven seven hundred, nine hundred, one two three", "07700900123"),
    (
        "phone",
        "ring me: zero two zero, double seven, nine four six oh one two three",
        "020779460123",
    ),
    ("national_id", "NHS number 401 023 2137", "4010232137"),
    ("national_id", "my SIN is 130 692 544", "130692544"),
    ("national_id", "Sozialversicherungsnummer 65 120881 M 012", "65120881M012"),
    ("national_id", "NAS : 130-692-544", "130692544"),
    ("national_id", "NI number QQ 12 34 56 B", "QQ123456B"),
    ("passport", "driver's licence MORGA753116SM9IJ", "MORGA753116SM9IJ"),
    ("passport", "carte d'identité T22000129", "T22000129"),
    ("passport", "numéro de carte d'identité C01X0006H", "C01X0006H"),
    ("date_of_birth", "née le 1er mars 1962", "1er mars 1962"),
    ("bic", "the BIC of your bank, has it changed from COBADEFFXXX?", "COBADEFFXXX"),
    ("iban", "D E 8 9 3 7 0 4 0 0 4 4 0 5 3 2 0 1 3 0 0 0", IBAN),
    ("cvv", "card 4111 1111 1111 1111, exp 11/28, code 7 3 7", "737"),
    ("cvv", "CVV: 123", "123"),
    ("cvv", "cvv2=737", "737"),
    ("cvv", "my security code is 1234", "1234"),
    ("cvv", "737 is my cvv", "737"),
    ("cvv", "Pr\u00fcfziffer 737", "737"),
    ("cvv", "Kartenpr\u00fcfnummer lautet 737", "737"),
    ("cvv", "cryptogramme visuel : 737", "737"),
    ("cvv", "c\u00f3digo de seguridad: 737", "737"),
    ("cvv", "the three digits on the back are 737", "737"),
    ("cvv", "card 4111111111111111 09/27 737", "737"),
    ("cvv", "4111 1111 1111 1111, 09/2027, 737", "737"),
    ("cvv", "4111111111111111|09|27|737", "737"),
    ("cvv", "4111111111111111,737,12/27", "737"),
    ("cvv", "the cvc number on card 4111111111111111 is 737", "737"),
    ("iban", "DE89 3704 0044 0532 0130 00", IBAN),
    ("iban", "de89370400440532013000", IBAN),
    ("iban", "DE89-3704-0044-0532-0130-00", IBAN),
    ("iban", "IBANDE89370400440532013000", IBAN),
    ("iban", "IBAN DE89 3704 0044 0532 0130 00und", IBAN),
    ("iban", "GB29 NWBK 6016 1331 9268 19.", "GB29NWBK60161331926819"),
    ("iban", "FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
    ("iban", "NO93 8601 1117 947", "NO9386011117947"),
    ("bic", "BIC: DEUTDEFF", "DEUTDEFF"),
    ("bic", "bic: deutdeff500", "DEUTDEFF500"),
    ("bic", "SWIFT code NWBKGB2L", "NWBKGB2L"),
    ("phone", "+49 (0)30 1234567", "+490301234567"),
    ("phone", "0049 30 1234567", "0049301234567"),
    ("phone", "Tel.: 030 / 123 45 67", "0301234567"),
    ("phone", "call me at 555-0123", "5550123"),
    ("phone", "(212) 555-0198", "2125550198"),
    ("phone", "07911 123456", "07911123456"),
    ("phone", "06 12 34 56 78", "0612345678"),
    ("phone", "001-748-088-2851x818", "0017480882851x818"),
    ("email", "write to A.b+c@sub.Example.co.uk.", "a.b+c@sub.example.co.uk"),
    ("email", "<x@y.de>", "x@y.de"),
    ("email", "http://example.com/x?mail=x@y.de", "x@y.de"),
    ("email", "gr\u00f6\u00dfe@m\u00fcller.de", "gr\u00f6\u00dfe@m\u00fcller.de"),
    ("national_id", "078-05-1120", "078051120"),
    ("national_id", "SSN 078051120", "078051120"),
    ("national_id", "my social security number is 078 05 1120", "078051120"),
    ("national_id", "National Insurance: 123456789", "123456789"),
    ("national_id", "AB 12 34 56 C", "AB123456C"),
    ("national_id", "DNI 12345678Z", "12345678Z"),
    ("national_id", "X1234567L", "X1234567L"),
    ("national_id", "1 85 05 78 006 084 91", "185057800608491"),
    ("national_id", "RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("national_id", "PESEL 44051401359", "44051401359"),
    ("national_id", "BSN 111222333", "111222333"),
    ("national_id", "85.07.30-033.28", "85073003328"),
    ("national_id", "811228-9874", "8112289874"),
    ("national_id", "756.9217.0769.85", "7569217076985"),
    ("tax_id", "Steuer-ID 36574261809", "36574261809"),
    ("tax_id", "my tax id is 36 574 261 809", "36574261809"),
    ("tax_id", "EIN 12-3456789", "123456789"),
    ("tax_id", "DE136695976", "DE136695976"),
    ("date_of_birth", "DOB 12/03/1980", "12/03/1980"),
    ("date_of_birth", "geboren am 12.03.1980", "12.03.1980"),
    ("date_of_birth", "n\u00e9e le 3 mars 1980", "3 mars 1980"),
    ("date_of_birth", "born March 12, 1980", "march 12 1980"),
    ("date_of_birth", "D.O.B.: 1/2/80", "1/2/80"),
    ("account_number", "account number 12345678", "12345678"),
    ("account_number", "Kontonummer: 0532013000", "0532013000"),
    ("account_number", "sort code 20-00-00", "200000"),
    ("account_number", "IBAN DE89 3704 0044 0532 0130 01", "DE89370400440532013001"),
    ("passport", "passport C01X00T47", "C01X00T47"),
    ("passport", "my driver's license number is 425700624", "425700624"),
    ("ip", "192.168.1.20", "192.168.1.20"),
    ("ip", "2001:db8::8a2e:370:7334", "2001:db8::8a2e:370:7334"),
]

INNOCENT = [
    "my passport expires in 2029",
    "one two three, testing",
    "I counted one two three four five six seven eight nine ten sheep",
    "The code 482 on the parcel",
    "",
    "Where is my new card?",
    "order number 4111111111111111",
    "ORD-4111111111111111",
    "a4111111111111111b",
    "14111111111111111111",
    "4111 1111 1111 1112",
    "order 12345678901",
    "ref 0301234567",
    "Bestellnummer 4500123456",
    "tracking 1Z999AA10123456784",
    "tracking number 00340434161094042557",
    "parcel JJD000390007882937465",
    "invoice 2024-00012345",
    "12.03.2024",
    "on 2024-03-12 at 10:30:15",
    "amount 1.234.567,89 EUR",
    "it costs 1,234,567.89",
    "EUR 12345678",
    "$1234567.00",
    "version 1.2.3.4",
    "v10.0.0.1",
    "10:30:59:11",
    "std::vector<int> a::b",
    "ISBN 978-3-16-148410-0",
    "EAN 4006381333931",
    "room 101, floor 12",
    "24/7 support, 365 days",
    "I got 403 and error 500",
    "my card order 12345678901234",
    "swift DELIVERY please",
    "2023 2024 2025 2026",
    "serial 1234567890123456",
    "from 8:00-18:00 monday 12-16",
    "transaction 8f14e45fceea167a5a36dedad4bea2543",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "paid 100000 on my account",
    "account charged 150000 EUR",
    "my account shows 25 transactions",
    "balance 12 345 678",
    "IMEI 490154203237518",
    "@support please",
    "me@localhost",
    "security code sent by sms 482913",
    "a code with a CVV in 2024",
    "0.12345678901",
    "12  )",
    "1234567  )",
    "0.4111111111111111",
    "national holiday 20241225",
    "insurance 123456789",
    "temperature 20.5 and 1013.25",
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_personal_data_is_found_in_any_spelling(kind: str, text: str, value: str) -> None:
    assert (kind, value) in [(span.type, span.value) for span in find(text)]


@pytest.mark.parametrize("text", INNOCENT)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("card 4111 1111 1111 1111, my postal code 1234", "cvv"),
        ("compré dos sin recibo 130692545", "national_id"),
    ],
)
def test_a_word_that_means_something_else_here_names_nothing(text: str, kind: str) -> None:
    assert kind not in {span.type for span in find(text)}


def test_an_iban_that_holds_a_card_number_is_an_iban() -> None:
    assert [span.type for span in find("DE89 3704 0044 0532 0130 00")] == ["iban"]


def test_several_kinds_in_one_message_are_all_found_in_order() -> None:
    text = f"I am ben@example.com, card {CARD} cvv 123, IBAN {IBAN}, tel 030 1234567"

    assert [s.type for s in find(text)] == ["email", "card", "cvv", "iban", "phone"]


SEPARATORS = st.sampled_from(["", " ", "-", ".", "\u00a0", "\u2009", "\u2013", " - "])
# No digits and no letters, which would make it a longer number or another word.
AROUND = st.text(alphabet="\n\t ,;:!?()[]{}\"'<>=*\u00e9\u4e2d", max_size=20)
CARDS = st.sampled_from(
    [CARD, "5555555555554444", "378282246310005", "6011111111111117", "30569309025904"]
)


@given(card=CARDS, separator=SEPARATORS, before=AROUND, after=AROUND)
def test_a_card_is_found_wherever_it_stands(
    card: str, separator: str, before: str, after: str
) -> None:
    size = {16: 4, 15: 5, 14: 7}[len(card)]
    grouped = separator.join(card[n : n + size] for n in range(0, len(card), size))
    text = f"{before} {grouped} {after}"

    assert (len(before) + 1, len(before) + 1 + len(grouped)) in [
        (span.start, span.end) for span in find(text) if span.type == "card"
    ]


@given(st.text(max_size=300) | st.text(alphabet="0123456789 -./+()@:abcDE\u0130", max_size=300))
def test_spans_lie_in_the_text_and_never_overlap(text: str) -> None:
    spans = find(text)

    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        assert span.type in PRIORITY
        assert span.value
        end = span.end
    assert json.dumps([span.value for span in spans])


@pytest.mark.parametrize(
    "digits", ["4111111111111112", "1111111111111111", "0000000000000000", "411111111111111", "4"]
)
def test_a_number_of_no_issuer_or_a_wrong_check_digit_is_no_card(digits: str) -> None:
    assert not is_card_number(digits)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("my card is 4111 1111 1111 1112", "card", "4111 1111 1111 1112"),
        ("Karte: 5500000000000005", "card", "5500000000000005"),
        ("codice fiscale DSNGLC71B03A662X", "national_id", "DSNGLC71B03A662X"),
        ("C.F. DSNGLC71B03A662X", "national_id", "DSNGLC71B03A662X"),
        ("my VAT DE123456780", "tax_id", "DE123456780"),
    ],
)
def test_who_mistypes_a_number_that_is_called_so_means_it(text: str, kind: str, value: str) -> None:
    assert [(span.type, text[span.start : span.end]) for span in find(text)] == [(kind, value)]


@pytest.mark.parametrize(
    ("countries", "text", "found"),
    [
        (("GB",), "see 06 1 999 8888", []),
        (("HU",), "see 06 1 999 8888", ["06 1 999 8888"]),
        (("DE",), "see 8 (495) 123-45-67", []),
        (("RU",), "see 8 (495) 123-45-67", ["8 (495) 123-45-67"]),
        (("PL",), "see (212) 555-0198", []),
        (("US",), "see (212) 555-0198", ["(212) 555-0198"]),
        (("BR",), "see +49 30 1234567", ["+49 30 1234567"]),
        (("BR",), "my phone is 030 1234567", ["030 1234567"]),
    ],
)
def test_national_numbers_are_found_of_the_countries_that_are_named(
    countries: tuple[str, ...], text: str, found: list[str]
) -> None:
    assert [text[s.start : s.end] for s in find(text, regions=countries)] == found
