"""The verifier's own Ed25519 agrees with a well-known library, on good and on bad signatures."""

import base64
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from answerable.ledger.verify import PublicKey

ORDER = 2**252 + 27742317777372353535851937790883648493


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def key_of(private: Ed25519PrivateKey) -> PublicKey:
    return PublicKey(encoded(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)))


def test_the_example_of_the_standard_is_accepted() -> None:
    """RFC 8032, section 7.1, test 2."""
    public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )

    key = PublicKey(encoded(bytes.fromhex(public)))

    assert key.signed(b"\x72", encoded(bytes.fromhex(signature)))
    assert not key.signed(b"\x73", encoded(bytes.fromhex(signature)))


def test_good_signatures_are_accepted_and_altered_ones_are_not() -> None:
    numbers = random.Random(8032)
    for length in (0, 1, 63, 64, 65, 1_000):
        private = Ed25519PrivateKey.from_private_bytes(numbers.randbytes(32))
        key = key_of(private)
        message = numbers.randbytes(length)
        signature = private.sign(message)
        altered = bytearray(signature)
        altered[numbers.randrange(64)] ^= 1 << numbers.randrange(8)

        assert key.signed(message, encoded(signature))
        assert not key.signed(message + b".", encoded(signature))
        assert not key.signed(message, encoded(bytes(altered)))


def test_a_signature_has_one_spelling_only() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    key, signature = key_of(private), private.sign(b"message")
    s = int.from_bytes(signature[32:], "little")
    larger = signature[:32] + (s + ORDER).to_bytes(32, "little")
    text = encoded(signature)
    spare_bits = text[:-3] + chr(ord(text[-3]) + 1) + "=="

    assert not key.signed(b"message", encoded(larger))
    assert not key.signed(b"message", spare_bits)
    assert not key.signed(b"message", text[:-1])
    assert not key.signed(b"message", "")


@pytest.mark.parametrize(
    "text", ["", "AAAA", "ä" * 44, encoded(b"\xff" * 32), encoded((2).to_bytes(32, "little"))]
)
def test_what_is_no_point_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        PublicKey(text)
