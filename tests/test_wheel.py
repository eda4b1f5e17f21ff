"""The wheel: what is in it, and that it works without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ISOLATION = ROOT / "tests" / "isolation"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(unpacked: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with the wheel's files before everything that is installed, and no network."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (unpacked, ISOLATION)))
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True
    )


def test_every_module_is_in_the_wheel(names: list[str]) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "llmrec").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules


def test_the_files_that_are_no_modules_are_in_the_wheel(names: list[str], demo: Path) -> None:
    assert "llmrec/py.typed" in names
    vocabulary = (ROOT / "llmrec" / "llm" / "vocabulary").iterdir()
    assert {f"llmrec/llm/vocabulary/{file.name}" for file in vocabulary} <= set(names)
    prompts = {f"llmrec/_data/prompts/{file.name}" for file in (ROOT / "prompts").iterdir()}
    assert {name for name in names if "/_data/prompts/" in name} == prompts
    data = {f"llmrec/_data/demo/{file.name}" for file in demo.iterdir()}
    assert {name for name in names if "/_data/demo/" in name} == data


def test_licences_and_the_command_are_in_the_wheel(wheel: Path, names: list[str]) -> None:
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    folder = metadata.rpartition("/")[0]
    assert {f"{folder}/licenses/{name}" for name in ("LICENSE", "NOTICE")} <= set(names)
    with zipfile.ZipFile(wheel) as archive:
        assert "llmrec = llmrec.cli:main" in archive.read(f"{folder}/entry_points.txt").decode()
        assert "License-Expression: Apache-2.0" in archive.read(metadata).decode()


def test_nothing_else_is_in_the_wheel(names: list[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in names} == {"llmrec"}
    assert [name for name in names if "tests/" in name or "__pycache__" in name] == []


def test_the_wheel_shows_the_demo_without_the_checkout(unpacked: Path) -> None:
    where = run(unpacked, "-c", "import llmrec; print(llmrec.__file__)")
    assert where.stdout.strip() == str(unpacked / "llmrec" / "__init__.py")
    done = run(unpacked, "-m", "llmrec", "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "星际穿越" in done.stdout
    checkout = subprocess.run(
        [sys.executable, "-m", "llmrec", "demo"], capture_output=True, text=True, check=True
    )
    assert done.stdout == checkout.stdout


def test_the_wheel_knows_its_version(unpacked: Path, wheel: Path) -> None:
    done = run(unpacked, "-m", "llmrec", "--version")
    assert done.stdout == f"llmrec {wheel.name.split('-')[1]}\n"
