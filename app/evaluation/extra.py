"""The packages only an evaluation needs: for measures, plots and fitting."""

from importlib.util import find_spec

from app.errors import BadSettings

_PACKAGES = ("ir_measures", "plotly", "sklearn")


def require_extra() -> None:
    """Say at once what is missing, not after minutes of work. Raises BadSettings."""
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise BadSettings(f"askd eval needs {', '.join(missing)}: in askd's folder, pip install -e '.[eval]'")
