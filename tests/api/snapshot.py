"""The committed OpenAPI document. `python -m tests.api.snapshot` renews it."""

import json
from pathlib import Path

from app.main import create_app
from app.settings import Settings

PATH = Path(__file__).with_name("openapi.json")


def document() -> str:
    return json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), "utf-8")
