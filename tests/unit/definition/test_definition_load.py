"""Loading: what becomes of definitions that are right."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from answerable.definition.condition import Condition
from answerable.definition.duration import BusinessDuration, Duration
from answerable.definition.load import LoadResult, load_definition
from answerable.definition.schema import Rate, ServiceDefinition
from answerable.definition.terms import Proof
from tests.support.needs import needs_shared_data

DATA = Path(__file__).parents[2] / "data" / "definitions"


def loaded(name: str) -> ServiceDefinition:
    result = load_definition(DATA / name)
    assert result.errors == ()
    assert result.definition is not None
    return result.definition


def reference(name: str) -> LoadResult:
    return load_definition(needs_shared_data("reference", "configs", name))


def test_a_small_definition_needs_no_more_than_it_says() -> None:
    shop = loaded("shop.yaml")

    assert (shop.tenant, shop.brand.name, shop.default_team) == (
        "harbour-shop",
        "Harbour Shop",
        "orders",
    )
    assert [channel.name for channel in shop.channels] == ["chat", "email"]
    assert shop.template("order-status", "de") == "Your order is {{ order.status }}."
    assert shop.answers_in("pl") == shop.language  # no template is in Polish
    assert shop.answers_in(None) == shop.language
    german = shop.model_copy(update={"templates": {"order-status": {"de": "Da.", "en": "Here."}}})
    assert (german.answers_in("de-AT"), german.answers_in("pl")) == ("de-AT", shop.language)
    assert shop.thresholds.confidence == 0.8
    assert shop.calendar_of("orders") is None
    assert load_definition(DATA / "shop.yaml").warnings == ()


def test_intents_keep_what_their_many_spellings_mean() -> None:
    insurer = loaded("insurer.yaml")
    status, fraud = insurer.intents["claim-status"], insurer.intents["claim-fraud"]

    assert (status.title, status.category, status.team) == ("Claim status", "claims", "claims")
    assert (status.proof, status.auto_resolve) == (Proof.SIGNED_IN, True)
    assert (fraud.priority, fraud.alert, fraud.sensitive) == ("urgent", ("security-team",), "fraud")
    assert insurer.confidence_for("claim-status") == 0.9
    assert insurer.confidence_for("claim-fraud") == 0.85
    assert insurer.role_of("claim-fraud") == "human-only"


def test_a_playbook_is_found_by_its_intent_and_asks_for_the_intents_proof() -> None:
    playbook = loaded("insurer.yaml").playbook_for("claim-status")

    assert playbook is not None
    assert (playbook.name, playbook.proof) == ("claimStatus", Proof.SIGNED_IN)
    assert [step.action for step in playbook.workflow] == ["ask", "lookup", "hand-off", "reply"]
    lookup, hand_off = playbook.workflow[1], playbook.workflow[2]
    assert (lookup.as_, lookup.parameters["with"]) == ("claim", {"number": "claim_number"})
    assert isinstance(hand_off.condition, Condition)
    assert hand_off.condition.evaluate({"claim": {"found": True, "amount": 200_000}})
    assert not hand_off.condition.evaluate({"claim": {"found": True, "amount": 5}})


def test_promises_calendars_and_limits_are_typed() -> None:
    insurer = loaded("insurer.yaml")
    standard = insurer.sla_for("normal", intent="claim-status")

    assert standard is not None
    assert standard.first_response == BusinessDuration(amount=4, unit="hours")
    assert standard.resolution == BusinessDuration(amount=3, unit="days")
    desk = insurer.calendar_of("claims")
    assert desk is not None
    assert desk.timezone == "Europe/Berlin"
    assert date(2026, 12, 25) in desk.holidays
    assert insurer.calendar_of("security-team") == desk
    assert desk.add(datetime(2026, 11, 20, 10, tzinfo=UTC), standard.first_response) == datetime(
        2026, 11, 23, 10, tzinfo=UTC
    )
    assert insurer.limits.automatic_replies["email"] == Rate(
        count=1, per=Duration(length=timedelta(hours=12))
    )
    assert insurer.integrations["claims-system"].settings == {"timeout": "2s"}


def test_a_routing_rule_may_call_an_intent_a_category() -> None:
    rule = loaded("insurer.yaml").routing[0]

    assert rule.condition.source == "category == 'claim-fraud'"
    assert rule.condition.evaluate({"intent": "claim-fraud", "category": "claims"})
    assert (rule.team, rule.priority) == ("security-team", "urgent")


def test_promises_may_differ_by_plan() -> None:
    software = loaded("software.json")

    def first_response(plan: str, priority: str) -> object:
        found = software.sla_for(priority, plan=plan)  # type: ignore[arg-type]
        return found.first_response if found else None

    assert first_response("enterprise", "urgent") == Duration(length=timedelta(minutes=30))
    assert first_response("starter", "urgent") == Duration(length=timedelta(hours=48))
    assert first_response("unknown", "urgent") is None


def test_json_texts_keep_their_rare_characters() -> None:
    assert "tutorial \N{GRINNING FACE}" in loaded("software.json").intents["how-to"].examples


def test_the_hash_is_of_what_is_said_not_of_how_it_is_written() -> None:
    yaml = load_definition("a.yaml", b"service: x\nlanguage: en  # comment\n")
    json = load_definition("b.json", b'{"language": "en", "service": "x"}')
    other = load_definition("c.yaml", b"service: x\nlanguage: de\n")

    assert yaml.definition
    assert json.definition
    assert other.definition
    assert yaml.definition.hash == json.definition.hash != other.definition.hash
    assert len(yaml.definition.hash) == 64


def test_words_that_were_booleans_once_are_texts_with_a_warning() -> None:
    result = load_definition(
        "x.yaml", b"service: x\nclassification:\n  a:\n    - name: b\n      keywords: [no, 'off']\n"
    )

    assert result.definition
    assert result.definition.intents["b"].keywords == ("no", "off")
    assert str(result.warnings[1]) == (
        "x.yaml:5:18: warning: no is read as a text, not as a boolean: "
        "write true or false, or quote it"
    )


def test_aliases_are_allowed() -> None:
    text = (
        b"service: x\nteams: [a]\ncalendars:\n  a: &a {schedule: {monday: '9:00-10:00'}}\n  b: *a"
    )
    result = load_definition("x.yaml", text)

    assert result.definition
    assert result.definition.calendars["a"] == result.definition.calendars["b"]


@pytest.mark.parametrize("name", ["ecommerce.yaml", "fintech.yaml", "saas.json"])
def test_the_reference_definitions_load_unchanged(name: str) -> None:
    result = reference(name)

    assert result.errors == ()
    assert result.definition is not None


def test_the_shop_of_the_reference_means_what_it_says() -> None:
    shop = reference("ecommerce.yaml").definition

    assert shop is not None
    assert {name: shop.confidence_for(name) for name in shop.intents} == {
        "order-status": 0.8,
        "returns": 0.7,
        "product-questions": 0.85,
        "payment-issues": 0.9,
        "account-management": 0.95,
    }
    assert shop.intents["returns"].require_human == "conditional"
    assert shop.intents["payment-issues"].priority == "urgent"
    assert [rule.team for rule in shop.routing] == [
        "payments-team",
        "vip-support",
        "senior-support",
    ]
    assert shop.routing[0].condition.evaluate({"intent": "payment-issues", "category": "general"})
    assert shop.vip.criteria[0].evaluate({"lifetimeValue": 1_000_001})
    assert shop.vip.criteria[1].evaluate({"loyaltyTier": "platinum"})
    assert {name: sla.first_response for name, sla in shop.sla.items()} == {
        "urgent": Duration(length=timedelta(hours=1)),
        "high": Duration(length=timedelta(hours=4)),
        "normal": Duration(length=timedelta(hours=24)),
        "low": Duration(length=timedelta(hours=48)),
    }
    hours = shop.calendar_of("payments-team")
    assert hours is not None
    assert hours.is_open(datetime(2026, 11, 21, 19, tzinfo=UTC))  # Saturday, 11:00 in Los Angeles
    triggers = [trigger.condition.source for trigger in shop.triggers]
    assert triggers == [
        "confidence < 0.7",
        "sentiment < -0.5",
        "customerRequest == true",
        "attempts > 3",
    ]
    assert shop.playbooks["accountManagement.passwordReset"].intents == ()


def test_the_bank_of_the_reference_means_what_it_says() -> None:
    bank = reference("fintech.yaml").definition

    assert bank is not None
    fraud = bank.intents["fraud-report"]
    assert (fraud.priority, fraud.team, fraud.alert) == ("urgent", "fraud-team", ("security-team",))
    assert fraud.sla == Duration(length=timedelta(minutes=15))
    assert bank.intents["account-access"].require_human is True
    assert bank.playbooks["balanceInquiry"].proof is Proof.ONE_TIME_CODE
    assert bank.playbook_for("transaction-dispute") is None
    assert bank.triggers[-1].condition.evaluate({"confidence": 0.89})
    assert [channel.kind for channel in bank.channels] == ["chat", "phone", "email"]


def test_the_software_house_of_the_reference_means_what_it_says() -> None:
    house = reference("saas.json").definition

    assert house is not None
    assert [(category.name, len(category.intents)) for category in house.categories] == [
        ("technical", 5),
        ("business", 2),
    ]
    sla = house.sla_for("urgent", plan="professional")
    assert sla is not None
    assert sla.first_response == Duration(length=timedelta(hours=2))
    enterprise = house.triggers[1].condition
    assert enterprise.evaluate({"accountPlan": "enterprise", "responseTime": timedelta(hours=3)})
    assert not enterprise.evaluate({"accountPlan": "starter", "responseTime": timedelta(hours=3)})
    jira = house.playbooks["bugReport"].workflow[3]
    assert (jira.action, jira.parameters["assignTo"]) == ("create-jira-ticket", "engineering")


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("ecommerce.yaml", "16:14", "[email protected] is what web pages show"),
        ("ecommerce.yaml", "97:1", "chatbot is read, not yet acted on"),
        ("fintech.yaml", "80:5", "the key has a space: read as approvedResponses"),
        ("fintech.yaml", "94:3", "fraud is read, not yet acted on"),
        ("saas.json", "16:18", "[email protected] is what web pages show"),
        ("saas.json", "164:55", "'concurrent Requests' has a space: concurrentRequests"),
    ],
)
def test_the_slips_of_the_reference_are_told(name: str, place: str, words: str) -> None:
    told = [f"{found.line}:{found.column}: {found.message}" for found in reference(name).warnings]

    assert any(line.startswith(f"{place}: {words}") for line in told)


def test_nothing_is_told_twice() -> None:
    for name in ("ecommerce.yaml", "fintech.yaml", "saas.json"):
        told = reference(name).warnings
        assert len(told) == len(set(told))
