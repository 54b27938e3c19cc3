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
class _Scale:
    seconds: tuple[float, float]
    shares: tuple[float, float]

    @classmethod
    def of(cls, points: Sequence[Point]) -> "_Scale":
        slowest = max(point.seconds for point in points)
        fastest = min(point.seconds for point in points)
        lowest = min(point.low for point in points)
        return cls((fastest / 2, slowest * 2), (max(0.0, math.floor(lowest * 10 - 0.2) / 10), 1.0))

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
    steps = round((high - low) * 10)
    for tenth in range(0, steps + 1, 2 if steps > 6 else 1):
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
    """Each beside its disc, where it covers no other and stays in the frame; else below one."""
    taken = [_around(scale.x(point.seconds), scale.y(point.share), _radius(point)) for point in points]
    parts = []
    for at, point in enumerate(points):
        x, y, radius = scale.x(point.seconds), scale.y(point.share), _radius(point)
        wide = len(point.name) * _LETTER
        places = [
            (x + side * (radius + 5) - (wide if side < 0 else 0), y + 4 + down * _LINE)
            for down in (0, -1, 1, -2, 2, 3, -3, 4, 5, 6)
            for side in (1, -1)
        ]
        boxes = [(left, base - _LINE + 3, left + wide, base + 3) for left, base in places]
        fits = [
            place
            for place, box in zip(places, boxes, strict=True)
            if _inside(box) and not any(_overlap(box, other) for other in taken)
        ]
        left, base = fits[0] if fits else places[0]
        taken.append((left, base - _LINE + 3, left + wide, base + 3))
        parts.append(_text(left, base, point.name, "start", _colour(at, point)))
    return parts


_Box = tuple[float, float, float, float]  # left, top, right, bottom


def _around(x: float, y: float, radius: float) -> _Box:
    return x - radius, y - radius, x + radius, y + radius


def _inside(box: _Box) -> bool:
    return box[0] >= _LEFT and box[1] >= 2 and box[2] <= _WIDTH and box[3] <= _HEIGHT - _BOTTOM


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


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
