"""What replicas of askd tell each other about the slots of the model servers."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import BaseModel


class Unavailable(Exception):
    """The shared state cannot be reached; each replica goes on by itself."""


class Need(BaseModel):
    """What a replica holds and wants, whole: a message that is lost or repeated does no harm. Times are in
    seconds, servers are named as all replicas name them."""

    slots: int  # of each server
    using: Mapping[str, int] = {}  # slots in use, by server
    at_once: Mapping[str, int] = {}  # wanted at these servers, before all who wait
    waits: Sequence[float] = ()  # since when those wait who may begin, longest first; any server will do
    waiting: int = 0  # all in the queue
    servers: Sequence[str] = ()  # which will do, best first


class Given(BaseModel):
    """What it gets, and what the others do."""

    anywhere: Mapping[str, int] = {}  # for the longest waits, by server
    at_once: Mapping[str, int] = {}
    elsewhere: Mapping[str, int] = {}  # slots that other replicas use, by server
    waiting: int = 0  # in the queues of the others
    replicas: int = 1  # that are alive, this one too
    known: bool = True  # whether the ledger had a message of it before, and still knew


class SlotLedger(Protocol):
    """Who holds which slot, over all replicas. A replica that has not been heard of for `SILENT` seconds
    holds none."""

    async def tell(self, replica: str, need: Need) -> Given:
        """Raises Unavailable."""
        ...

    async def leave(self, replica: str) -> None:
        """Raises Unavailable."""
        ...


SILENT = 3.0  # seconds without news after which a replica is taken for dead
BEAT = 0.5  # seconds between two messages of a replica that has nothing to tell
