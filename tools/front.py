#!/usr/bin/env python3
"""Draws what README.md shows, into tools/front, and writes the table of speeds into README.md:

    make && tools/front.py             # the answers to four photographs, and whatever has been measured
    make && tools/front.py --measure   # the same, after tools/peers.py has measured speed.json anew (half an hour)
    make && tools/front.py --scaling   # the same, after it has measured tokens.json and threads.json (half an hour)

PHOTOGRAPH.svg   the best classes of the shipped model, and whether the first is the photograph's (samples/SOURCES.tsv)
speed.svg        pictures per second of vit and of other libraries, in every precision that the CPU is made for
scaling.svg      time for a picture of vit and of OpenVINO, against tokens and against threads
*.json           what peers.py measured, and when, where and with which versions

Each SVG brings its own background and follows the reader's light or dark mode. It holds no photograph: hosts of README
files block pictures inside pictures, so README.md shows those of samples/ above it."""
import argparse
import csv
import json
import os
import pathlib
import subprocess

from front_speed import draw_scaling, draw_speed, read_report, write_readme
from front_svg import FOLDER, box, text, write_svg

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEED, TOKENS, THREADS = (FOLDER / f"{name}.json" for name in ("speed", "tokens", "threads"))
PHOTOGRAPHS = ["bee", "pizza", "sports-car", "elephant"]
BEST = 3

SIZES = ["vit_base_patch16_224", "vit_base_patch16_384", "vit_base_patch14_dinov2"]  # 197, 577 and 1370 tokens


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


# ---- Measuring ----

def count_cores():
    """The cores that this process may use: of threads that share a core, one."""
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    return len({pathlib.Path(siblings.format(cpu)).read_text() for cpu in os.sched_getaffinity(0)})


def threads_up_to(cores):
    return sorted({*(2 ** i for i in range(cores.bit_length())), cores})


def measure(path, program, options, *words):
    subprocess.run([ROOT / "tools" / "peers.py", "--vit", program, *words, "--json", path, *options], check=True)


def measure_scaling(program, options):
    cores = count_cores()
    words = ["--batch", "1", "--only", "openvino"]
    measure(TOKENS, program, options, "--arch", ",".join(SIZES), "--threads", str(cores), *words)
    threads = ",".join(map(str, threads_up_to(cores)))
    measure(THREADS, program, options, "--arch", SIZES[0], "--threads", threads, *words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="measure speed.json anew")
    parser.add_argument("--scaling", action="store_true", help="measure tokens.json and threads.json anew")
    parser.add_argument("--vit", type=pathlib.Path, default=ROOT / "build" / "vit", help="the program")
    parser.add_argument("peers", nargs="*", help="behind --: further options of peers.py")
    args = parser.parse_args()
    if args.measure:
        measure(SPEED, args.vit, args.peers, "--rounds", "9")
    if args.scaling:
        measure_scaling(args.vit, args.peers)
    truth = read_truth()
    for name, results in zip(PHOTOGRAPHS, classify(args.vit, PHOTOGRAPHS)):
        draw_answer(name, results, truth[f"{name}.jpg"])
    if SPEED.exists():
        report = read_report(SPEED)
        draw_speed(report)
        write_readme(ROOT / "README.md", report)
    scaling = {path.stem: read_report(path) for path in (TOKENS, THREADS) if path.exists()}
    if scaling:
        draw_scaling(scaling)


if __name__ == "__main__":
    main()
