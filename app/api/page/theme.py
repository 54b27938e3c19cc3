"""The page's accent colour, made readable: WCAG's contrast holds whatever colour a setting names. Pure."""

WHITE, DARK = "#ffffff", "#14171c"  # the page's two backgrounds, as style.css has them
CONTRAST = 5.5  # 4.5 is WCAG's; the rest is for surfaces that are tinted a little


def style_of(color: str, root: str = ":root") -> str:
    """The style sheet that sets the accent colour for light and for dark."""
    light, dark = _readable(color, WHITE, "#000000"), _readable(color, DARK, WHITE)
    return (
        f"{root}{{--accent:{light};--on-accent:{WHITE}}}"
        f"@media(prefers-color-scheme:dark){{{root}{{--accent:{dark};--on-accent:{DARK}}}}}"
    )


def contrast(one: str, other: str) -> float:
    """As WCAG defines it: 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _readable(color: str, background: str, towards: str) -> str:
    """The colour itself, or the nearest mixture with `towards` that has enough contrast."""
    mixtures = (_mixed(color, towards, share / 20) for share in range(21))
    return next(mixture for mixture in mixtures if contrast(mixture, background) >= CONTRAST)


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _luminance(color: str) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(color))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
