"""`askd …`: thin commands, each calling what the API calls."""

from app.cli.main import main

__all__ = ["main"]
