"""Quality against time as an SVG of its own: it needs no script, and stands in any page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 760, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 24, 52  # margins
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f")
_LETTER = 6.6  # width of one in a label, about
_LINE = 14
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
_UNKNOWN_BYTES = 100_000_000

_FRAME = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" style="max-width: 100%; height: auto" font-family="system-ui, sans-serif" \
font-size="12">
<title>{title}</title>
<rect width="{width}" height="{height}" fill="#fff"/>
{body}
</svg>
"""


@dataclass(frozen=True, slots=True)
class Point:
    name: str
    seconds: float
    share: float
    low: float  # of its interval
    high: float
    memory: int | None = None  # bytes: the area of its disc
    reference: bool = False  # a row that is no model
    front: bool = False


def pareto_plot(points: Sequence[Point], *, x: str, y: str) -> str:
    """Seconds from left to right on a logarithmic scale, shares from below to above."""
    scale = _Scale.of(points)
    parts = [*_grid(scale), *_front(points, scale), *_discs(points, scale), *_labels(points, scale)]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, x, "middle", "#444"))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turned = f'transform="rotate(-90 16 {middle:.0f})"'
    parts.append(
        f'<text x="16" y="{middle:.0f}" text-anchor="middle" fill="#444" {turned}>{escape(y)}</text>'
    )
    return _FRAME.format(
        width=_WIDTH, height=_HEIGHT, title=escape(f"{y} against {x}"), body="\n".join(parts)
    )


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


@dataclass(frozen=True, slots=True)
class _Scale:
    seconds: tuple[float, float]
    shares: tuple[float, float]

    @classmethod
    def of(cls, points: Sequence[Point]) -> "_Scale":
        slowest = max(point.seconds for point in points)
        fastest = min(point.seconds for point in points)
        lowest = min(point.low for point in points)
        # Down to a fifth, with some room for the lowest interval.
        return cls((fastest / 2, slowest * 2), (max(0.0, math.floor(lowest * 5 - 0.1) / 5), 1.0))

    def x(self, seconds: float) -> float:
        low, high = map(math.log, self.seconds)
        return _LEFT + (math.log(seconds) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, share: float) -> float:
        low, high = self.shares
        return _HEIGHT - _BOTTOM - (share - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def _grid(scale: _Scale) -> Sequence[str]:
    parts = []
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for seconds in _SECONDS:
        if scale.seconds[0] <= seconds <= scale.seconds[1]:
            x = scale.x(seconds)
            parts.append(_line(x, _TOP, x, bottom, "#e5e5e5"))
            parts.append(_text(x, bottom + 17, f"{seconds:g} s", "middle", "#666"))
    low, high = scale.shares
    tenths = round((high - low) * 10)
    for tenth in range(0, tenths + 1, 2 if tenths > 5 else 1):
        y = scale.y(low + tenth / 10)
        parts.append(_line(_LEFT, y, right, y, "#e5e5e5"))
        parts.append(_text(_LEFT - 8, y + 4, f"{low + tenth / 10:.0%}", "end", "#666"))
    return parts


def _front(points: Sequence[Point], scale: _Scale) -> Sequence[str]:
    front = sorted((point for point in points if point.front), key=lambda point: point.seconds)
    if len(front) < 2:
        return []
    path = " ".join(f"{scale.x(point.seconds):.1f},{scale.y(point.share):.1f}" for point in front)
    return [
        f'<polyline points="{path}" fill="none" stroke="#888" stroke-width="1.5" stroke-dasharray="5 4"/>'
    ]


def _discs(points: Sequence[Point], scale: _Scale) -> Sequence[str]:
    parts = []
    for at, point in enumerate(points):
        x, y, colour = scale.x(point.seconds), scale.y(point.share), _colour(at, point)
        parts.append(_line(x, scale.y(point.low), x, scale.y(point.high), colour, width=1.5))
        told = escape(
            f"{point.name}: {point.share:.0%} ({point.low:.0%}–{point.high:.0%}), {point.seconds:.2g} s"
        )
        edge = ' stroke="#222" stroke-width="1.5"' if point.front else ""
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_radius(point):.1f}" fill="{colour}" fill-opacity="0.75"'
            f"{edge}><title>{told}</title></circle>"
        )
    return parts


def _labels(points: Sequence[Point], scale: _Scale) -> Sequence[str]:
    """Each beside its disc, where it covers nothing else, or at least no disc and no other label."""
    taken = [_disc(point, scale) for point in points]
    intervals = [_interval(point, scale) for point in points]
    parts = []
    for at, point in enumerate(points):
        x, y, away = scale.x(point.seconds), scale.y(point.share), _radius(point) + 5
        wide = len(point.name) * _LETTER
        places = []
        for down in sorted(range(-8, 9), key=abs):
            base = y + 4 + down * _LINE
            places += [
                ("start", x + away, _Box(x + away, base - _LINE + 3, x + away + wide, base + 3)),
                ("end", x - away, _Box(x - away - wide, base - _LINE + 3, x - away, base + 3)),
            ]
        free = (
            place
            for covered in ([*taken, *intervals], taken)
            for place in places
            if _inside(place[2]) and not any(map(place[2].meets, covered))
        )
        anchor, start, box = next(free, places[0])
        taken.append(box)
        parts.append(_text(start, box.bottom - 3, point.name, anchor, _colour(at, point)))
    return parts


def _disc(point: Point, scale: _Scale) -> _Box:
    x, y, radius = scale.x(point.seconds), scale.y(point.share), _radius(point)
    return _Box(x - radius, y - radius, x + radius, y + radius)


def _interval(point: Point, scale: _Scale) -> _Box:
    x = scale.x(point.seconds)
    return _Box(x - 2, scale.y(point.high), x + 2, scale.y(point.low))


def _inside(box: _Box) -> bool:
    return box.left >= _LEFT and box.top >= 2 and box.right <= _WIDTH and box.bottom <= _HEIGHT - _BOTTOM


def _radius(point: Point) -> float:
    """Half a gigabyte has ten pixels."""
    return min(28.0, max(4.0, 10 * math.sqrt((point.memory or _UNKNOWN_BYTES) / 500_000_000)))


def _colour(at: int, point: Point) -> str:
    return "#444" if point.reference else _COLOURS[at % len(_COLOURS)]


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, width: float = 1) -> str:
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
