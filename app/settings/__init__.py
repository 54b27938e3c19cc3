"""Every setting: `groups` declares them, `values` completes what is typed, `reading` finds their values."""

from app.settings.reading import PREFIX, Settings, read_settings, secret

__all__ = ["PREFIX", "Settings", "read_settings", "secret"]
