"""The bank's first day: the same records for the same date, all of them invented.

Phone numbers come from ranges that the German and British regulators keep free for fiction, mail
domains from RFC 2606, and the bank code 999 123 45 is not assigned.
"""

from __future__ import annotations

from datetime import date, timedelta

from answerable_sandbox.systems.authenticator import seeded_authenticator
from answerable_sandbox.systems.bank_records import (
    Account,
    Branch,
    Card,
    Customer,
    Delivery,
    Payment,
    PaymentStatus,
    Records,
    ServiceStatus,
    Transaction,
)

BANK_CODE = "99912345"
WITHOUT_APP = ("C-1010",)
APPS_WITH_SHA256 = ("C-1003", "C-1005")

_CUSTOMERS = """
C-1001 | Anna Schmidt    | +491713920001 | standard | en | Lindenweg 12   | 10115 | Berlin
C-1002 | Ben Okafor      | +491713920002 | standard | en | Hafenstraße 7  | 20457 | Hamburg
C-1003 | Clara Lindqvist | +491713920003 | private  | en | Parkallee 3    | 28209 | Bremen
C-1004 | Deniz Aydin     | +491713920004 | standard | de | Kirchgasse 21  | 50667 | Köln
C-1005 | Elena Petrova   | +491713920005 | private  | en | Seestraße 88   | 80802 | München
C-1006 | Farid Haddad    | +491713920006 | standard | en | Marktplatz 5   | 70173 | Stuttgart
C-1007 | Greta Sommer    | +491713920007 | standard | de | Am Anger 14    | 99084 | Erfurt
C-1008 | Hugo Martens    | +491713920008 | standard | de | Deichweg 2     | 26721 | Emden
C-1009 | Ines Carvalho   | +447700900109 | standard | en | Rosenstraße 9  | 01067 | Dresden
C-1010 | Jonas Weber     | +491713920010 | private  | de | Bergstraße 31  | 69115 | Heidelberg
"""

_BRANCHES = """
B-01 | Berlin Mitte     | Invalidenstraße 200 | 10115 | Berlin  | +493023125001
B-02 | Berlin Neukölln  | Sonnenweg 41        | 12047 | Berlin  | +493023125002
B-03 | Hamburg Hafen    | Am Kai 9            | 20457 | Hamburg | +494066969001
B-04 | München Schwabing | Leopoldgasse 77    | 80802 | München | +498999998001
"""

# Monday to Thursday, Friday, Saturday.
_HOURS = {
    "B-01": ("09:00-18:00", "09:00-16:00", "10:00-13:00"),
    "B-02": ("10:00-18:00", "10:00-14:00", "closed"),
    "B-03": ("09:00-17:00", "09:00-15:00", "closed"),
    "B-04": ("09:00-17:00", "09:00-16:00", "10:00-12:00"),
}
_SERVICES = {
    "B-01": ("advice", "cash desk", "safe deposit"),
    "B-02": ("advice",),
    "B-03": ("advice", "cash desk", "safe deposit"),
    "B-04": ("advice", "cash desk"),
}

# reference, customer, status, amount in cents, counterparty, days ago
_PAYMENTS: tuple[tuple[str, str, PaymentStatus, int, str, int | None], ...] = (
    ("NW-2026-0001", "C-1001", "booked", 24_990, "Möbelhaus Linde", 1),
    ("NW-2026-0002", "C-1001", "pending", 120_000, "Vermietung Lind", None),
    ("NW-2026-0003", "C-1002", "returned", 8_950, "Stadtwerke Nord", 7),
    ("NW-2026-0004", "C-1002", "booked", 4_200, "Bahnlinie", 7),
    ("NW-2026-0005", "C-1003", "rejected", 990_000, "Yachthafen Bremen", None),
    ("NW-2026-0006", "C-1005", "booked", 310_000, "Galerie Seeblick", 1),
)


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


CUSTOMERS: tuple[Customer, ...] = tuple(
    Customer(
        id=id_,
        name=name,
        email=f"{name.lower().replace(' ', '.')}@example.com",
        phone=phone,
        tier="private" if tier == "private" else "standard",
        language=language,
        street=street,
        postal_code=postal_code,
        city=city,
    )
    for id_, name, phone, tier, language, street, postal_code, city in _rows(_CUSTOMERS)
)


def iban_of(account_number: int) -> str:
    """A German IBAN of the invented bank, with a valid checksum (ISO 13616, modulo 97)."""
    bban = f"{BANK_CODE}{account_number:010d}"
    check = 98 - int(f"{bban}131400") % 97  # D = 13, E = 14, and 00 in place of the digits sought
    return f"DE{check:02d}{bban}"


def seed_records(today: date) -> Records:
    """The bank's records as they stand on `today`; dates are counted from it."""
    accounts = _accounts()
    return Records(
        customers={customer.id: customer for customer in CUSTOMERS},
        accounts=accounts,
        cards={card.id: card for card in _cards(today)},
        transactions=_transactions(accounts, today),
        payments={payment.reference: payment for payment in _payments(today)},
        branches=_branches(),
        rates={
            "EUR-USD": "1.0842",
            "EUR-GBP": "0.8511",
            "EUR-CHF": "0.9573",
            "EUR-PLN": "4.2710",
            "USD-EUR": "0.9223",
            "GBP-EUR": "1.1749",
        },
        authenticators={
            customer.id: seeded_authenticator(
                customer.id, "sha256" if customer.id in APPS_WITH_SHA256 else "sha1"
            )
            for customer in CUSTOMERS
            if customer.id not in WITHOUT_APP
        },
        services=[
            ServiceStatus(name="online-banking", title="Online banking", status="operational"),
            ServiceStatus(name="mobile-app", title="Mobile app", status="operational"),
            ServiceStatus(name="card-payments", title="Card payments", status="operational"),
            ServiceStatus(
                name="instant-transfers",
                title="Instant transfers",
                status="degraded",
                note="Some transfers take up to 30 minutes.",
            ),
        ],
    )


