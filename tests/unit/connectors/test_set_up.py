"""What a definition says of its integrations is checked before anything is called."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.routing import Route

from answerable.api.hooks.sms_routes import router
from answerable.connectors.set_up import check_integrations, set_up_of
from answerable.connectors.sms.set_up import hook_path
from answerable.definition.load import load_definition
from answerable.definition.schema import Integration
from answerable.kit.web_address import in_the_clear, web_address

HEAD = """service: bank
channels: [{type: email, name: mail, address: help@bank.example}, {type: chat}]
teams: [cards]
escalation: {defaultTeam: cards}
integrations:
"""
HOOK = "/v1/hooks/bank/sms/sms-status"
SMS = "accountSid: AC1, sender: '+493023125999'"
CRM = "clientId: c, username: u"


def said(entry: str) -> list[str]:
    """Of the integrations that `entry` describes, in lines from 1."""
    found = load_definition("d", (HEAD + entry).encode(), further=check_integrations)
    before = HEAD.count("\n")
    told = []
    for problem in found.problems:
        mark = "" if problem.severity == "error" else "warning: "
        told.append(f"{problem.line - before}:{problem.column}: {mark}{problem.message}")
    return told


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (f"  sms: {{type: twilio, url: 'https://api.twilio.com', {SMS}}}", []),
        ("  core-banking: {url: 'http://127.0.0.1:8090/core'}", []),
        ("  core-banking: {url: 'http://[::1]:8090/core'}", []),
        (f"  crm: {{type: salesforce, url: 'https://b.my.salesforce.com', {CRM}}}", []),
        (
            "  shop: {type: shopify, url: 'http://shop.example'}",
            ["1:16: warning: no connector of the type shopify is installed: there are "
             "core-banking, salesforce, twilio"],
        ),
        (
            "  core-bankin: {url: 'https://core.example'}",
            ["1:16: warning: no connector of the type core-bankin is installed: did you mean "
             "core-banking?"],
        ),
        (
            "  core-banking: {url: core.example}",
            ["1:23: url is no address: write one such as https://bank.example/api"],
        ),
        (
            "  core-banking: {url: 'http://core.example'}",
            ["1:23: warning: url is not encrypted: keys and customers' data can be read on their "
             "way; write https"],
        ),
        (
            "  core-banking: {url: 'https://us:pw@core.example', timeout: 2s}",
            ["1:23: url holds a password: remove it, secrets come from settings",
             "1:53: warning: core-banking has no setting timeout"],
        ),
        (
            "  sms:\n    type: twilio\n    sendr: '+4930'\n",
            ["1:3: twilio needs accountSid: add `accountSid: ...`",
             "1:3: twilio needs sender or messagingService: add `sender: '+49...'`",
             "3:5: warning: twilio has no setting sendr: did you mean sender?"],
        ),
        (
            "  sms: {type: twilio, account-sid: AC1, sender: +493023125999}",
            ["1:49: sender is a text: put it into quotes, '+493023125999'"],
        ),
        (
            "  sms: {type: twilio, accountSid: AC1, sender: 030 23125999}",
            ["1:48: sender is no number as E.164 writes it: write it as '+493023125999'"],
        ),
        (
            "  sms: {type: twilio, accountSid: AC1, sender: BANK}",
            ["1:48: warning: a sender of letters is refused in some countries, and nobody can "
             "answer it"],
        ),
        ("  sms: {type: twilio, accountSid: AC1, sender: '32665'}", []),
        (
            "  sms: {type: twilio, accountSid: AC1, messagingService: '+493023125999'}",
            ["1:58: messagingService is MG and 32 further digits or letters from a to f"],
        ),
        (
            f"  sms: {{type: twilio, {SMS}, statusCallback: 'http://bank.example{HOOK}'}}",
            ["1:81: statusCallback is not encrypted: write https"],
        ),
        (f"  sms: {{type: twilio, {SMS}, statusCallback: 'http://localhost:8080{HOOK}'}}", []),
        (f"  sms: {{type: twilio, {SMS}, statusCallback: 'https://b.example/behind{HOOK}'}}", []),
        (
            f"  sms: {{type: twilio, {SMS}, statusCallback: 'https://b.example{HOOK}?a=1'}}",
            [f"1:81: reports sent there are refused: end it with {HOOK}"],
        ),
        (
            f"  text: {{type: twilio, {SMS}, statusCallback: 'https://b.example{HOOK}'}}",
            ["1:82: reports sent there are refused: end it with "
             "/v1/hooks/bank/text/sms-status"],
        ),
        (
            f"  sms: {{type: twilio, {SMS}, statusCallback: 8080}}",
            [f"1:81: statusCallback is no address: write https://..., ending with {HOOK}"],
        ),
        (
            "  crm: {type: salesforce, username: u}",
            ["1:3: salesforce needs clientId: add `clientId: ...`"],
        ),
        (
            f"  crm: {{type: salesforce, {CRM}, audience: login, apiShare: 90, apiVersion: 61}}",
            ["1:63: audience is no address with https: write https://login.salesforce.com",
             "1:80: apiShare is above 0 and at most 1, not 90",
             "1:96: 61 is no version: write v61.0"],
        ),
        (
            f"  crm: {{type: salesforce, {CRM}, inbox: mial, mirror: never, mirrorSince: soon}}",
            ["1:60: no mail inbox is called mial: did you mean mail?",
             "1:74: mirror cannot be 'never': write one of masked, whole, without-texts, off",
             "1:94: 'soon' is no date: write 2026-12-25"],
        ),
        (
            f"  crm:\n    {{type: salesforce, {CRM}, comments: Note, queues: {{card: 00G1}},\n"
            "     statuses: {opened: New}, externalId: 'a b', origins: 1}",
            ["2:60: the integration 'crm': comments must be CaseComment or FeedItem",
             "2:81: no team is called card: did you mean cards?",
             "3:17: warning: statuses has no opened: did you mean open?",
             "3:43: the integration 'crm': externalId must be the API name of a field",
             "3:59: the integration 'crm': origins must be a mapping"],
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_told_by_place(entry: str, found: list[str]) -> None:
    assert said(entry) == found


def test_reports_are_taken_in_where_the_definition_is_told_that_they_are() -> None:
    [route] = [route for route in router.routes if isinstance(route, Route)]
    assert hook_path("{tenant}", "{integration}") == route.path


@pytest.mark.parametrize(
    ("type_", "settings", "wanted"),
    [
        ("twilio", {}, False),
        ("twilio", {"statusCallback": "https://b.example"}, True),
        ("salesforce", {}, False),
        ("salesforce", {"inbox": "mail"}, True),
    ],
)
def test_a_hook_needs_a_secret_where_it_is_called(
    type_: str, settings: Mapping[str, Any], wanted: bool
) -> None:
    set_up = set_up_of(type_)
    assert set_up is not None
    assert set_up.hook_secret is not None
    assert set_up.hook_secret.wanted(Integration(name="x", type=type_, settings=settings)) == wanted


@pytest.mark.parametrize(
    ("address", "is_one", "clear"),
    [
        ("https://bank.example", True, False),
        ("http://bank.example:8080/a", True, True),
        ("http://127.1.2.3", True, False),
        ("http://bank.localhost/", True, False),
        ("http://localhost.bank.example/", True, True),
        ("ftp://bank.example", False, None),
        ("http://", False, None),
        ("http://b:99999/", False, None),
        ("http://[::1", False, None),
        ("http://a b/", False, None),
        (8080, False, None),
        (None, False, None),
    ],
)
def test_an_address_is_one_or_is_not(address: object, is_one: bool, clear: bool | None) -> None:
    parts = web_address(address)
    assert (parts is not None) == is_one
    assert parts is None or in_the_clear(parts) == clear
