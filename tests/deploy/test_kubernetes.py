"""deploy/kubernetes: composed by kustomize, valid by Kubernetes' own schemas, and in step with askd."""

import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from platformdirs import user_cache_path

from app.ingest.survey import survey
from app.main import create_app
from app.settings import PREFIX, Settings, read_settings
from tests.support.checkout import ROOT

Manifest = Mapping[str, Any]
FOLDER = ROOT / "deploy" / "kubernetes"
VARIANTS = ("base", "overlays/gpu", "overlays/ingest")
VERSIONS = ("1.31", "1.37")  # the oldest with what the manifests use, and the newest known
_LABEL = "app.kubernetes.io/name"


@cache
def kubectl() -> str:
    folder = user_cache_path("askd", appauthor=False) / "services" / "kubectl"
    done = subprocess.run([ROOT / "tools" / "ci" / "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


@cache
def manifests(variant: str) -> Sequence[Manifest]:
    done = subprocess.run([kubectl(), "kustomize", FOLDER / variant], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(variant: str, kind: str) -> Manifest:
    (found,) = [each for each in manifests(variant) if each["kind"] == kind]
    return found


def pods(variant: str) -> Sequence[Manifest]:
    """Their specifications."""
    specs = [each["spec"] for each in manifests(variant) if "spec" in each]
    return [spec["template"]["spec"] for spec in specs if "template" in spec]


def settings_of(variant: str, name: str) -> Mapping[str, str]:
    """The data of the one ConfigMap whose generated name begins so."""
    (found,) = [
        each
        for each in manifests(variant)
        if each["kind"] == "ConfigMap" and re.fullmatch(rf"{name}-\w{{10}}", each["metadata"]["name"])
    ]
    data: Mapping[str, str] = found["data"]
    return data


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_manifest_is_valid(variant: str, version: str) -> None:
    assert manifests(variant)
    for manifest in manifests(variant):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_misspelt_field_would_be_found(version: str) -> None:
    service = of_kind("base", "Service")
    wrong = {**service, "spec": {**service["spec"], "selektor": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pod_is_locked_down(variant: str) -> None:
    assert pods(variant)
    for pod in pods(variant):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
            assert {mount["name"] for mount in container["volumeMounts"]} == {
                each["name"] for each in pod["volumes"]
            }


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        ("base", "askd-settings"),
        ("overlays/gpu", "askd-settings"),
        ("overlays/ingest", "askd-ingest-settings"),
    ],
)
def test_askd_accepts_the_settings(
    variant: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no .env
    for variable, value in settings_of(variant, name).items():
        monkeypatch.setenv(variable, value)
        if variable.endswith("_FILE"):
            assert Path(value).parent == Path("/run/secrets/askd")  # where the Secret is mounted
    settings = read_settings()
    assert settings.index_backend == "elasticsearch"
    if variant == "overlays/gpu":
        (stateful,) = [each for each in manifests(variant) if each["kind"] == "StatefulSet"]
        assert len(settings.model_urls) == stateful["spec"]["replicas"]
        (container,) = stateful["spec"]["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "OLLAMA_NUM_PARALLEL", "value": str(settings.slots)}]


@pytest.mark.parametrize("variant", VARIANTS)
def test_pods_read_the_settings_and_files_that_are_made(variant: str) -> None:
    made = {each["metadata"]["name"] for each in manifests(variant) if each["kind"] == "ConfigMap"}
    read = set()
    for pod in pods(variant):
        read |= {each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each}
        for container in pod["containers"]:
            read |= {source["configMapRef"]["name"] for source in container.get("envFrom", [])}
    assert read == made


def test_probes_and_ports_are_those_of_askd() -> None:
    (container,) = of_kind("base", "Deployment")["spec"]["template"]["spec"]["containers"]
    paths = set(create_app(Settings(_env_file=None)).openapi()["paths"])
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/readyz",
        "liveness": "/livez",
        "readiness": "/livez",
    }
    assert {probe["path"] for probe in probes.values()} <= paths
    (port,) = container["ports"]
    assert port == {"name": "http", "containerPort": Settings.model_fields["port"].default}
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    (served,) = of_kind("base", "Service")["spec"]["ports"]
    assert served["targetPort"] == port["name"]


def test_everything_selects_the_pods_of_the_deployment() -> None:
    deployment = of_kind("base", "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == deployment["spec"]["selector"]["matchLabels"] == {_LABEL: "askd"}
    assert of_kind("base", "Service")["spec"]["selector"] == labels
    assert of_kind("base", "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert of_kind("base", "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert of_kind("base", "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }


def test_the_autoscaler_reads_a_metric_that_askd_has() -> None:
    metrics = of_kind("base", "HorizontalPodAutoscaler")["spec"]["metrics"]
    (name,) = [each["pods"]["metric"]["name"] for each in metrics if each["type"] == "Pods"]
    gauges = (ROOT / "app" / "answering" / "gauges.py").read_text()
    assert f'metrics.gauge("{name.removeprefix("askd_")}"' in gauges


def test_the_network_policy_lets_askd_reach_the_servers_of_its_settings() -> None:
    ports = {
        port["port"] for rule in of_kind("base", "NetworkPolicy")["spec"]["egress"] for port in rule["ports"]
    }
    urls = [value for value in settings_of("base", "askd-settings").values() if "://" in value]
    assert len(urls) == 3
    assert {int(url.rpartition(":")[2]) for url in urls} <= ports


def test_images_have_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {
        container["image"] for variant in VARIANTS for pod in pods(variant) for container in pod["containers"]
    }
    assert images == {f"askd:{version}", f"askd-ollama:{version}"}


def test_the_example_of_a_faq_can_be_published() -> None:
    example = FOLDER / "overlays" / "ingest" / "faq.json"
    assert len(list(survey([example], collection=None, strict=True).entries())) == 1


def test_settings_files_name_settings_only() -> None:
    for file in FOLDER.rglob("*.env"):
        lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        assert all(line.startswith(PREFIX) and "=" in line for line in lines)
