"""What `kubectl apply -k` would apply: right by Kubernetes' own schemas, and as we promise it."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from answerable.definition.load import load_definition
from answerable.flow.work import CONNECTOR_EFFECTS
from answerable.playbooks.library import built_in_actions
from answerable.processes.settings import FOREIGN, PATTERNS, PREFIX, SETTINGS
from tests.support.dockerfile import Stage
from tests.support.needs import REPOSITORY, left_out

KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
VERSIONS = ("1.30", "1.37")  # the oldest that is promised, and the newest that is known here
# Of KEDA there is no schema here: its two objects are looked at by name.
FOREIGN_KINDS = {"ScaledObject"}
ROLES = ("gateway", "worker", "scheduler", "connector")
Thing = dict[str, Any]


def rendered(place: str | Path) -> list[Thing]:
    """place: below KUBERNETES, or a folder anywhere."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        left_out("no kubectl is installed")
    done = subprocess.run(
        [kubectl, "kustomize", str(KUBERNETES / place)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [thing for thing in yaml.safe_load_all(done.stdout) if thing]


@pytest.fixture(scope="module")
def base() -> list[Thing]:
    return rendered("base")


@pytest.fixture(scope="module")
def things() -> list[Thing]:
    """The example overlay, which uses everything there is."""
    return rendered("overlays/example")


def named(things: list[Thing], kind: str, name: str) -> Thing:
    (found,) = [t for t in things if t["kind"] == kind and t["metadata"]["name"] == name]
    return found


def workloads(things: list[Thing]) -> dict[str, Thing]:
    kinds = ("Deployment", "StatefulSet")
    return {t["metadata"]["name"]: t for t in things if t["kind"] in kinds}


def pods(things: list[Thing]) -> Iterator[tuple[str, Thing]]:
    for thing in things:
        if thing["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield thing["metadata"]["name"], thing["spec"]["template"]


def container_of(pod: Thing) -> Thing:
    (found,) = pod["spec"]["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("place", ["base", "overlays/example"])
def test_everything_is_what_kubernetes_takes(place: str, version: str) -> None:
    for thing in rendered(place):
        if thing["kind"] not in FOREIGN_KINDS:
            kubernetes_validate.validate(thing, version, strict=True)


def test_every_role_runs_the_image_with_its_role(base: list[Thing]) -> None:
    assert set(workloads(base)) == set(ROLES)
    for role, workload in workloads(base).items():
        container = container_of(workload["spec"]["template"])
        assert container["image"] == "answerable:local"
        assert container["args"][:4] == ["run", "/etc/answerable/service.yaml", "--role", role]
        assert "command" not in container  # the image's own entry point


def test_no_pod_has_rights_that_it_does_not_need(things: list[Thing], image: Stage) -> None:
    user, _, group = image.last("USER").value.partition(":")
    for name, pod in pods(things):
        spec, container = pod["spec"], container_of(pod)
        of_pod, of_container = spec["securityContext"], container["securityContext"]
        assert of_pod["runAsNonRoot"], name
        assert (of_pod["runAsUser"], of_pod["runAsGroup"]) == (int(user), int(group)), name
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert of_container["readOnlyRootFilesystem"], name
        assert of_container["allowPrivilegeEscalation"] is False, name
        assert of_container["capabilities"] == {"drop": ["ALL"]}, name
        assert spec["automountServiceAccountToken"] is False, name
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec), name
    labels = named(things, "Namespace", "answerable")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_pod_says_what_it_needs(things: list[Thing]) -> None:
    for name, pod in pods(things):
        resources = container_of(pod)["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"]), name
        assert "memory" in resources["limits"], name


def test_health_is_asked_where_it_is_told(base: list[Thing], image: Stage) -> None:
    for role, workload in workloads(base).items():
        container = container_of(workload["spec"]["template"])
        paths = {
            probe: container[probe]["httpGet"]["path"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        # A database that is away makes a process unready, never restarted.
        assert paths == {
            "startupProbe": "/healthz",
            "livenessProbe": "/healthz",
            "readinessProbe": "/readyz",
        }, role
        started = container["startupProbe"]
        assert started["periodSeconds"] * started["failureThreshold"] >= 180
        assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 20
    assert "/readyz" in " ".join(image.health_check)


def test_gateways_leave_the_balancer_before_they_stop(base: list[Thing]) -> None:
    hook = container_of(workloads(base)["gateway"]["spec"]["template"])["lifecycle"]["preStop"]

    assert hook["exec"]["command"] == ["sleep", "5"]


def test_a_rolling_restart_leaves_enough_of_each(things: list[Thing]) -> None:
    for role, workload in workloads(things).items():
        budget = named(things, "PodDisruptionBudget", role)["spec"]
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert budget["selector"]["matchLabels"].items() <= labels.items()
        assert len({"minAvailable", "maxUnavailable"} & set(budget)) == 1
        spread = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        if workload["kind"] == "Deployment":
            strategy = workload["spec"]["strategy"]["rollingUpdate"]
            assert strategy == {"maxUnavailable": 0, "maxSurge": 1}


def test_the_database_is_brought_up_to_date_before(things: list[Thing]) -> None:
    job = named(things, "Job", "migrate")

    assert container_of(job["spec"]["template"])["args"] == ["migrate"]
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PreSync"
    first = {
        (t["kind"], t["metadata"]["name"])
        for t in things
        if t["metadata"].get("labels", {}).get("deploy-step") == "prepare"
    }
    # All that the job stands on goes with it, and nothing that serves.
    assert {
        ("Job", "migrate"),
        ("Namespace", "answerable"),
        ("ServiceAccount", "answerable"),
        ("ConfigMap", "answerable-settings"),
        ("NetworkPolicy", "stores"),
        ("NetworkPolicy", "names"),
    } <= first
    assert first.isdisjoint(
        {(t["kind"], t["metadata"]["name"]) for t in workloads(things).values()}
    )


def test_gateways_scale_by_load_and_workers_by_what_is_due(things: list[Thing]) -> None:
    scaler = named(things, "HorizontalPodAutoscaler", "gateway")["spec"]
    assert scaler["minReplicas"] >= 2
    assert scaler["metrics"][0]["resource"]["name"] == "cpu"
    assert "replicas" not in workloads(things)["gateway"]["spec"]

    for name in ("worker", "connector"):
        scaled = named(things, "ScaledObject", name)["spec"]
        assert scaled["scaleTargetRef"]["name"] == name
        assert scaled["minReplicaCount"] < scaled["maxReplicaCount"]
        assert "answerable_queue_depth" in scaled["triggers"][0]["metadata"]["query"]
        assert "replicas" not in workloads(things)[name]["spec"]
    kinds = "|".join(sorted(CONNECTOR_EFFECTS))
    queries = {
        name: named(things, "ScaledObject", name)["spec"]["triggers"][0]["metadata"]["query"]
        for name in ("worker", "connector")
    }
    assert f'kind!~"{kinds}"' in queries["worker"]
    assert f'kind=~"{kinds}"' in queries["connector"]


def selects(policy: Thing, role: str) -> bool:
    selector = policy["spec"]["podSelector"]
    labels = {"app.kubernetes.io/component": role, "app.kubernetes.io/name": "answerable"}
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    return all(labels[e["key"]] in e["values"] for e in selector.get("matchExpressions", []))


def ways(things: list[Thing], role: str, direction: str) -> list[Thing]:
    """All rules in one direction that hold for a role."""
    return [
        rule
        for policy in things
        if policy["kind"] == "NetworkPolicy" and selects(policy, role)
        for rule in policy["spec"].get(direction, [])
    ]


def ports(rules: list[Thing]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_nothing_is_allowed_but_what_is_named(base: list[Thing]) -> None:
    policy = named(base, "NetworkPolicy", "nothing")["spec"]

    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_gateways_are_reached_from_outside(base: list[Thing]) -> None:
    for role in (*ROLES, "migrate"):
        came_from = {
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
            for rule in ways(base, role, "ingress")
            for peer in rule["from"]
        }
        assert ("ingress-nginx" in came_from) == (role == "gateway"), role
        assert came_from <= {"ingress-nginx", "monitoring"}


def test_only_connectors_reach_outside(base: list[Thing]) -> None:
    stores = {5432, 5671, 5672, 6379}
    for role in (*ROLES, "migrate"):
        rules = ways(base, role, "egress")
        outside = [rule for rule in rules if any("ipBlock" in peer for peer in rule["to"])]
        assert bool(outside) == (role == "connector"), role
        assert ports(rules) - ports(outside) == {53, *stores}, role
        for rule in outside:
            assert ports([rule]) == {443}
            assert "169.254.0.0/16" in rule["to"][0]["ipBlock"]["except"]


def test_a_service_with_mail_opens_the_ports_of_mail_and_no_others(things: list[Thing]) -> None:
    opened = {
        role: {
            port
            for rule in ways(things, role, "egress")
            if any("ipBlock" in peer for peer in rule["to"])
            for port in ports([rule])
        }
        for role in ROLES
    }

    assert opened == {
        "gateway": set(),
        "worker": {465, 587},
        "scheduler": {993},
        "connector": {443},
    }


def test_our_labels_are_in_nobody_elses_selectors(base: list[Thing]) -> None:
    """The name server's pods are not called answerable."""
    for rule in ways(base, "worker", "egress"):
        for peer in rule["to"]:
            labels = peer.get("podSelector", {}).get("matchLabels", {})
            assert "app.kubernetes.io/name" not in labels


def is_setting(name: str) -> bool:
    short = name.removeprefix(PREFIX)
    known = short.removesuffix("_FILE")
    patterns = [re.sub(r"<\w+>", r"\\w+", pattern) for pattern in PATTERNS]
    return (
        known in SETTINGS
        or short in {*SETTINGS, *FOREIGN}
        or any(re.fullmatch(pattern, known) for pattern in patterns)
    )


def test_secrets_are_files_that_the_role_has(things: list[Thing]) -> None:
    common = named(things, "ConfigMap", "answerable-settings")["data"]
    for name, pod in pods(things):
        spec, container = pod["spec"], container_of(pod)
        given = {**common, **{one["name"]: one["value"] for one in container.get("env", [])}}
        for setting in given:
            assert not setting.startswith(PREFIX) or is_setting(setting), setting
        secret = next(v for v in spec["volumes"] if v["name"] == "secrets")["projected"]
        sources = {source["secret"]["name"] for source in secret["sources"]}
        assert sources == {"answerable-common"} | (
            set() if name == "migrate" else {f"answerable-{name}"}
        )
        assert secret["defaultMode"] == 0o440
    assert [t for t in things if t["kind"] == "Secret"] == []


INTEGRATIONS = ("core-banking", "crm", "sms")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> list[Thing]:
    """A definition that changes data: the components of its integrations, all of them."""
    place = tmp_path_factory.mktemp("kubernetes") / "kubernetes"
    shutil.copytree(KUBERNETES, place)
    overlay = place / "overlays" / "bank"
    overlay.mkdir()
    components = [f"../../components/{name}" for name in INTEGRATIONS]
    about = {"kind": "Kustomization", "resources": ["../example"], "components": components}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(about))
    return rendered(overlay)


def test_only_connectors_have_the_keys_of_integrations(bank: list[Thing]) -> None:
    """Whoever breaks into a gateway finds what the CRM's calls are signed with, and no way into
    the CRM."""
    given: dict[str, dict[str, str]] = {}
    for name, pod in pods(bank):
        env = container_of(pod).get("env", [])
        assert all(is_setting(one["name"]) for one in env if one["name"].startswith(PREFIX))
        given[name] = {
            one["name"].removeprefix(f"{PREFIX}CONNECTOR_"): one["value"]
            for one in env
            if one["name"].startswith(f"{PREFIX}CONNECTOR_")
        }
    folder = "/run/secrets/answerable"

    assert given == {
        "connector": {
            "CORE_BANKING_KEY_FILE": f"{folder}/core-banking-key",
            "CRM_KEY_FILE": f"{folder}/crm-key",
            "SMS_KEY_FILE": f"{folder}/sms-key",
        },
        "gateway": {
            "CRM_HOOK_SECRET_FILE": f"{folder}/crm-hook-secret",
            "SMS_HOOK_SECRET_FILE": f"{folder}/sms-hook-secret",
        },
        "worker": {},
        "scheduler": {},
        "migrate": {},
    }


def test_the_guide_says_of_every_secret_from_which_file_it_is_made(bank: list[Thing]) -> None:
    guide = (REPOSITORY / "docs" / "operations" / "guide.md").read_text(encoding="utf-8")
    made: dict[str, set[str]] = {}
    for line in re.sub(r"\\\n\s+", "", guide).splitlines():
        told = re.search(r"create secret generic answerable-(\w+)(.*)", line)
        if told is not None:
            made.setdefault(told[1], set()).update(re.findall(r"--from-file=([\w-]+)", told[2]))
    common = named(bank, "ConfigMap", "answerable-settings")["data"]
    for name, pod in pods(bank):
        given = [*common.values(), *(one["value"] for one in container_of(pod).get("env", []))]
        wanted = {
            value.removeprefix("/run/secrets/answerable/")
            for value in given
            if value.startswith("/run/secrets/answerable/")
        }
        assert wanted <= made["common"] | made.get(name, set()), name


@pytest.mark.parametrize("version", VERSIONS)
def test_integrations_leave_it_what_kubernetes_takes(bank: list[Thing], version: str) -> None:
    for thing in bank:
        if thing["kind"] not in FOREIGN_KINDS:
            kubernetes_validate.validate(thing, version, strict=True)


def test_the_example_definition_is_one(things: list[Thing]) -> None:
    path = KUBERNETES / "overlays" / "example" / "service.yaml"
    loaded = load_definition(path, actions=built_in_actions().catalogue)

    assert [str(problem) for problem in loaded.problems] == []
    (definition,) = [t for t in things if t["metadata"]["name"].startswith("answerable-definition")]
    assert definition["data"]["service.yaml"] == path.read_text()
