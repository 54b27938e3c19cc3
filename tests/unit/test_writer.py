"""What goes out on a caller's connection: together where it can, in order, and never after the end."""

import asyncio
from typing import cast

import pytest

from app.api.connections import _Writer

pytestmark = pytest.mark.anyio


class Transport:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.sent.append(data)

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return name


def writer_on(transport: Transport) -> _Writer:
    return _Writer(cast("asyncio.Transport", transport), asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_goes_out_together() -> None:
    transport = Transport()
    writer = writer_on(transport)
    writer.write(b"head ")
    writer.write(b"body")
    assert transport.sent == []
    await asyncio.sleep(0)
    writer.write(b"more")
    await asyncio.sleep(0)
    assert transport.sent == [b"head body", b"more"]


async def test_what_is_written_goes_out_before_the_end_and_nothing_after_it() -> None:
    transport = Transport()
    writer = writer_on(transport)
    writer.write(b"last")
    writer.close()
    writer.write(b"too late")
    await asyncio.sleep(0)
    assert transport.sent == [b"last"]


async def test_what_the_caller_cuts_off_is_forgotten() -> None:
    transport = Transport()
    writer = writer_on(transport)
    writer.write(b"half")
    transport.close()
    await asyncio.sleep(0)
    assert transport.sent == []


async def test_much_does_not_wait_so_that_a_slow_caller_is_noticed() -> None:
    transport = Transport()
    writer = writer_on(transport)
    for _ in range(3):
        writer.write(b"x" * 40_000)
    assert [len(data) for data in transport.sent] == [80_000]
    await asyncio.sleep(0)
    assert [len(data) for data in transport.sent] == [80_000, 40_000]


async def test_all_else_is_the_transports() -> None:
    assert writer_on(Transport()).get_extra_info("peername") == "peername"
