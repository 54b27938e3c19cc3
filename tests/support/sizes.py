"""How much is done: a little in CI, a lot in `scripts/soak`, which says so in the environment."""

import os


def size(name: str, default: int) -> int:
    return int(os.environ.get(f"ASKD_TEST_{name}", default))


HANG_UPS = size("HANGUPS", 60)
REQUESTS = size("REQUESTS", 600)
CASES = size("CASES", 30)  # of each property
FILES = size("FILES", 500)  # damaged ones
NODE_DEATHS = size("NODE_DEATHS", 2)
MINUTES = float(os.environ.get("ASKD_TEST_MINUTES", "0.1"))  # of steady load
SEED = size("SEED", 1)  # of all that is left to chance
