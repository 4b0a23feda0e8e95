"""The kustomize base, read as a platform team reads it: names, ports, labels, commands, rights."""

import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from shared.catalogue import SERVICES
from shared.cli.main import laurel
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "kubernetes" / "base"
KUSTOMIZATION = YAML(typ="safe").load(BASE / "kustomization.yaml")
OBJECTS = {
    service: {item["kind"]: item for item in YAML(typ="safe").load_all(BASE / f"{service}.yaml")}
    for service in SERVICES
}
DEFAULTS = Settings.from_environ({})
KINDS = {"Job", "Deployment", "Service", "PodDisruptionBudget"}
WORKLOADS = ("Job", "Deployment")
STATUS_KEY = "/etc/laurel/status-key.json"


def pod(service, kind):
    return OBJECTS[service][kind]["spec"]["template"]


def container(service, kind):
    (only,) = pod(service, kind)["spec"]["containers"]
    return only


def settings_of(service):
    lines = (BASE / "settings.env").read_text().splitlines()
    shared = dict(line.split("=", 1) for line in lines)
    own = {item["name"]: item["value"] for item in container(service, "Deployment").get("env", [])}
    secret = {
        "LAUREL_BROKER_URL": f"amqp://{service}:x@broker/laurel",
        "LAUREL_DATABASE_URL": f"postgresql://{service}:x@database/{{service}}",
    }
    return Settings.from_environ(shared | own | secret)


def same(item, service):
    """What is left of an object when its name and port are taken out."""
    port = str(DEFAULTS.http_port_of(service))
    return repr(item).replace(port, "PORT").replace(service, "SERVICE")


def test_the_base_lists_every_file_and_this_version():
    files = {path.name for path in BASE.iterdir()} - {"kustomization.yaml"}
    (generated,) = KUSTOMIZATION["configMapGenerator"]
    assert {*KUSTOMIZATION["resources"], *generated["envs"]} == files
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert KUSTOMIZATION["images"] == [{"name": "laurel", "newTag": version}]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_objects(service):
    assert set(OBJECTS[service]) == KINDS
    for kind in KINDS - {"Deployment"}:
        assert same(OBJECTS[service][kind], service) == same(OBJECTS["intake"][kind], "intake")


def test_only_the_status_key_tells_one_deployment_from_another():
    extra = {"env", "volumeMounts"}
    for service in SERVICES:
        own = dict(container(service, "Deployment"))
        found = {name: own.pop(name) for name in extra & set(own)}
        assert same(own, service) == same(container("intake", "Deployment"), "intake")
        assert set(found) == (extra if service == "notification" else set())
    (mount,) = container("notification", "Deployment")["volumeMounts"]
    (volume,) = pod("notification", "Deployment")["spec"]["volumes"]
    assert settings_of("notification").status_key == STATUS_KEY
    assert mount["mountPath"] == str(Path(STATUS_KEY).parent)
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_exists_and_is_good_and_no_password_stands_here(service):
    settings = settings_of(service)
    assert settings.jwks_url
    assert settings.url_of(service) == f"http://{service}:{DEFAULTS.http_port_of(service)}"
    sources = container(service, "Deployment")["envFrom"]
    assert sources == [
        {"configMapRef": {"name": KUSTOMIZATION["configMapGenerator"][0]["name"]}},
        {"secretRef": {"name": f"laurel-{service}"}},
    ]
    assert "Secret" not in OBJECTS[service]


@pytest.mark.parametrize("service", SERVICES)
def test_ports_agree_with_where_the_service_listens(service):
    port = DEFAULTS.http_port_of(service)
    own = container(service, "Deployment")
    assert own["ports"] == [{"name": "http", "containerPort": port}]
    (offered,) = OBJECTS[service]["Service"]["spec"]["ports"]
    assert offered == {"name": "http", "port": port, "targetPort": "http"}
    annotations = pod(service, "Deployment")["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port)


@pytest.mark.parametrize("service", SERVICES)
def test_probes_ask_what_they_mean(service):
    own = container(service, "Deployment")
    asked = {name: own[name]["httpGet"] for name in own if name.endswith("Probe")}
    live = {"path": "/health/live", "port": "http"}
    assert asked == {
        "startupProbe": live,
        "livenessProbe": live,
        "readinessProbe": {"path": "/health/ready", "port": "http"},
    }


@pytest.mark.parametrize("service", SERVICES)
def test_selectors_find_the_services_pods_and_not_the_migrations(service):
    labels = pod(service, "Deployment")["metadata"]["labels"]
    spread = pod(service, "Deployment")["spec"]["topologySpreadConstraints"][0]
    selectors = [
        OBJECTS[service]["Deployment"]["spec"]["selector"]["matchLabels"],
        OBJECTS[service]["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        OBJECTS[service]["Service"]["spec"]["selector"],
        spread["labelSelector"]["matchLabels"],
    ]
    assert selectors == [labels] * 4
    assert not labels.items() <= pod(service, "Job")["metadata"]["labels"].items()


@pytest.mark.parametrize("service", SERVICES)
def test_the_old_version_serves_until_the_new_one_is_ready(service):
    spec = OBJECTS[service]["Deployment"]["spec"]
    assert spec["replicas"] > OBJECTS[service]["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    assert spec["strategy"] == {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert OBJECTS[service]["Job"]["spec"]["ttlSecondsAfterFinished"] == 300


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("kind", "command"), [("Job", "migrate"), ("Deployment", "run")])
def test_containers_run_a_command_of_ours(service, kind, command):
    own = container(service, kind)
    assert (own["image"], own["args"]) == ("laurel", [command, service])
    assert "command" not in own
    laurel.get_command(None, command).make_context(command, [service])


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", WORKLOADS)
def test_pods_have_no_right_they_do_not_need(service, kind):
    spec, own = pod(service, kind)["spec"], container(service, kind)
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert own["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert {"requests", "limits"} == set(own["resources"])
