"""What holds for the files of the repository, whatever they are about."""

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.checkout import ROOT, files

# In parts, so that this file does not hold what it forbids.
REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("proxy", "golang", "org"),
        ("registry", "npmjs"),
        ("repo1", "maven"),
        ("repo", "maven", "apache"),
        ("deb", "debian", "org"),
        ("crates", "io"),
    ]
]
# Where Ollama keeps its models inside of its image.
IN_THE_IMAGE = "/root/.ollama"
HOME_OR_WORK = re.compile(r"(?<![\w.~}])/(" + "|".join(["root", r"home/\w+", r"Users/\w+", "work"]) + ")/")


@cache
def texts() -> dict[Path, str]:
    return {path.relative_to(ROOT): path.read_text(encoding="utf-8", errors="replace") for path in files()}


def scripts() -> list[Path]:
    return [path for path in files() if path.read_bytes().startswith(b"#!")]


def locked(name: str) -> dict[str, str]:
    """The requirements of a file: name -> version."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)(?:\[[a-z0-9,-]+\])?==(\S+)", lines, re.MULTILINE))


def declared(name: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if name == "build":
        return [Requirement(line) for line in project["build-system"]["requires"]]
    requirements = list(project["project"]["dependencies"])
    if name != "server":
        requirements += project["project"]["optional-dependencies"]["embedded"]
    if name == "dev":
        requirements += project["dependency-groups"]["dev"]
    return [Requirement(line) for line in requirements]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert [(path, host) for path, text in texts().items() for host in REGISTRIES if host in text] == []


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    found = [
        (path, line)
        for path, text in texts().items()
        for line in text.splitlines()
        if HOME_OR_WORK.search(line.replace(IN_THE_IMAGE, ""))
    ]
    assert found == []


def test_there_is_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    named = re.compile(r"(?:askd(?:-ollama|-proxy|-valkey)?:|image\.version=\")(\d+\.\d+\.\d+)")
    composed = ["docker-compose.yml", "docker-compose.scale.yml"]
    for name in ["Dockerfile", "Dockerfile.ollama", *composed, "scripts/up", "docs/docker.md"]:
        assert set(named.findall(texts()[Path(name)])) == {version}, name


def test_the_folder_of_the_weights_is_in_a_fresh_checkout_and_git_ignores_what_is_in_it() -> None:
    listed = ["ollama_files/README.md", "ollama_files/MODELS", "ollama_files/models/blobs/sha256-0"]
    ignored = subprocess.run(["git", "check-ignore", *listed], cwd=ROOT, capture_output=True, text=True)
    assert (ROOT / listed[0]).is_file()
    assert ignored.stdout.split() == listed[1:]


def test_no_lock_file_of_a_kind_that_records_addresses_is_kept() -> None:
    forbidden = re.compile(r"uv\.lock|pylock(\..+)?\.toml|poetry\.lock|Pipfile\.lock|pdm\.lock")
    assert [path for path in texts() if forbidden.fullmatch(path.name)] == []


def test_every_script_can_be_executed_and_stops_at_the_first_error() -> None:
    assert {ROOT / "scripts" / "run", ROOT / "scripts" / "test", ROOT / ".ci" / "run"} <= set(scripts())
    for path in scripts():
        assert path.stat().st_mode & 0o111, f"{path} is not executable"
        lines = path.read_text().splitlines()
        if "bash" in lines[0]:
            assert "set -euo pipefail" in lines, f"{path} goes on after an error"


@pytest.mark.parametrize("name", ["run", "server", "dev", "build"])
def test_the_locked_requirements_are_those_of_the_project(name: str) -> None:
    versions = locked(name)
    for requirement in declared(name):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: run scripts/lock"
        assert requirement.specifier.contains(version), (
            f"{requirement} is locked at {version}: run scripts/lock"
        )


def test_the_server_image_is_spared_the_embedded_model() -> None:
    assert "xllamacpp" in locked("run")
    assert "xllamacpp" not in locked("server")


def test_one_environment_serves_the_product_and_its_tests() -> None:
    assert locked("server").items() <= locked("run").items() <= locked("dev").items()


def test_every_locked_requirement_has_a_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        blocks = re.split(r"\n(?=\S)", path.read_text())
        unhashed = [block for block in blocks if "==" in block and "--hash=sha256:" not in block]
        assert unhashed == []
