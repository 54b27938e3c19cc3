"""resilience.md: every fault that the tests inflict, and what callers saw."""

from pathlib import Path

from tests.faults.calls import CALLS, Seen
from tests.support.checkout import ROOT

COMMITTED = ROOT / "docs" / "resilience.md"
GENERATED = ROOT / "reports" / "resilience.md"

_HEAD = """# What callers see when something fails

Written by the tests in `tests/faults`, from what they saw; do not edit it by hand. Each fault is injected
into the running service, most of them by a TCP proxy in front of a real Elasticsearch and a real Ollama.
*Sure* is a question for which retrieval is confident of the first entry, which may then stand in for the
model. `503 model-unavailable` is that status with a problem document of the type
`/problems/model-unavailable`, which says what to do; 429 and 503 carry `Retry-After`. After the status of
an answer come its origin and the codes of its notices. Every call ended within its deadline and a quarter
of a second. A stream whose answer fails within a quarter of a second (here three quarters, as the tests
run on busy machines) is a status, later its `error` event.
"""


class Page:
    def __init__(self) -> None:
        self._groups: dict[str, dict[str, Seen]] = {}

    def note(self, group: str, fault: str, seen: Seen) -> None:
        self._groups.setdefault(group, {})[fault] = seen

    @property
    def faults(self) -> int:
        return sum(len(faults) for faults in self._groups.values())

    def text(self) -> str:
        tables = [_table(group, faults) for group, faults in self._groups.items()]
        return "\n".join([_HEAD, f"{self.faults} faults.\n", *tables])

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.text(), encoding="utf-8")


def _table(group: str, faults: dict[str, Seen]) -> str:
    names = dict.fromkeys(name for seen in faults.values() for name in seen)
    columns = [name for name in CALLS if name in names] + [name for name in names if name not in CALLS]
    rows = [["fault", *columns], ["---"] * (1 + len(columns))]
    rows += [[fault, *(seen.get(name, "") for name in columns)] for fault, seen in faults.items()]
    return "\n".join([f"## {group}", "", *(f"| {' | '.join(row)} |" for row in rows), ""])
