"""The files for operators: they parse, name what exists, and Prometheus' own tool agrees with the rules."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from serving import House

from slipcast.service.settings import PREFIX, Settings, load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"


def metrics_of(house: House) -> set[str]:
    from slipcast.service.metrics import _Queue

    house.send()
    house.work()
    names = {family.name for family in _Queue(house.database).collect()}
    for counter in vars(house.metrics).values():
        names |= {f"{sample.name}" for family in counter.collect() for sample in family.samples}
        names |= {f"{counter._name}_total", f"{counter._name}_bucket"}
    return names


def test_rules_and_dashboard_name_metrics_that_exist(house: House) -> None:
    known = metrics_of(house)
    texts = [(DEPLOY / "prometheus" / "slipcast-alerts.yml").read_text()]
    board = json.loads((DEPLOY / "grafana" / "slipcast.json").read_text())
    texts += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for text in texts for name in re.findall(r"slipcast_\w+", text)}
    assert named
    assert named <= known, named - known
    assert len(board["panels"]) >= 12


def test_each_alert_has_a_place_in_the_runbook() -> None:
    rules = (DEPLOY / "prometheus" / "slipcast-alerts.yml").read_text()
    page = (DEPLOY.parent / "docs" / "operations.md").read_text()
    places = {
        "#" + re.sub(r"[^\w -]", "", line[4:].lower()).replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("### ")
    }
    for place in re.findall(r"docs/operations.md(#[\w-]+)", rules):
        assert place in places, place


def test_the_audit_refuses_what_is_not_pinned(tmp_path: Path) -> None:
    pins = tmp_path / "constraints.txt"
    pins.write_text("numpy==2.4.0\ntorch>=2  # any\nclick\n")
    done = subprocess.run(
        [sys.executable, DEPLOY.parent / "scripts" / "audit", "--pins", pins],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "does not pin torch>=2, click; write NAME==VERSION" in done.stderr


@pytest.mark.clients
def test_promtool_agrees() -> None:
    tool = shutil.which("promtool")
    assert tool, "scripts/test-clients installs it (Debian's prometheus)"
    for words in (["check", "rules", "slipcast-alerts.yml"], ["test", "rules", "slipcast-alerts.test.yml"]):
        done = subprocess.run(
            [tool, *words], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_settings_of_the_files_exist() -> None:
    for environment in tomllib.loads((DEPLOY / "service.toml").read_text()):
        load_settings(DEPLOY / "service.toml", environment=environment)
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for file in ("Dockerfile", "compose.yaml", "kubernetes/slipcast.yaml"):
        named = set(re.findall(rf"{PREFIX}\w+", (DEPLOY / file).read_text()))
        assert named <= known, file
    page = (DEPLOY.parent / "docs" / "operations.md").read_text()
    assert set(re.findall(rf"{PREFIX}[A-Z]\w+", page)) <= known | {f"{PREFIX}NAME"}


def test_compose_and_kubernetes_files_have_what_they_need() -> None:
    yaml = pytest.importorskip("yaml")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert set(compose["services"]) == {"database", "api", "worker"}
    assert compose["services"]["api"]["ports"] == ["127.0.0.1:8080:8080"]
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "slipcast.yaml").read_text()))
    assert {each["kind"] for each in documents} >= {
        "Deployment",
        "Service",
        "ConfigMap",
        "PodDisruptionBudget",
    }
    for each in documents:
        assert {"apiVersion", "kind", "metadata"} <= set(each)
        if each["kind"] == "Deployment":
            pod = each["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["terminationGracePeriodSeconds"] >= 60
            for container in pod["containers"]:
                assert "memory" in container["resources"]["limits"]


@pytest.mark.clients
def test_systemd_units_verify() -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd is not on this system")
    for unit in (DEPLOY / "systemd").glob("slipcast.service"):
        done = subprocess.run([tool, "verify", str(unit)], capture_output=True, text=True, check=False)
        problems = [
            line for line in done.stderr.splitlines() if "slipcast" in line and "not executable" not in line
        ]
        assert not problems, problems


def test_kubernetes_sets_no_settings_of_ours() -> None:
    """A Service named slipcast sets SLIPCAST_SERVICE_HOST and _PORT in every pod that does not say no."""
    pods = [
        part
        for part in (DEPLOY / "kubernetes" / "slipcast.yaml").read_text().split("---")
        if "kind: Deployment" in part
    ]
    assert len(pods) == 2
    assert all("\n      enableServiceLinks: false\n" in part for part in pods)
