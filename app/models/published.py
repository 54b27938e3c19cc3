"""What is known of published models that askd does not ship: the table behind `askd models list --known`.

Facts as they were when they were checked; `scripts/verify-catalogue` asks the hub.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Published:
    name: str
    use: str  # "course": of the exercise behind askd; "candidate": small and free enough to be tried
    licence: str
    gated: str | bool  # "auto": accepted with a click, "manual": a person lets one in
    parameters: int
    prompt: str  # the form it was trained for
    source: str  # "read" in public pages, "knowledge", or "hub": verified there
    hub: str | None = None  # repository of the model hub
    ollama: str | None = None  # tag
    context: int | None = None  # tokens
    bf16_bytes: int | None = None
    q4_bytes: int | None = None  # as Q4_K_M or Q4_0
    kv_cache_bytes_per_token: int | None = None
    languages: str | None = None
    note: str | None = None

    def is_called(self, name: str) -> bool:
        """By its own name, or as the hub or Ollama has it."""
        names = (self.name, self.hub, self.ollama and f"ollama:{self.ollama}")
        return name.casefold() in {known.casefold() for known in names if known}


@dataclass(frozen=True, slots=True)
class Catalogue:
    checked: str  # date
    how: str
    models: Sequence[Published]

    def find(self, name: str) -> Published | None:
        return next((model for model in self.models if model.is_called(name)), None)


def read_catalogue() -> Catalogue:
    found = json.loads(FILE.read_text("utf-8"))
    return Catalogue(found["checked"], found["how"], [Published(**model) for model in found["models"]])
