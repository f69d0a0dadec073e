"""The import contracts hold, and each of them is seen to fail when it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BREACHES = {
    "deploy stands on services, services on shared; nothing stands on tests": (
        "shared/events.py",
        "import services.referral.settings",
    ),
    "nothing but tests imports tests": ("shared/events.py", "import tests.conftest"),
    "services do not know each other": (
        "services/referral/settings.py",
        "import services.notifier.settings",
    ),
    "the floors of referral": ("services/referral/settings.py", "import services.referral.main"),
    "the floors of suggestion": ("services/suggestion/settings.py", "import services.suggestion.main"),
    "the floors of minors": ("services/minors/settings.py", "import services.minors.main"),
    "the floors of notifier": ("services/notifier/settings.py", "import services.notifier.events"),
    "the floors of shared": ("shared/clocks/__init__.py", "import shared.mongo"),
    "rules do no input or output": ("services/referral/mechanisms/__init__.py", "import httpx"),
    "one door to MongoDB": ("shared/http/factory.py", "import motor.motor_asyncio"),
    "one door to RabbitMQ": ("shared/relay.py", "import aio_pika"),
}


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for part in ("deploy", "services", "shared"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_contracts_hold():
    done = contracts(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_seen(tree: Path, contract: str):
    file, line = BREACHES[contract]
    breached = tree / file
    breached.write_text(f"{line}\n{breached.read_text()}")
    done = contracts(tree)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_every_contract_has_a_breach():
    declared = [
        line for line in (ROOT / ".importlinter").read_text().splitlines() if line.startswith("name =")
    ]
    assert sorted(line.removeprefix("name = ") for line in declared) == sorted(BREACHES)


@pytest.mark.parametrize(
    "folder",
    ["services/referral", "services/suggestion", "services/minors", "services/notifier", "shared"],
)
def test_a_file_without_a_floor_is_seen(tree: Path, folder: str):
    (tree / folder / "gossip.py").write_text("")
    done = contracts(tree)
    assert done.returncode == 1
    assert "gossip" in done.stdout


def test_every_service_has_its_floors_declared():
    declared = (ROOT / ".importlinter").read_text()
    for folder in (ROOT / "services").iterdir():
        if (folder / "__init__.py").exists():
            assert f"services.{folder.name}\n" in declared
