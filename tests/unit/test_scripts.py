"""What scripts/up refuses before it builds anything."""

import os
import socket
import subprocess

import pytest

from tests.support.checkout import ROOT


def refused(**variables: str) -> str:
    done = subprocess.run(
        [ROOT / "scripts" / "up"], env={**os.environ, **variables}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    return done.stderr


def test_a_port_that_is_in_use_is_told_at_once_and_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(ASKD_PORT=str(port))
    assert said.startswith(f"up: port {port} is in use by another program: choose another")
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["tcp://10.0.0.1:8000", "http", "-1"])
def test_a_port_must_be_a_number(port: str) -> None:
    assert "ASKD_PORT must be a port number" in refused(ASKD_PORT=port)


def test_the_former_name_of_the_port_is_told_to_have_changed() -> None:
    assert "ASKD_PUBLISHED_PORT is called ASKD_PORT now" in refused(ASKD_PUBLISHED_PORT="9000")
