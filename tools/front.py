#!/usr/bin/env python3
"""Draws what README.md shows at its top, into tools/front:

    make && tools/front.py             # the answers to four photographs, and the chart of tools/front/speed.tsv
    make && tools/front.py --measure   # the same, after tools/peers.py has measured that table anew (half an hour)

PHOTOGRAPH.svg   the best classes of the shipped model, and whether the first is the photograph's (samples/SOURCES.tsv)
speed.svg        pictures per second of vit and of other libraries
speed.tsv        what peers.py measured; its first line says when, where and with which versions. In bf16 too where the
                 CPU multiplies such numbers.

Each SVG brings its own background and follows the reader's light or dark mode. It holds no photograph: hosts of README
files block pictures inside pictures, so README.md shows those of samples/ above it."""
import argparse
import csv
import json
import pathlib
import subprocess
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tools" / "front"
TABLE = FOLDER / "speed.tsv"
PHOTOGRAPHS = ["bee", "pizza", "sports-car", "elephant"]
BEST = 3

STYLE = """<style>
text { font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .small { font-size: 11.5px; fill: #59636e } .head { font-weight: 600 }
.end { text-anchor: end } .back { fill: #ffffff } .track { fill: #e6eaef } .bar { fill: #8c959f }
.ours { fill: #0969da } .right { fill: #1a7f37; font-weight: 600 } .wrong { fill: #cf222e; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 } .back { fill: #0d1117 } .track { fill: #262c36 } .bar { fill: #6e7681 }
.ours { fill: #4493f8 } .right { fill: #3fb950 } .wrong { fill: #ff7b72 }
}
</style>"""


# ---- SVG ----

def text(x, y, words, style=""):
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(words)}</text>'


def box(x, y, width, height, style):
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="2" class="{style}"/>'


def write_svg(name, width, height, parts):
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', STYLE, box(0, 0, width, height, "back"), *parts,
             "</svg>"]
    (FOLDER / f"{name}.svg").write_text("\n".join(lines) + "\n")


# ---- The answers to photographs ----

def classify(program, names):
    command = [program, "classify", "-q", "-f", "jsonl", "-k", str(BEST), *(f"samples/{name}.jpg" for name in names)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line)["results"] for line in done.stdout.splitlines()]


def read_truth():
    with open(ROOT / "samples" / "SOURCES.tsv", newline="") as file:
        return {row["file"]: row["label"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


def first_name(label):
    return label.split(",")[0]


def draw_answer(name, results, truth):
    width = 216
    if results[0]["label"] == truth:
        parts = [text(8, 20, "right", "right")]
    else:
        parts = [text(8, 20, "wrong", "wrong"), text(width - 8, 20, f"it is: {first_name(truth)}", "small end")]
    for i, result in enumerate(results):
        y = 46 + 32 * i
        parts += [text(8, y, first_name(result["label"])), text(width - 8, y, f"{100 * result['score']:.2f}%", "end"),
                  box(8, y + 6, width - 16, 6, "track"), box(8, y + 6, (width - 16) * result["score"], 6, "ours")]
    write_svg(name, width, 46 + 32 * BEST - 10, parts)


# ---- The chart of speeds ----

def measure(program, options):
    has_bf16 = "_bf16" in pathlib.Path("/proc/cpuinfo").read_text()
    subprocess.run([ROOT / "tools" / "peers.py", "--arch", "vit_base_patch16_224", "--batch", "1,8", "--precision",
                    "f32,bf16" if has_bf16 else "f32", "--rounds", "9", "--vit", program, "--table", TABLE, *options],
                   check=True)


def read_table():
    about, *rows = TABLE.read_text().splitlines()
    return about.removeprefix("# "), list(csv.DictReader(rows, delimiter="\t"))


def draw_panel(x, width, rows, fastest):
    """The bars of one batch size, a group for each precision, the fastest library of a group on top."""
    one = rows[0]["batch"] == "1"
    parts, y = [text(x, 56, "one picture at a time" if one else f"batches of {rows[0]['batch']}", "head")], 56
    for precision in dict.fromkeys(row["precision"] for row in rows):
        y += 24
        parts.append(text(x, y, precision, "small"))
        group = [row for row in rows if row["precision"] == precision]
        for row in sorted(group, key=lambda row: -float(row["pictures_per_s"])):
            rate, ours = float(row["pictures_per_s"]), row["library"] == "vit"
            length = (width - 160) * rate / fastest
            y += 22
            parts += [text(x, y, row["library"], "head" if ours else ""),
                      box(x + 110, y - 11, length, 14, "ours" if ours else "bar"),
                      text(x + 116 + length, y, f"{rate:.1f}", "head" if ours else "")]
    return parts, y


def draw_speed():
    about, rows = read_table()
    fastest = max(float(row["pictures_per_s"]) for row in rows)
    batches = list(dict.fromkeys(row["batch"] for row in rows))
    width, margin = 840, 16
    panel = (width - margin) / len(batches) - margin
    title = f"Pictures per second of {rows[0]['model']} on {rows[0]['threads']} threads: longer is better"
    parts = [text(margin, 28, title, "title")]
    bottom = 0
    for i, batch in enumerate(batches):
        some = [row for row in rows if row["batch"] == batch]
        drawn, y = draw_panel(margin + i * (panel + margin), panel, some, fastest)
        parts, bottom = parts + drawn, max(bottom, y)
    for clause in about.split("; "):
        bottom += 18
        parts.append(text(margin, bottom + 10, clause, "small"))
    write_svg("speed", width, bottom + 24, parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="measure speed.tsv anew")
    parser.add_argument("--vit", type=pathlib.Path, default=ROOT / "build" / "vit", help="the program")
    parser.add_argument("peers", nargs="*", help="with --measure, behind --: further options of peers.py")
    args = parser.parse_args()
    if args.measure:
        measure(args.vit, args.peers)
    truth = read_truth()
    for name, results in zip(PHOTOGRAPHS, classify(args.vit, PHOTOGRAPHS)):
        draw_answer(name, results, truth[f"{name}.jpg"])
    draw_speed()


if __name__ == "__main__":
    main()
