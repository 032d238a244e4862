"""The look of the pictures in tools/front: text, bars and lines on a background of their own, light or dark as the
reader's. Texts are placed by the left end of their base line; style "end" by the right end, "middle" by the middle."""
import pathlib
from xml.sax.saxutils import escape

FOLDER = pathlib.Path(__file__).resolve().parent / "front"

STYLE = """<style>
text { font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .small { font-size: 11.5px; fill: #59636e } .head { font-weight: 600 }
.end { text-anchor: end } .middle { text-anchor: middle }
.back { fill: #ffffff } .track { fill: #e6eaef } .bar { fill: #8c959f } .ours { fill: #0969da }
.line { stroke-width: 2; stroke-linejoin: round } .line.bar { fill: none; stroke: #8c959f }
.line.ours { fill: none; stroke: #0969da } .line.track { stroke: #e6eaef; stroke-width: 1 }
.right { fill: #1a7f37; font-weight: 600 } .wrong { fill: #cf222e; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 } .back { fill: #0d1117 } .track { fill: #262c36 } .bar { fill: #6e7681 }
.ours { fill: #4493f8 } .right { fill: #3fb950 } .wrong { fill: #ff7b72 } .line.bar { stroke: #6e7681 }
.line.ours { stroke: #4493f8 } .line.track { stroke: #262c36 }
}
</style>"""


def text(x, y, words, style=""):
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(words)}</text>'


def box(x, y, width, height, style):
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="2" class="{style}"/>'


def dot(x, y, style):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{style}"/>'


def line(points, style, dashes=""):
    """Through the points (x, y)."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" class="line {style}" stroke-dasharray="{dashes}"/>'


def write_svg(name, width, height, parts):
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', STYLE, box(0, 0, width, height, "back"), *parts,
             "</svg>"]
    (FOLDER / f"{name}.svg").write_text("\n".join(lines) + "\n")
