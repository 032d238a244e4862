"""The chart and the table of speeds in README.md, and the plots against tokens and threads, from what peers.py wrote:
reports of cells, each one precision of vit and the others of its kind, at one architecture, batch and threads."""
import json
import math
import statistics
import textwrap

from front_svg import box, dot, line, text, write_svg

WIDTH, MARGIN = 840, 16
DASHES = {"f32": "", "bf16x2": "7 3", "bf16": "2 3"}

TIMES = "how many times as fast as the best of the others"
BF16X2 = "bf16x2 is f32 in sums of two bf16 numbers, beside the others' f32"

README_START = "<!-- written by tools/front.py from here -->\n"
README_END = "<!-- to here -->\n"
CHART = ('<img src="tools/front/speed.svg" width="840" alt="Pictures per second of vit, OpenVINO, ONNX Runtime and '
         'PyTorch">')


# ---- What is in a report ----

def read_report(path):
    return json.loads(path.read_text())


def values(cells, name):
    """The different values of what the cells have under the name, in their order."""
    return list(dict.fromkeys(cell[name] for cell in cells))


def having(cells, **wanted):
    return [cell for cell in cells if all(cell[name] == value for name, value in wanted.items())]


def milliseconds(cell, library):
    """For a picture."""
    return statistics.median(cell["ms"][library]) / cell["batch"]


def best_ratio(cell):
    return cell["ratio"][cell["best"]]["median"]


def explanations(report):
    """What a reader has to know of a picture or table, and then the conditions."""
    bf16x2 = [BF16X2] if having(report["cells"], precision="bf16x2") else []
    return [*bf16x2, *report["about"]]


# ---- The chart: pictures per second of one architecture, as bars ----

def bars_of(cells):
    """(label, pictures per second, words behind it, whether it is vit's) for all in cells that are of one kind, the
    fastest on top. Peers are the same in each of the cells."""
    bars = []
    for cell in cells:
        several = len(cells) > 1
        for name in cell["ms"]:
            rate = 1e3 / milliseconds(cell, name)
            if name == "vit":
                label = f"vit {cell['precision']}" if several else "vit"
                bars.append((label, rate, f"{rate:.1f}  ({best_ratio(cell):.2f}x)", True))
            elif cell is cells[0]:
                bars.append((name, rate, f"{rate:.1f}", False))
    return sorted(bars, key=lambda bar: -bar[1])


def draw_panel(x, width, cells, fastest):
    """The bars of one batch size, a group for each kind of precision; the lowest y that is used."""
    batch = cells[0]["batch"]
    parts, y = [text(x, 56, "one picture at a time" if batch == 1 else f"batches of {batch}", "head")], 56
    for kind in values(cells, "peers"):
        y += 26
        parts.append(text(x, y, kind, "small"))
        for label, rate, words, ours in bars_of(having(cells, peers=kind)):
            length = (width - 210) * rate / fastest
            y += 22
            parts += [text(x, y, label, "head" if ours else ""),
                      box(x + 110, y - 11, length, 14, "ours" if ours else "bar"),
                      text(x + 116 + length, y, words, "head" if ours else "")]
    return parts, y


def draw_speed(report):
    cells = having(report["cells"], arch=report["cells"][-1]["arch"])
    fastest = max(rate for cell in cells for _, rate, _, _ in bars_of([cell]))
    batches = values(cells, "batch")
    panel = (WIDTH - MARGIN) / len(batches) - MARGIN
    title = f"Pictures per second of {cells[0]['arch']} on {cells[0]['threads']} threads: longer is better"
    parts, bottom = [text(MARGIN, 28, title, "title")], 0
    for i, batch in enumerate(batches):
        drawn, y = draw_panel(MARGIN + i * (panel + MARGIN), panel, having(cells, batch=batch), fastest)
        parts, bottom = parts + drawn, max(bottom, y)
    finish("speed", parts, bottom, [f"in brackets: {TIMES}", *explanations(report)])


def finish(name, parts, bottom, notes):
    for note in notes:
        bottom += 18
        parts.append(text(MARGIN, bottom + 10, note, "small"))
    write_svg(name, WIDTH, bottom + 24, parts)


# ---- The table ----

def table_row(cells):
    """Of one architecture and batch: for each kind the best of the others, then vit's precisions of that kind."""
    row = [cells[0]["arch"], str(cells[0]["batch"])]
    for kind in values(cells, "peers"):
        some = having(cells, peers=kind)
        best = some[0]["best"]
        row.append(f"{milliseconds(some[0], best):.2f} {best}")
        for cell in some:
            row += [f"{milliseconds(cell, 'vit'):.2f}", f"**{best_ratio(cell):.2f}**"]
    return row


def make_table(report):
    cells, summary = report["cells"], report["summary"]
    head, last = ["ms for a picture", "batch"], ["geometric mean (least)", ""]
    for kind in values(cells, "peers"):
        head.append(f"best other {kind}")
        last.append("")
        for precision in values(having(cells, peers=kind), "precision"):
            head += [f"vit {precision}", "times"]
            last += ["", "**{geomean:.2f}** ({least:.2f})".format(**summary[precision]["best"])]
    rows = [table_row(having(cells, arch=arch, batch=batch))
            for arch in values(cells, "arch") for batch in values(cells, "batch")]
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows, last])


