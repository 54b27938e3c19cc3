"""Two builds of one commit hold the same files. Run by `scripts/soak`: without the cache it takes minutes."""

import hashlib
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from tests.stack.engine import build_image, docker

pytestmark = pytest.mark.long

IMAGES = ["askd:build-a", "askd:build-b"]
MARK = "not-to-be-kept.example"

Files = dict[str, tuple[str | int, ...]]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Files]]:
    """Every file of both images, with all that a container can see of it but its time."""
    monkeypatch.setenv("PIP_TRUSTED_HOST", MARK)  # one of pip's settings, which reach the build as a secret
    for image in IMAGES:
        build_image(image, "--no-cache")
    yield [content(image) for image in IMAGES]
    docker("image", "rm", *IMAGES)


def content(image: str) -> Files:
    container = docker("create", image).strip()
    with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
        assert export.stdout
        with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
            files = {member.name: described(archive, member) for member in archive}
    docker("rm", container)
    return files


def described(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str | int, ...]:
    data = archive.extractfile(member) if member.isfile() else None
    text = data.read() if data else b""
    assert MARK.encode() not in text, f"{member.name} keeps a setting of the machine that built the image"
    return (
        member.type.decode(),
        member.mode,
        member.uid,
        member.gid,
        member.linkname,
        hashlib.sha256(text).hexdigest(),
    )


@pytest.mark.timeout(900)
def test_two_builds_hold_the_same_files_and_no_setting_of_the_machine(files: list[Files]) -> None:
    one, other = files
    assert {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} == set()
    assert len(one) > 5_000
    for image in IMAGES:
        assert MARK not in docker("history", "--no-trunc", image)
