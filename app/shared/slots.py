"""The slots of the model servers, shared with other replicas: first come, first served over all of them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_hex

from app.shared.base import BEAT, Given, Need, SlotLedger, Unavailable
from app.traffic.admission import Admission, Load

log = logging.getLogger(__name__)

_POLL = 0.04  # seconds between two messages while requests wait here: a slot may have become free elsewhere
_SETTLING = 2 * BEAT  # seconds after which all replicas have told a ledger that is back what they use


class SharedSlots:
    """Tells the ledger what this replica uses and wants, and admits what it is given.

    While the ledger cannot be reached, this replica has its share of each server's slots, at least one.
    """

    def __init__(
        self,
        ledger: SlotLedger,
        slots: int,
        admission: Admission,
        servers: Mapping[str, Admission | None],
        preferred: Callable[[], Sequence[str]],
        replicas: int = 1,
    ) -> None:
        """`slots` of each of the `servers`, by the names that all replicas give them: where there are
        several, each has an admission of its own, below that of all. `preferred`: those that a generation may
        be sent to, best first. `replicas`: those known of before the ledger says how many there are."""
        self.replicas = replicas  # as last known
        self.alone = False
        self._reason = ""  # why it is alone
        self._replica = token_hex(8)
        self._ledger = ledger
        self._slots = slots
        self._admission = admission
        self._servers = servers
        self._members = {name: member for name, member in servers.items() if member}
        self._preferred = preferred
        self._news = asyncio.Event()
        self._ended = False
        self._told = False  # the ledger has had a message
        self._settled = 0.0  # on the clock of the loop; until then its share is all it takes

    @property
    def trouble(self) -> str | None:
        if not self.alone:
            return None
        return (
            f"shared state at ASKD_SHARED_URL: {self._reason}; each askd goes on by itself, with its own "
            "cache, and its share of the slots and rate limits"
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        for admission in (self._admission, *self._members.values()):
            admission.on_change = self._news.set
        await self._exchange()
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._ended = True
            self._news.set()
            await task
            with suppress(Unavailable):
                await self._ledger.leave(self._replica)

    async def _run(self) -> None:
        while not self._ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL if self._polls else BEAT):
                    await self._news.wait()
            self._news.clear()
            await self._exchange()

    @property
    def _polls(self) -> bool:
        return (
            bool(self._servers)
            and self._sharing
            and any(each.ready_for(1) for each in (self._admission, *self._members.values()))
        )

    @property
    def _sharing(self) -> bool:
        return not self.alone and asyncio.get_running_loop().time() >= self._settled

    async def _exchange(self) -> None:
        reason = ""
        for _ in range(2):  # a busy moment must not count as the end of it
            sharing = self._sharing
            try:
                given = await self._ledger.tell(self._replica, self._need(sharing))
            except Unavailable as error:
                reason = str(error)
            except Exception:  # this must go on: without it no generation begins any more
                log.exception("the message to the shared state failed")
                reason = "it does not answer as Valkey does"
            else:
                self._heard(given, sharing)
                return
        self._go_on_alone(reason)

    # --- what is told ---

    def _need(self, sharing: bool) -> Need:
        if not (sharing and self._servers):
            return Need(slots=self._slots, using=self._serving())
        self._admission.allot(None, self._admission.elsewhere)  # what was granted and not used goes back
        using, at_once = self._serving(), {}
        # Requests that have a slot but are not at a server yet, or between two generations.
        between = self._admission.serving - sum(
            each.serving + each.waiting for each in self._members.values()
        )
        for name, member in self._members.items():
            kept = max(min(member.allotted - member.serving, between), 0)
            between -= kept
            member.allot(member.serving + kept, member.elsewhere)
            using[name] = member.serving + kept
            at_once[name] = member.waiting
        most = self._slots * len(self._servers)
        return Need(
            slots=self._slots,
            using=using,
            at_once={name: wanted for name, wanted in at_once.items() if wanted},
            waits=self._admission.ready_for(most),
            waiting=self._admission.waiting,
            servers=self._preferred(),
        )

    def _serving(self) -> dict[str, int]:
        return {name: (member or self._admission).serving for name, member in self._servers.items()}

    # --- what is heard ---

    def _heard(self, given: Given, sharing: bool) -> None:
        emptied = self._told and not given.known
        self._told = True
        if emptied and not self.alone:
            # It was restarted or emptied: it gives away slots that are in use until all have told it theirs.
            log.warning("the shared state has forgotten this askd", extra={"replicas": self.replicas})
            self._take_share()
        else:
            self.replicas = given.replicas
        if self.alone:
            log.info("the shared state is back", extra={"replicas": given.replicas})
            self.alone = False
            emptied = True
        if emptied:
            self._settled = asyncio.get_running_loop().time() + _SETTLING
        if emptied or not sharing or not self._servers:
            return
        elsewhere = {name: given.elsewhere.get(name, 0) for name in self._servers}
        for name, member in self._members.items():
            more = given.anywhere.get(name, 0) + given.at_once.get(name, 0)
            member.allot(member.allotted + more, Load(elsewhere[name]))
        self._admission.allot(None, Load(sum(elsewhere.values()), given.waiting))
        self._admission.grant(sum(given.anywhere.values()))
        if self._admission.granted:  # who wanted it has left meanwhile
            self._news.set()

    def _go_on_alone(self, reason: str) -> None:
        self._reason = reason
        if self.alone:
            return
        self.alone = True
        log.warning("the shared state is lost", extra={"reason": reason, "replicas": self.replicas})
        self._take_share()

    def _take_share(self) -> None:
        share = max(1, self._slots // self.replicas)
        others = max(self._slots - share, 0)
        for member in self._members.values():
            member.allot(share, Load(others))
        if servers := len(self._servers):
            self._admission.allot(share * servers, Load(others * servers))
