"""docs/benchmark.svg: the medians as bars on a logarithmic scale, readable on a light and on a dark page."""

import math
from xml.sax.saxutils import escape

from driver.report import duration, median_of

WIDTH, LEFT, RIGHT = 860, 290, 90
BAR, GAP, TOP = 13, 16, 66
COLOURS = {  # on white, on black
    "pgstrata": ("#0b6e4f", "#3ddc97"), "docker26": ("#1d63b8", "#6aa9ff"), "docker28": ("#5a8fd0", "#3f7fd6"),
    "docker20": ("#93b4dc", "#2f5b96"), "buildah": ("#b5651d", "#e0a060"), "yardstick": ("#777777", "#999999"),
}


def draw(results):
    groups = [(case["title"], _bars(results, name, case)) for name, case in results["cases"].items()]
    groups = [(title, bars) for title, bars in groups if bars]
    values = [value for _, bars in groups for _, _, value in bars]
    if not values:
        return _document(40, ['<text x="10" y="24">nothing was measured</text>'], [])
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values) * 1.01))
    scale = _scale(low, high)

    height = TOP + sum(len(bars) * BAR + GAP for _, bars in groups) + 10
    body = _legend(results) + _axis(low, high, scale, height)
    y = TOP
    for title, bars in groups:
        body.append(f'<text x="{LEFT - 10}" y="{y + len(bars) * BAR / 2 + 4:.1f}" text-anchor="end">{escape(title)}</text>')
        for colour, label, value in bars:
            body.append(f'<rect class="{colour}" x="{LEFT}" y="{y}" width="{scale(value) - LEFT:.1f}" height="{BAR - 2}"/>')
            body.append(f'<text class="value" x="{scale(value) + 5:.1f}" y="{y + BAR - 3}">{escape(label)}</text>')
            y += BAR
        y += GAP
    return _document(height, body, COLOURS.items())


def _bars(results, name, case):
    bars = []
    for actor in case["samples"]:
        value = median_of(results, name, actor)
        known = actor in results["peers"]
        bars.append((actor if known else "yardstick", duration(value) if known else f"{duration(value)} {actor}", value))
    return bars


def _scale(low, high):
    per_decade = (WIDTH - LEFT - RIGHT) / math.log10(high / low)
    return lambda value: LEFT + max(1.0, math.log10(value / low) * per_decade)


def _legend(results):
    """Two rows of at most three names."""
    parts = []
    for place, (peer, title) in enumerate(results["peers"].items()):
        x, y = 20 + place % 3 * 280, 8 + place // 3 * 18
        parts.append(f'<rect class="{peer}" x="{x}" y="{y}" width="11" height="11"/>')
        parts.append(f'<text x="{x + 17}" y="{y + 10}">{escape(title)}</text>')
    return parts


def _axis(low, high, scale, height):
    parts = []
    for decade in range(round(math.log10(low)), round(math.log10(high)) + 1):
        x = scale(10 ** decade)
        label = f"{10 ** decade:g} s" if decade >= 0 else f"{10 ** (decade + 3):g} ms"
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - 8}"/>')
        parts.append(f'<text class="value" x="{x:.1f}" y="{TOP - 10}" text-anchor="middle">{label}</text>')
    return parts


def _document(height, body, colours):
    light = "\n".join(f".{name} {{ fill: {on_white} }}" for name, (on_white, _) in colours)
    dark = "\n".join(f".{name} {{ fill: {on_black} }}" for name, (_, on_black) in colours)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f"<style>\ntext {{ font: 12px sans-serif; fill: #222 }}\n.value {{ font-size: 10px; fill: #555 }}\n"
        f"line {{ stroke: #8884 }}\n{light}\n"
        f"@media (prefers-color-scheme: dark) {{\ntext {{ fill: #ddd }}\n.value {{ fill: #aaa }}\n{dark}\n}}\n</style>",
        *body, "</svg>"]) + "\n"
