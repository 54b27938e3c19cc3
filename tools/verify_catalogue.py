"""Compares the catalogue of models with the model hub, for a person with a network.

`--write` puts what the hub says into app/models/published.json, with today's date. Exit status 1 where
something differs and was not written.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from huggingface_hub import constants, get_token

from app.errors import DownloadFailed, ModelMissing
from app.models.hub import explained, open_hub, repository_info
from app.models.published import FILE

_HOW = "as the hub says; prompts, languages and sizes at 4 bits are from general knowledge"


def on_hub(repository: str) -> dict[str, Any]:
    """What the hub says of a model, by the names of the catalogue. Raises ModelMissing or DownloadFailed."""
    with open_hub(get_token()) as client, explained(repository, "the model hub"):
        found = repository_info(client, constants.ENDPOINT, repository)
    facts = {"gated": found.gated or False, "licence": found.licence, "parameters": found.parameters}
    return {name: value for name, value in facts.items() if value is not None}


def _same(one: object, two: object) -> bool:
    if isinstance(one, str) and isinstance(two, str):
        return one.casefold() == two.casefold()
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, int) and isinstance(two, int):
        return abs(one - two) <= 0.02 * max(one, two)  # rounded ones are in the catalogue
    return one == two


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put what the hub says into the catalogue")
    options = parser.parse_args()
    catalogue = json.loads(FILE.read_text("utf-8"))
    differences = failures = 0
    for model in catalogue["models"]:
        try:
            facts = on_hub(model["hub"])
        except (ModelMissing, DownloadFailed) as error:
            failures += 1
            sys.stderr.write(f"{model['hub']}: {error}\n")
            continue
        for name, value in facts.items():
            if not _same(model.get(name), value):
                differences += 1
                sys.stdout.write(f"{model['hub']}: {name} is {value!r}, not {model.get(name)!r}\n")
        if options.write:
            model.update(facts, source="hub")
    if options.write and not failures:
        catalogue.update(checked=datetime.now(UTC).date().isoformat(), how=_HOW)
        FILE.write_text(json.dumps(catalogue, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return 0
    return 1 if differences or failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
