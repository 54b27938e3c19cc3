"""Whether a caller was treated well: what came, in time, and for a reason."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.live.problems import PROBLEM, check_no_leak
from tests.live.serving import events, text_of
from tests.long.fault_injection import Schedule
from tests.support.lag import Lag
from tools.bench.serving.load import Reply

HANGS = 0.25  # seconds after its deadline until which a caller must have heard
_CLOCKS = 0.05  # seconds by which two of them may differ
_SPARED = "failed several times in a row"  # what a breaker says
_SLOW = {"silence", "late", "crumbled", "endless header", "half", "refused"}
_TABLE = re.findall(
    r"^\| `(/problems/[a-z-]+)` \| (\d+) \|", Path("docs/http.md").read_text("utf-8"), re.MULTILINE
)
PROBLEMS: Mapping[str, int] = {name: int(status) for name, status in _TABLE}


@dataclass(frozen=True)
class Asked:
    """A question, and what it must come to."""

    path: str
    body: Mapping[str, Any]
    deadline: float  # seconds
    request_id: str
    known: bool  # the FAQ answers it
    generated: str  # how the model's answer begins
    best: str  # the id of the entry found first

    @property
    def mode(self) -> str:
        return str(self.body.get("mode"))

    @property
    def lost(self) -> bool:
        return self.body.get("collection") == "nope"


@dataclass(frozen=True)
class Limits:
    """Seconds, as they are set."""

    search: float
    generation: float
    pause: float  # of a breaker
    queue: float  # for so long something slow can make others wait


@dataclass(frozen=True)
class Judge:
    index: Schedule
    model: Schedule
    lag: Lag
    limits: Limits

    def check(self, asked: Asked, reply: Reply, began: float) -> str:
        """What came, in a word. Raises AssertionError."""
        assert not reply.timed_out, "nothing came"
        late = self.lag.total_since(began)
        assert reply.seconds <= asked.deadline + HANGS + late, (
            f"came {reply.seconds - asked.deadline:.3f} late"
        )
        assert reply.request_id == asked.request_id
        if reply.status != 200:
            assert reply.content_type == PROBLEM
            problem = orjson.loads(reply.body)
            assert reply.status == problem["status"]
            assert (reply.retry_after is not None) == (reply.status in (429, 503))
            return self._explained(asked, problem, reply.seconds, began)
        if asked.path == "/search":
            return self._found(asked, orjson.loads(reply.body))
        if asked.path == "/ask":
            return self._answered(asked, orjson.loads(reply.body), began)
        told = events(reply.body.decode())
        names = [name for name, _ in told]
        assert names[0] == "sources"
        assert {*names[1:-1]} <= {"token", "replace"}
        name, data = told[-1]
        if name == "error":
            return self._explained(asked, data, reply.seconds, began) + " in the stream"
        assert name == "done"
        assert text_of(told).strip() == data["answer"]
        return self._answered(asked, data, began)

    def _found(self, asked: Asked, body: dict[str, Any]) -> str:
        assert not asked.lost
        assert body["hits"][0]["id"] == asked.best
        assert body["notices"] == []
        return "found"

    def _answered(self, asked: Asked, answer: dict[str, Any], began: float) -> str:
        assert not asked.lost
        assert answer["request_id"] == asked.request_id
        best = answer["sources"][0]
        assert best["id"] == asked.best
        codes = [notice["code"] for notice in answer["notices"]]
        check_no_leak([notice["detail"] for notice in answer["notices"]])
        if not asked.known:
            assert (answer["status"], answer["origin"], codes) == ("no_answer", None, [])
            return "no answer"
        assert answer["status"] == "answered"
        if answer["origin"] == "generated":
            assert asked.mode != "extract"
            assert re.fullmatch(re.escape(asked.generated) + r" \[\d\]", answer["answer"])
            assert codes == []
            return "generated"
        assert (answer["origin"], answer["answer"]) == ("extracted", best["answer"])
        if asked.mode == "extract":
            assert codes == []
            return "extracted"
        assert asked.mode == "auto"
        (notice,) = answer["notices"]
        self._blamed(notice["code"].replace("_", "-"), notice["detail"], began)
        return "extracted instead"

    def _explained(self, asked: Asked, problem: dict[str, Any], seconds: float, began: float) -> str:
        kind: str = problem["type"]
        assert PROBLEMS[kind] == problem["status"]
        assert problem["request_id"] == asked.request_id
        assert problem["detail"]
        check_no_leak(problem)
        match kind.removeprefix("/problems/"):
            case "unknown-collection":
                assert asked.lost
            case "deadline-exceeded":
                assert seconds >= asked.deadline - _CLOCKS
            case "search-unavailable" | "index-missing" | "index-unreadable" as name:
                self._blamed(name, problem["detail"], began)
            case name:
                # In mode auto the FAQ speaks for a model that does not.
                assert asked.mode == "generate"
                self._blamed(name, problem["detail"], began)
        return kind

    def _blamed(self, name: str, detail: str, began: float) -> None:
        """A fault that was there at the time accounts for it."""
        limits = self.limits
        late = self.lag.total_since(began) > limits.search / 2
        long = time.monotonic() - began if late else 0.0
        of_index = self.index.since(began - limits.search - long)
        # Who joins what another caller began meets what befell that one.
        of_model = self.model.since(began - limits.generation - long)
        if _SPARED in detail:  # until a call has succeeded again, and that may take some time to come
            of_index = self.index.since(began - limits.pause - limits.queue)
            of_model = self.model.since(began - limits.pause - limits.queue)
        match name:
            case "search-unavailable":
                assert of_index or late
            case "index-missing":
                assert "404" in of_index, f"{name}, but {of_index}"
            case "index-unreadable":
                # Elasticsearch's client follows a redirect, to a place that may hold no index of ours.
                assert of_index & {"odd", "another server"}, f"{name}, but {of_index}"
            case "model-unavailable":
                assert of_model
            case "model-missing":
                assert "404" in of_model, f"{name}, but {of_model}"
            case "model-timeout":
                assert of_model & _SLOW or late, f"{name}, but {of_model}"
            case "overloaded":
                assert self.model.since(began - limits.queue) & _SLOW or late
            case _:
                raise AssertionError(f"{name}: nothing accounts for it")


def summary(counts: Mapping[str, int]) -> Sequence[str]:
    return [f"{name} {counts[name]}" for name in sorted(counts, key=lambda name: -counts[name])]