def _accounts() -> list[Account]:
    accounts = []
    for index, customer in enumerate(CUSTOMERS, start=1):
        accounts.append(
            Account(
                id=f"A-{2000 + index}",
                customer_id=customer.id,
                kind="current",
                iban=iban_of(4_400_000 + index * 137),
                balance_minor=(index * 73_911) % 900_000 + 12_345,
            )
        )
        if index % 2 == 1:
            accounts.append(
                Account(
                    id=f"A-{3000 + index}",
                    customer_id=customer.id,
                    kind="savings",
                    iban=iban_of(7_700_000 + index * 211),
                    balance_minor=1_000_000 + index * 123_457,
                )
            )
    return accounts


def _card(
    number: int,
    customer_id: str,
    last4: str,
    *,
    kind: str = "debit",
    delivery: Delivery | None = None,
) -> Card:
    on_its_way = delivery is not None and delivery.status != "delivered"
    return Card(
        id=f"CARD-{number}",
        customer_id=customer_id,
        kind="credit" if kind == "credit" else "debit",
        masked_pan=f"999900******{last4}",
        last4=last4,
        status="ordered" if on_its_way else "active",
        valid_until="2030-09",
        delivery=delivery,
    )


def _cards(today: date) -> list[Card]:
    shipped = Delivery(
        status="shipped",
        ordered_on=today - timedelta(days=6),
        expected_on=today + timedelta(days=2),
    )
    in_production = Delivery(
        status="in production",
        ordered_on=today - timedelta(days=1),
        expected_on=today + timedelta(days=7),
    )
    returned = Delivery(
        status="returned",
        ordered_on=today - timedelta(days=20),
        expected_on=today - timedelta(days=9),
    )
    delivered = Delivery(
        status="delivered",
        ordered_on=today - timedelta(days=40),
        expected_on=today - timedelta(days=33),
    )
    # Ben Okafor has a card but no order: the answer "no order found" must be possible too.
    return [
        _card(5001, "C-1001", "4821"),
        _card(5002, "C-1001", "7316", kind="credit", delivery=shipped),
        _card(5003, "C-1002", "0954"),
        _card(5004, "C-1003", "2240", kind="credit", delivery=in_production),
        _card(5005, "C-1004", "6103", delivery=delivered),
        _card(5006, "C-1005", "9927", kind="credit"),
        _card(5007, "C-1006", "1548", delivery=returned),
        _card(5008, "C-1007", "3372"),
        _card(5009, "C-1008", "8065", delivery=shipped),
        _card(5010, "C-1009", "5219"),
        _card(5011, "C-1010", "7780", kind="credit", delivery=in_production),
    ]


def _transactions(accounts: list[Account], today: date) -> list[Transaction]:
    habits = (
        ("Grünmarkt", "Card payment groceries", -4_385),
        ("Stadtwerke Nord", "Direct debit electricity", -8_900),
        ("Hafen Kontor GmbH", "Salary", 284_100),
        ("Bahnlinie", "Card payment tickets", -3_190),
        ("Lesewelt", "Card payment books", -2_240),
        ("Vermietung Lind", "Standing order rent", -94_000),
        ("Café Morgen", "Card payment", -780),
    )
    return [
        Transaction(
            id=f"T-{account.id[2:]}-{position + 1:02d}",
            account_id=account.id,
            customer_id=account.customer_id,
            booked_on=today - timedelta(days=1 + position * 2),
            amount_minor=amount - (-1 if amount < 0 else 1) * (int(account.id[2:]) % 50),
            counterparty=counterparty,
            text=text,
        )
        for account in accounts
        if account.kind == "current"
        for position, (counterparty, text, amount) in enumerate(habits)
    ]


def _payments(today: date) -> list[Payment]:
    return [
        Payment(
            reference=reference,
            customer_id=customer_id,
            status=status,
            amount_minor=amount_minor,
            counterparty=counterparty,
            booked_on=None if days_ago is None else today - timedelta(days=days_ago),
        )
        for reference, customer_id, status, amount_minor, counterparty, days_ago in _PAYMENTS
    ]


def _opening_hours(branch_id: str) -> dict[str, str]:
    weekday, friday, saturday = _HOURS[branch_id]
    return {
        **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), weekday),
        "friday": friday,
        "saturday": saturday,
        "sunday": "closed",
    }


def _branches() -> list[Branch]:
    return [
        Branch(
            id=id_,
            name=name,
            street=street,
            postal_code=postal_code,
            city=city,
            phone=phone,
            opening_hours=_opening_hours(id_),
            services=_SERVICES[id_],
        )
        for id_, name, street, postal_code, city, phone in _rows(_BRANCHES)
    ]
