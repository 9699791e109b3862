"""Each outside system over a real socket, in its own dialect."""

import asyncio
import contextlib

import httpx
import pytest

from answerable_sandbox.runner import Sandbox

SMS = "/sms/2010-04-01/Accounts/AC1/Messages"
CRM = "/crm/services/data/v61.0"
BLOCK = "/core/cards/CARD-5001/block"


async def applied(http: httpx.AsyncClient, system: str) -> list[str]:
    items = (await http.get("/journal", params={"system": system})).json()["items"]
    return [item["operation"] for item in items]


async def retried(http: httpx.AsyncClient, path: str, key: str, body: object) -> httpx.Response:
    """The call as a careful caller makes it: again with the same key until it is answered."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            return await http.post(path, json=body, headers={"Idempotency-Key": key})


async def test_core_is_closed_without_its_key(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url) as stranger:
        refused = await stranger.get("/core/customers/C-1001")

    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "api_key_missing"


async def test_only_the_asked_fields_leave_the_bank(http: httpx.AsyncClient) -> None:
    customer = await http.get("/core/customers/C-1001", params={"fields": "name,tier"})
    unknown = await http.get("/core/customers/C-1001", params={"fields": "password"})

    assert customer.json() == {"name": "Anna Schmidt", "tier": "standard"}
    assert unknown.status_code == 400


async def test_card_delivery_is_told_and_so_is_its_absence(http: httpx.AsyncClient) -> None:
    anna = (await http.get("/core/customers/C-1001/card-delivery")).json()
    ben = (await http.get("/core/customers/C-1002/card-delivery?fields=status")).json()

    assert (anna["found"], anna["status"], anna["last4"]) == (True, "shipped", "7316")
    assert anna["expected_on"] == "2026-11-25"
    assert ben == {"found": False, "status": None}
    assert (await http.get("/core/customers/C-9999/card-delivery")).status_code == 404


async def test_somebody_else_s_payment_is_not_found(http: httpx.AsyncClient) -> None:
    hers = (await http.get("/core/payments/NW-2026-0001?customer=C-1001")).json()
    his = (await http.get("/core/payments/NW-2026-0001?customer=C-1002")).json()

    assert (hers["found"], hers["amount"], hers["currency"]) == (True, "249.90", "EUR")
    assert (his["found"], his["amount"]) == (False, None)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/core/rates/EUR-USD", True),
        ("/core/rates/eur%2Fusd", True),
        ("/core/rates/USD", True),
        ("/core/rates/EUR-XXX", False),
        ("/core/branches?city=Munich", True),
        ("/core/branches?city=Atlantis", False),
        ("/core/customers/C-1001/transactions?limit=3", True),
    ],
)
async def test_lookups_say_whether_they_found_something(
    http: httpx.AsyncClient, path: str, found: bool
) -> None:
    answer = await http.get(path)

    assert (answer.status_code, answer.json()["found"]) == (200, found)


async def test_an_effect_whose_answer_was_lost_is_applied_exactly_once(
    http: httpx.AsyncClient,
) -> None:
    await http.post("/faults", json={"system": "core", "mode": "apply-then-lose", "times": 5})

    answer = await retried(http, BLOCK, "eff_1", {"reason": "lost"})

    assert answer.json()["already_blocked"] is False
    assert await applied(http, "core") == ["card blocked"]
    faults = (await http.get("/journal?system=core&kind=fault")).json()["items"]
    assert len(faults) == 5


async def test_many_effects_with_lost_answers_are_each_applied_once(
    http: httpx.AsyncClient,
) -> None:
    await http.post("/faults", json={"system": "core", "mode": "apply-then-lose", "times": 40})
    wish = {"customer_id": "C-1002", "kind": "phone", "requested_by": "contact"}

    answers = await asyncio.gather(
        *(
            retried(
                http,
                "/core/change-requests",
                f"eff_{number}",
                {**wish, "changes": {"phone": f"+4917139200{number}"}},
            )
            for number in range(20, 40)
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 20
    assert await applied(http, "core") == ["change requested"] * 20


async def test_a_lost_answer_is_no_answer_at_all(http: httpx.AsyncClient) -> None:
    await http.post("/faults", json={"system": "core", "mode": "apply-then-lose"})

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await http.post(BLOCK, json={})

    assert await applied(http, "core") == ["card blocked"]


async def test_a_change_request_needs_a_key_and_keeps_to_its_payload(
    http: httpx.AsyncClient,
) -> None:
    wish = {
        "customer_id": "C-1002",
        "kind": "email",
        "changes": {"email": "ben@example.org"},
        "requested_by": "contact",
    }
    other = {**wish, "changes": {"email": "mallory@example.org"}}
    headers = {"Idempotency-Key": "k1"}

    without = await http.post("/core/change-requests", json=wish)
    first = await http.post("/core/change-requests", json=wish, headers=headers)
    again = await http.post("/core/change-requests", json=wish, headers=headers)
    reused = await http.post("/core/change-requests", json=other, headers=headers)

    assert [r.status_code for r in (without, first, again, reused)] == [400, 201, 201, 422]
    assert first.json() == again.json()
    request = (await http.get(f"/core/change-requests/{first.json()['id']}")).json()
    assert (request["status"], request["changes"]) == ("pending", {"email": "ben@example.org"})


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"mode": "fail"}, 500),
        ({"mode": "fail", "status": 503}, 503),
        ({"mode": "refuse"}, 422),
        ({"mode": "refuse", "status": 403}, 403),
        ({"mode": "rate-limit", "seconds": 7}, 429),
    ],
)
async def test_a_fault_answers_without_applying(
    http: httpx.AsyncClient, fault: dict[str, object], status: int
) -> None:
    await http.post("/faults", json={"system": "core", **fault})

    struck = await http.post(BLOCK, json={})
    spared = await http.post(BLOCK, json={})

    assert (struck.status_code, spared.status_code) == (status, 200)
    assert struck.headers.get("retry-after") == ("7" if status == 429 else None)
    assert await applied(http, "core") == ["card blocked"]


async def test_a_slow_call_is_applied_and_a_hanging_one_is_not(http: httpx.AsyncClient) -> None:
    await http.post("/faults", json={"system": "core", "mode": "slow", "seconds": 0.05})
    assert (await http.post(BLOCK, json={})).status_code == 200

    await http.post("/faults", json={"system": "core", "mode": "hang", "seconds": 60})
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/core/cards/CARD-5003/block", json={}, timeout=0.1)

    await http.post("/faults", json={"system": "core", "mode": "hang", "seconds": 0.05})
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post("/core/cards/CARD-5003/block", json={})

    assert await applied(http, "core") == ["card blocked"]


async def test_faults_can_be_listed_and_removed_and_nonsense_is_refused(
    http: httpx.AsyncClient,
) -> None:
    await http.post("/faults", json={"system": "crm", "mode": "fail", "times": None})
    assert [f["system"] for f in (await http.get("/faults")).json()["items"]] == ["crm"]

    assert (await http.delete("/faults")).status_code == 204
    assert (await http.get("/faults")).json() == {"items": []}
    for nonsense in ({"system": "x", "mode": "fail"}, {"system": "core", "mode": "greylist"}):
        assert (await http.post("/faults", json=nonsense)).status_code == 422
    form = {"system": "core", "mode": "slow", "seconds": "soon"}
    assert (await http.post("/faults/form", data=form)).status_code == 422


def bearer(sandbox: Sandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.world.crm_sessions.issue()}"}


async def test_the_crm_speaks_salesforce(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    headers = bearer(sandbox)

    case = {"Subject": "New card", "Origin": "Web"}
    created = await http.post(f"{CRM}/sobjects/Case", json=case, headers=headers)
    id_ = created.json()["id"]
    assert (created.status_code, id_[:3], len(id_)) == (201, "500", 18)
    assert created.headers["sforce-limit-info"] == "api-usage=1/15000"

    comment = {"ParentId": id_, "CommentBody": "Decided: card-delivery"}
    assert (
        await http.post(f"{CRM}/sobjects/CaseComment", json=comment, headers=headers)
    ).status_code == 201
    closed = await http.patch(
        f"{CRM}/sobjects/Case/{id_}", json={"Status": "Closed"}, headers=headers
    )
    assert closed.status_code == 204

    stored = (await http.get(f"{CRM}/sobjects/Case/{id_}", headers=headers)).json()
    assert (stored["attributes"]["type"], stored["Status"]) == ("Case", "Closed")
    query = f"SELECT Id, Subject FROM Case WHERE CaseNumber = '{stored['CaseNumber']}'"
    found = (await http.get(f"{CRM}/query", params={"q": query}, headers=headers)).json()
    assert (found["totalSize"], found["records"][0]["Subject"]) == (1, "New card")
    assert await applied(http, "crm") == ["Case created", "CaseComment created", "Case updated"]


async def test_the_crm_refuses_in_salesforce_s_words(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    unsigned = await http.get(f"{CRM}/sobjects/Case/500")
    missing = await http.get(f"{CRM}/sobjects/Case/500", headers=bearer(sandbox))
    wrong = await http.post(f"{CRM}/sobjects/Case", json={"Nope": 1}, headers=bearer(sandbox))
    garbage = await http.post(f"{CRM}/sobjects/Case", content=b"{", headers=bearer(sandbox))
    grant = await http.post("/crm/services/oauth2/token", data={"grant_type": "password"})

    refusals = [
        (answer.status_code, answer.json()[0]["errorCode"])
        for answer in (unsigned, missing, wrong, garbage)
    ]
    assert refusals == [
        (401, "INVALID_SESSION_ID"),
        (404, "NOT_FOUND"),
        (400, "INVALID_FIELD"),
        (400, "JSON_PARSER_ERROR"),
    ]
    assert (grant.status_code, grant.json()["error"]) == (400, "unsupported_grant_type")


async def test_the_sms_gateway_speaks_twilio(http: httpx.AsyncClient) -> None:
    form = {"To": "+491713920001", "From": "+493023125999", "Body": "Your code is 123456"}
    auth = ("AC1", "sandbox")
    headers = {"Idempotency-Key": "otp_1"}

    for stranger in (None, ("AC1", "guessed"), ("AC2", "sandbox")):
        refused = await http.post(f"{SMS}.json", data=form, auth=stranger)
        assert (refused.status_code, refused.json()["code"]) == (401, 20003)
    sent = await http.post(f"{SMS}.json", data=form, auth=auth, headers=headers)
    again = await http.post(f"{SMS}.json", data=form, auth=auth, headers=headers)
    wrong = await http.post(f"{SMS}.json", data={**form, "To": "12"}, auth=auth)
    listed = (await http.get(f"{SMS}.json", params={"To": form["To"]}, auth=auth)).json()
    one = (await http.get(f"{SMS}/{sent.json()['sid']}.json", auth=auth)).json()

    assert (sent.status_code, sent.json()["status"]) == (201, "queued")
    assert again.json()["sid"] == sent.json()["sid"]
    assert (wrong.status_code, wrong.json()["code"]) == (400, 21211)
    assert [message["sid"] for message in listed["messages"]] == [sent.json()["sid"]]
    assert one["body"] == form["Body"]
    assert await applied(http, "sms") == ["message sent"]


async def test_a_hanging_call_does_not_keep_the_sandbox_from_stopping() -> None:
    async with asyncio.timeout(5):
        async with Sandbox() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as client:
            await client.post("/faults", json={"system": "core", "mode": "hang", "seconds": 600})
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/core/status", timeout=0.2)


async def test_an_apps_digits_are_checked_once_under_a_key(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    shown = {"customer_id": "C-1001", "digits": sandbox.world.bank.shown_by_apps()["C-1001"]}

    async def checked(key: str | None, **other: str) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        body = {**shown, **other}
        return await http.post("/core/authenticator-checks", json=body, headers=headers)

    assert (await checked(None)).json()["code"] == "idempotency_key_missing"
    assert (await checked("k0", digits="12345x")).status_code == 422
    assert (await checked("k1", customer_id="C-9999")).json() == {"accepted": False}
    assert (await checked("k2")).json() == {"accepted": True}
    assert (await checked("k2")).json() == {"accepted": True}
    assert (await checked("k3")).json() == {"accepted": False}
