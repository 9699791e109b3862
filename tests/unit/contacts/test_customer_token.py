"""The signed customer token: what it must say, and what nobody can make it say."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from answerable.contacts.customer_token import Customer, verify_customer_token
from answerable.kit.errors import NotAllowed
from answerable.kit.ids import TenantId
from answerable.kit.testing import SettableClock

SECRET = "a secret of thirty-two characters"
NOW = SettableClock().now()
SECONDS = int(NOW.timestamp())


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    every = {"sub": "C-1", "name": "Anna", "aud": "bank", "iat": SECONDS, "exp": SECONDS + 600}
    kept = {name: value for name, value in (every | claims).items() if value is not None}
    key = OctKey.import_key(secret.encode())
    return jwt.encode({"alg": algorithm}, kept, key, algorithms=[algorithm])


def verified(text: str) -> Customer:
    return verify_customer_token(text, secret=SECRET, tenant=TenantId("bank"), now=NOW)


def test_a_good_token_names_the_customer() -> None:
    assert verified(token()) == Customer(id="C-1", name="Anna")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other-bank"}, {"aud": None}, {"aud": ["bank", "other-bank"]},
        {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "a" * 201}, {"sub": "a\nb"},
        {"exp": None}, {"iat": None}, {"exp": SECONDS}, {"exp": SECONDS - 1},
        {"exp": True}, {"exp": "tomorrow"}, {"exp": SECONDS + 3601},
        {"iat": SECONDS - 3601, "exp": SECONDS + 10}, {"iat": SECONDS + 120},
        {"nbf": SECONDS + 120}, {"nbf": "x"},
    ],
)  # fmt: skip
def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed) as refusal:
        verified(token(**claims))
    assert refusal.value.code == "customer_token_invalid"
    assert str(refusal.value) == "The signed customer token is not valid."


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_algorithm_is_pinned(algorithm: str) -> None:
    with pytest.raises(NotAllowed):
        verified(token(secret=SECRET * 2, algorithm=algorithm))


def unsigned() -> str:
    _header, payload, _ = token().split(".")
    return f"eyJhbGciOiJub25lIn0.{payload}."


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", unsigned(), token("another secret, also thirty-two c."),
     token() + "x", token()[:-2], "é.é.é", "." * 5_000, token() * 20],
)  # fmt: skip
def test_what_is_not_signed_by_the_tenant_is_refused(text: str) -> None:
    with pytest.raises(NotAllowed):
        verified(text)


def test_no_token_is_good_for_longer_than_an_hour_from_its_issue() -> None:
    hour = int(timedelta(hours=1).total_seconds())
    assert verified(token(iat=SECONDS, exp=SECONDS + hour)).id == "C-1"


@pytest.mark.parametrize("name", [None, 7, "", "\u202e", ["Anna"]])
def test_a_name_that_cannot_be_shown_is_none(name: Any) -> None:
    found = verified(token(name=name)).name
    assert found is None or found.isprintable()
