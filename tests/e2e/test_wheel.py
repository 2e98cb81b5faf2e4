"""The built wheel, alone in an empty environment, shows the main job: content travels inside it, nothing of the checkout is needed."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent


def run(*command, cwd, **environment):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=folder, HOME=str(folder))
    run(*pip, "--no-deps", next(folder.glob("*.whl")), cwd=folder, HOME=str(folder))
    return folder


def test_the_demo_shows_cited_cards(installed):
    shown = run(installed / "venv/bin/ranvier", "demo", cwd=installed, RANVIER_PORT=str(free_port()), COLUMNS="120", TERM="dumb")
    assert "Option named by guidelines" in shown
    assert "ECTRIMS-EBMT 2025" in shown


def test_the_content_check_passes(installed):
    assert "0 errors" in run(installed / "venv/bin/ranvier", "content", "check", cwd=installed)


def test_the_wheel_carries_the_content_once(installed):
    package = next((installed / "venv/lib").glob("python*/site-packages/cds"))
    assert (package / "_content/cards/en/wording.yaml").is_file()
    assert (package / "_content/seeds/edition.yaml").is_file()
