"""The doctor looks at what integrations are told and trusted with, by the role of the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from joserfc.jwk import RSAKey

from answerable.kit.testing import SettableClock
from answerable.processes.demo import DemoPorts, demo_settings
from answerable.processes.doctor import Visit, examine
from answerable.processes.doctor_report import Finding
from answerable.processes.settings import PREFIX, Settings
from tests.support.needs import REPOSITORY
from tests.support.town import Town

DEMO = REPOSITORY / "examples" / "northwind-bank" / "service.yaml"
HOOK = "/v1/hooks/northwind-bank/sms/sms-status"
CRM, SMS, CORE = "CONNECTOR_CRM_", "CONNECTOR_SMS_", "CONNECTOR_CORE_BANKING_"
LOOKED_AT = ("connectors", "secrets", "hooks", "pages", "reachable")


@cache
def pem() -> str:
    return RSAKey.generate_key(2048, private=True).as_pem(private=True).decode()


def all_set() -> dict[str, str]:
    return {
        f"{CORE}KEY": "k", f"{CRM}KEY": pem(), f"{CRM}HOOK_SECRET": "x" * 32,
        f"{SMS}KEY": "k", f"{SMS}HOOK_SECRET": "k", "PUBLIC_URL": "http://localhost:8080",
    }  # fmt: skip


def looked(
    tmp_path: Path, given: dict[str, str] | None = None, *, role: str | None = None,
    connect: bool = False, service: Path = DEMO,
) -> list[Finding]:  # fmt: skip
    """What is found of integrations that is not well."""
    environment = {PREFIX + name: value for name, value in (given or all_set()).items() if value}
    environment["NORTHWIND_CHAT_SECRET"] = "x" * 32
    visit = Visit(
        environment=environment, data=str(tmp_path), services=[service], connect=connect,
        clock=SettableClock(), role=role,
    )  # fmt: skip
    found = [one for one in examine(visit) if one.check in LOOKED_AT and one.level != "ok"]
    assert all(one.mend for one in found)
    assert pem() not in repr(found)
    return found


def told(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.level, one.text) for one in found]


def edited(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = DEMO.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "service.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_demo_lacks_nothing(tmp_path: Path) -> None:
    assert looked(tmp_path, dict(demo_settings(Settings(), DemoPorts()).values)) == []


def test_each_secret_that_is_missing_is_named_with_what_belongs_there(tmp_path: Path) -> None:
    found = looked(tmp_path, {"PUBLIC_URL": "http://localhost:8080"})

    assert [one.level for one in found] == ["warning"] * 5
    for one, (setting, what, without) in zip(
        found,
        [
            (f"{CORE}KEY", "the API key of the core banking system", "which a real system refuses"),
            (f"{CRM}KEY", "the private key of the connected app", "no case is written"),
            (f"{CRM}HOOK_SECRET", "32 random bytes", "mails that come to the CRM are refused"),
            (f"{SMS}KEY", "the account's auth token", "no text message leaves"),
            (f"{SMS}HOOK_SECRET", "the account's auth token", "reports"),
        ],
        strict=True,
    ):
        assert f"{PREFIX}{setting} is not set" in one.text
        assert without in one.text
        assert f"{PREFIX}{setting}_FILE" in one.mend
        assert what in one.mend


def test_a_role_is_asked_for_what_it_needs_and_no_more(tmp_path: Path) -> None:
    nothing = {"PUBLIC_URL": "http://localhost:8080"}
    missing = {
        role: [one.text.split()[1] for one in looked(tmp_path, nothing, role=role)]
        for role in ("connector", "gateway", "worker", "scheduler")
    }

    assert missing == {
        "connector": [f"{PREFIX}{name}KEY" for name in (CORE, CRM, SMS)],
        "gateway": [f"{PREFIX}{name}HOOK_SECRET" for name in (CRM, SMS)],
        "worker": [],
        "scheduler": [],
    }


@pytest.mark.parametrize("role", ["gateway", "worker", "scheduler"])
def test_a_vendor_s_key_where_no_connector_runs_is_told(tmp_path: Path, role: str) -> None:
    found = told(looked(tmp_path, role=role))

    assert [level for level, _ in found] == ["warning"] * 3
    assert all(f"though a {role} never speaks with it" in text for _, text in found)


@pytest.mark.parametrize(
    ("given", "level", "text"),
    [
        ({f"{CRM}KEY": "no key"}, "problem", "the key of the integration 'crm' is no RSA key"),
        ({f"{CRM}HOOK_SECRET": "short"}, "problem", "is shorter than 32 bytes"),
        ({f"{CORE}URL": "http://core.bank.example"}, "warning", "core-banking: its key and"),
        ({f"{SMS}URL": "api.twilio.com"}, "problem", "sms: its address is none"),
        ({"PUBLIC_URL": ""}, "warning", "playbooks that send a link hand over"),
        ({"PUBLIC_URL": "help.bank.example"}, "problem", "must be like https://"),
        ({"PUBLIC_URL": "http://help.bank.example"}, "problem", "pages that are not encrypted"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, given: dict[str, str], level: str, text: str
) -> None:
    found = told(looked(tmp_path, {**all_set(), **given}))

    assert [one for one, words in found if text in words] == [level]


def test_what_check_says_of_an_integration_is_told_here_too(tmp_path: Path) -> None:
    service = edited(
        tmp_path,
        ("http://127.0.0.1:8080/v1/hooks", "http://bank.example/v1/hooks"),
        ("    username: answerable@northwind.example\n", ""),
    )

    found = looked(tmp_path, service=service)

    assert ("problem", "crm: salesforce needs username: add `username: ...`") in told(found)
    assert ("problem", "sms: statusCallback is not encrypted: write https") in told(found)
    assert [one.check for one in found if "another host" in one.text] == ["hooks"]


async def test_without_a_file_the_definitions_in_force_are_looked_at(
    town: Town, data: Path
) -> None:
    visit = Visit(
        environment={}, data=str(data), services=(), connect=False, clock=town.clock
    )  # fmt: skip

    texts = [one.text for one in examine(visit) if one.check in ("definition", "connectors")]

    assert any("corner-shop" in text for text in texts)
    assert "warehouse: no connector of type 'warehouse' is installed" in texts


class Other(BaseHTTPRequestHandler):
    """Answers a hook as we do, if it is ours."""

    ours = True

    def do_GET(self) -> None:
        hook = self.path == HOOK and self.ours
        self.send_response(405 if hook else 404)
        self.end_headers()
        self.wfile.write(b'{"code": "method_not_allowed"}' if hook else b"nothing here")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_whether_a_gateway_s_reports_would_reach_us(tmp_path: Path) -> None:
    class Stranger(Other):
        ours = False

    results = {}
    for handler in (Other, Stranger):
        with serving(handler) as url:
            service = edited(tmp_path, ("http://127.0.0.1:8080/v1/hooks", f"{url}/v1/hooks"))
            found = looked(tmp_path, role="gateway", connect=True, service=service)
            results[handler] = [one.text for one in found if one.check == "reachable"]
    gone = looked(tmp_path, role="gateway", connect=True, service=service)

    assert results == {
        Other: [],
        Stranger: ["sms: where it is told to call us somebody else answers (404)"],
    }
    [nobody] = [one.text for one in gone if one.check == "reachable"]
    assert "nobody answers where it is told to call us" in nobody


def test_only_connectors_knock_at_other_systems(tmp_path: Path) -> None:
    with serving(Other) as url:
        here = {f"{name}URL": url for name in (CORE, CRM, SMS)}
        asked = {
            role: [
                one.text
                for one in looked(tmp_path, {**all_set(), **here}, role=role, connect=True)
                if one.check == "reachable"
            ]
            for role in ("connector", "worker")
        }
    dead = looked(tmp_path, {**all_set(), **here}, role="connector", connect=True)

    assert asked == {"connector": [], "worker": []}
    assert len([one for one in dead if one.check == "reachable"]) == 3