def write_readme(path, report):
    """The chart, the table and its conditions, between the two comments in README.md."""
    threads = report["cells"][0]["threads"]
    note = (f"Milliseconds for a picture on {threads} threads, alone or in a batch, and {TIMES} vit is: the median of "
            f"the ratios within rounds in turn. {'; '.join(explanations(report))}.")
    written = f"{CHART}\n\n{make_table(report)}\n\n{textwrap.fill(note, 118)}\n"
    before, rest = path.read_text().split(README_START)
    path.write_text(before + README_START + written + README_END + rest.split(README_END)[1])


# ---- The plots: time for a picture against tokens or threads, both axes logarithmic ----

class Axis:
    """Values from low to high on places from start to end, by their logarithms."""

    def __init__(self, low, high, start, end):
        self.low, self.start, self.scale = low, start, (end - start) / math.log(high / low)

    def place(self, value):
        return self.start + self.scale * math.log(value / self.low)


def ticks_within(low, high):
    return [digit * 10.0 ** power for power in range(-2, 6) for digit in (1, 2, 5)
            if low <= digit * 10.0 ** power <= high]


def make_curves(cells, key):
    """{(library, precision): [(x, ms for a picture), ...]} of vit and OpenVINO; the latter once for a kind."""
    curves = {}
    for library, of in (("vit", "precision"), ("OpenVINO", "peers")):
        for cell in cells:
            if library in cell["ms"]:
                curve = curves.setdefault((library, cell[of]), {})
                curve.setdefault(cell[key], milliseconds(cell, library))
    return {name: sorted(curve.items()) for name, curve in curves.items()}


def draw_curves(curves, across, up, right):
    """The curves, and their names at their ends, one below the other where they would touch."""
    parts, lowest = [], 0
    for (library, precision), curve in sorted(curves.items(), key=lambda item: -item[1][-1][1]):
        style = "ours" if library == "vit" else "bar"
        points = [(across.place(x), up.place(y)) for x, y in curve]
        parts += [line(points, style, DASHES[precision]), *(dot(x, y, style) for x, y in points)]
        lowest = max(points[-1][1] + 4, lowest + 15)
        parts.append(text(right + 10, lowest, f"{library} {precision}", "head" if library == "vit" else ""))
    return parts


def draw_ratios(x, y, cells, key, across):
    """Rows of OpenVINO's time over vit's below the values of the axis."""
    parts = []
    cells = [cell for cell in cells if "OpenVINO" in cell["ratio"]]
    if cells:
        y += 20
        parts.append(text(x, y, "OpenVINO's time / vit's", "small"))
    for precision in values(cells, "precision"):
        y += 17
        parts.append(text(x, y, precision, "small"))
        for cell in having(cells, precision=precision):
            ratio = cell["ratio"]["OpenVINO"]["median"]
            parts.append(text(across.place(cell[key]), y, f"{ratio:.2f}", "middle"))
    return parts, y


def draw_plot(x, top, width, cells, key):
    """One plot, and the lowest y that is used."""
    left, right, bottom = x + 52, x + width - 116, top + 230
    curves = make_curves(cells, key)
    times = [y for curve in curves.values() for _, y in curve]
    low, high = min(times) / 1.15, max(times) * 1.15
    across = Axis(min(values(cells, key)), max(values(cells, key)), left + 20, right)
    up = Axis(low, high, bottom, top + 16)
    fixed = f"on {cells[0]['threads']} threads" if key == "tokens" else cells[0]["arch"]
    batch = "" if cells[0]["batch"] == 1 else f", batches of {cells[0]['batch']}"
    parts = [text(x, top, f"against {key}, {fixed}{batch}", "head")]
    for tick in ticks_within(low, high):
        parts += [line([(left, up.place(tick)), (right, up.place(tick))], "track"),
                  text(left - 6, up.place(tick) + 4, f"{tick:g}", "small end")]
    parts += [text(across.place(value), bottom + 18, str(value), "small middle") for value in values(cells, key)]
    parts += draw_curves(curves, across, up, right)
    ratios, lowest = draw_ratios(x, bottom + 18, cells, key, across)
    return parts + ratios, lowest


def draw_scaling(reports):
    """Plots of reports {key: report}; what has a single value to show has none. Of both machines if they differ."""
    plots = [(having(report["cells"], batch=batch), key) for key, report in reports.items()
             for batch in values(report["cells"], "batch") if len(values(report["cells"], key)) > 1]
    parts, bottom = [text(MARGIN, 28, "Milliseconds for a picture: lower is better", "title")], 28
    width = (WIDTH - MARGIN) / 2 - MARGIN
    for i, (cells, key) in enumerate(plots):
        if i % 2 == 0:
            top = bottom + 30
        drawn, y = draw_plot(MARGIN + i % 2 * (width + MARGIN), top, width, cells, key)
        parts, bottom = parts + drawn, max(bottom, y)
    notes = [note for report in reports.values() for note in explanations(report)]
    finish("scaling", parts, bottom, dict.fromkeys(notes))
