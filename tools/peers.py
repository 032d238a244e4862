#!/usr/bin/env python3
"""Measures vit beside OpenVINO, ONNX Runtime and PyTorch: the same architecture, batch and threads, every precision of
vit against that of the same kind, in turn, on the machine at hand.

    make && tools/peers.py                       # Ti, S and B at 224, batches of 1 and 8
    tools/peers.py --precision f32,bf16 --rounds 10 --json out.json
    tools/peers.py --arch vit_base_patch16_224 --batch 1 --only openvino,compile
    tools/peers.py --only none --threads 1,2,4   # vit alone, with nothing installed

    vit       is compared with
    f32       OpenVINO with the hint f32, ONNX Runtime, PyTorch
    bf16x2    the same: it is f32 in sums of two bf16 numbers, more exact than TF32
    bf16      OpenVINO with the hint bf16; PyTorch by model.to(bfloat16) or autocast, of which the faster one counts

The peers are installed, with the versions below, into a virtual environment of their own on the first run (some
gigabytes, in build/deps/peers). Every library and precision lives in a process of its own, which answers "run for so
many seconds", so that the rounds alternate: vit, peer, peer, vit, peer, peer, ... What slows the machine down for a
while then slows all of them. A ratio is taken within each round; the table shows the median over the rounds and how far
they spread.

Every library runs with its own default settings for the lowest latency and exactly the threads asked for; variables
that steer OpenMP are taken out of the environment for all of them. All compute one and the same model with random
weights, vit from timm's files, others from ONNX, and none is timed whose answer to the same pictures is not
PyTorch's in f32."""
import argparse
import collections
import datetime
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time
import venv

PACKAGES = ["torch==2.15.0", "timm==1.0.31", "onnx==1.23.2", "onnxscript==0.7.2", "onnxruntime==1.32.0",
            "openvino==2026.4.1"]

HERE = pathlib.Path(__file__).resolve().parent
WORKER = HERE / "peers_worker.py"
PEERS = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "eager": "PyTorch", "compile": "torch.compile"}
ALONE = "none"

# Of vit: the precision of the peers it is compared with, part of a flag of the CPUs that it is made for, and how far an
# answer may be from PyTorch's in f32, as a part of the largest logit.
Precision = collections.namedtuple("Precision", "peers flag tolerance")
PRECISIONS = {"f32": Precision("f32", "", 1e-5), "bf16x2": Precision("f32", "amx_bf16", 1e-4),
              "bf16": Precision("bf16", "_bf16", 0.05)}

TUNING_RUNS = 4

# What would give one library other waiting or binding habits than its users see.
STEERING = ("OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_")


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}


# ---- The virtual environment ----

def set_up(folder):
    """Makes the virtual environment when it is not there with just these packages; returns its python."""
    python = folder / "bin" / "python"
    stamp = folder / "packages.txt"
    if stamp.exists() and stamp.read_text().split() == PACKAGES:
        return python
    print(f"installing {' '.join(PACKAGES)} into {folder}", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, stdout=sys.stderr)
    stamp.write_text("\n".join(PACKAGES) + "\n")
    return python


# ---- The model ----

class Model:
    """An architecture at a batch size, as files for everyone: what peers_worker.py prepares, made once, and under
    another name until whole. Without python there are none, and vit takes random weights of its own."""

    def __init__(self, arch, batch, python, cache):
        self.arch, self.batch = arch, batch
        self.folder, self.tokens, self.logits = None, None, None
        if python:
            self.folder = cache / f"{arch}-b{batch}"
            if not self.folder.exists():
                self.prepare(python)
            answers = json.loads((self.folder / "answers.json").read_text())
            self.tokens, self.logits = answers["tokens"], answers["logits"]

    def prepare(self, python):
        fresh = self.folder.with_name(f"{self.folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        done = subprocess.run([python, WORKER, "prepare", self.arch, str(self.batch), fresh], stdout=sys.stderr)
        if done.returncode:
            raise RuntimeError(f"{self.arch} cannot be exported")
        fresh.rename(self.folder)

    def difference(self, logits):
        """The largest difference from PyTorch's answer in f32, as a part of the picture's largest logit."""
        if [len(row) for row in logits] != [len(row) for row in self.logits]:
            return math.inf
        return max(max(abs(a - b) for a, b in zip(got, want)) / max(map(abs, want))
                   for got, want in zip(logits, self.logits))


# ---- Those who are measured: each has name, precision, logits and measure() -> the latencies of one round in ms ----

class Peer:
    """A library in a process that stays alive between the rounds."""

    def __init__(self, python, kind, precision, threads, model):
        self.name, self.precision = PEERS[kind], precision
        command = [python, WORKER, kind, model.arch, str(threads), precision, model.folder]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=clean_environment())
        said = self.read()
        self.version, self.how, self.logits = said["version"], said["how"], said["logits"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer

    def measure(self, seconds):
        self.process.stdin.write(json.dumps({"seconds": seconds}) + "\n")
        self.process.stdin.flush()
        return self.read()["samples_ms"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Vit:
    """The program, once for every round. It ends with an error when its answers are not those of its plain loops."""
    name = "vit"
    how = ""

    def __init__(self, program, precision, threads, model):
        self.program, self.precision = program, precision
        self.settings = ["-b", str(model.batch), "-t", str(threads), "--precision", precision]
        self.model = ["-m", str(model.folder)] if model.folder else ["--arch", model.arch]
        self.about = None  # what the last round said of the machine and the program
        for _ in range(TUNING_RUNS):  # tuning takes a limited time in every run and goes on in the next
            self.bench("-r", "1")
        self.logits = self.classify(model) if model.folder else None

    def run(self, *words):
        done = subprocess.run([self.program, *words, *self.model, *self.settings, "-q"], capture_output=True, text=True,
                              env=clean_environment())
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    def classify(self, model):
        pictures = [str(model.folder / f"{i}.png") for i in range(model.batch)]
        answers = self.run("classify", *pictures, "-f", "jsonl", "-k", "all", "--scores", "logit").splitlines()
        results = [json.loads(answer)["results"] for answer in answers]
        return [[one["score"] for one in sorted(row, key=lambda one: one["index"])] for row in results]

    def bench(self, *duration):
        self.about = json.loads(self.run("bench", "-f", "json", "--no-peak", *duration))[0]
        return self.about["samples_ms"]

    def measure(self, seconds):
        return self.bench("--seconds", str(seconds))

    def close(self):
        pass


# ---- Taking turns ----

def start_all(model, threads, args, python):
    """Vit in every precision, each followed by the peers of its kind, which two of them may share."""
    for kind in dict.fromkeys(PRECISIONS[precision].peers for precision in args.precision):
        for precision in args.precision:
            if PRECISIONS[precision].peers == kind:
                yield Vit(args.vit, precision, threads, model)
        for peer in args.only:
            if (peer, kind) != ("onnxruntime", "bf16"):  # its CPU provider computes in f32, whatever the weights' type
                yield Peer(python, peer, kind, threads, model)


def check(one, model):
    if model.logits:
        difference = model.difference(one.logits)
        if not difference <= PRECISIONS[one.precision].tolerance:
            raise RuntimeError(f"{one.name} in {one.precision}: wrong answers, by {difference:.2g} of the largest")


def take_turns(runners, args):
    """The latencies of each, round by round."""
    rounds = [[] for _ in runners]
    for turn in range(args.rounds + 1):
        for one, its_rounds in zip(runners, rounds):
            time.sleep(0.3)  # idle threads of the one before spin for a while
            samples = one.measure(args.seconds)
            if turn > 0:  # the first round is for warming up
                its_rounds.append(samples)
    return rounds


def measure(model, threads, args, python):
    """A cell for each precision, and those who were measured."""
    runners = []
    try:
        for one in start_all(model, threads, args, python):
            runners.append(one)
            check(one, model)
        rounds = take_turns(runners, args)
    finally:
        for one in runners:
            one.close()
    return [make_cell(model, threads, precision, runners, rounds) for precision in args.precision], runners


# ---- What is reported: plain data, as it is written into the JSON file ----

def spread(values):
    return {"median": round(statistics.median(values), 3), "least": round(min(values), 3),
            "greatest": round(max(values), 3)}


def make_cell(model, threads, precision, runners, rounds):
    """One precision of vit and its peers. ms: for a batch, the median of each round; ratio: how many times as long as
    vit a peer took, of the rounds."""
    kind = PRECISIONS[precision].peers
    cell = {"arch": model.arch, "tokens": model.tokens, "batch": model.batch, "threads": threads,
            "precision": precision, "peers": kind, "how": {}, "difference": {}, "ms": {}, "least_ms": {}}
    for one, its_rounds in zip(runners, rounds):
        if one.precision == (precision if one.name == "vit" else kind):
            cell["ms"][one.name] = [round(statistics.median(samples), 4) for samples in its_rounds]
            cell["least_ms"][one.name] = round(min(min(samples) for samples in its_rounds), 4)
            if one.how:
                cell["how"][one.name] = one.how
            if model.logits:
                cell["difference"][one.name] = float(f"{model.difference(one.logits):.2g}")
    cell["ratio"] = {name: spread([b / a for a, b in zip(cell["ms"]["vit"], theirs)])
                     for name, theirs in cell["ms"].items() if name != "vit"}
    cell["best"] = min(cell["ratio"], key=lambda name: cell["ratio"][name]["median"], default=None)
    return cell


def summarise(cells):
    """Over the cells of each precision: the geometric mean and the least of the medians of the ratios."""
    summary = {}
    for precision in dict.fromkeys(cell["precision"] for cell in cells):
        some = [cell for cell in cells if cell["precision"] == precision and cell["best"]]
        ratios = {"best": [cell["ratio"][cell["best"]]["median"] for cell in some]}
        for name in PEERS.values():
            ratios[name] = [cell["ratio"][name]["median"] for cell in some if name in cell["ratio"]]
        summary[precision] = {name: {"geomean": round(math.exp(statistics.fmean(map(math.log, values))), 3),
                                     "least": min(values)} for name, values in ratios.items() if values}
    return summary


def machine_words(run):
    words = f"{run['cpu']}, {run['isa']}, {len(os.sched_getaffinity(0))} CPUs"
    return words + (" of a virtual machine" if " hypervisor" in pathlib.Path("/proc/cpuinfo").read_text() else "")


def describe(runners, cells, args):
    """Where, when and with what, in clauses."""
    run = next(one.about for one in runners if one.name == "vit")
    versions = {one.name: one.version for one in runners if one.name != "vit"}
    for name in versions:
        ways = dict.fromkeys(cell["how"][name] for cell in cells if name in cell["how"])
        if ways:
            versions[name] += f" (bf16: {' or '.join(ways)})"
    return [f"{datetime.date.today()}, {args.note or machine_words(run)}",
            f"vit {run['commit']} with oneDNN {run['onednn']}",
            *([", ".join(f"{name} {version}" for name, version in versions.items())] if versions else []),
            f"{args.rounds} rounds of {args.seconds:g} s in turn"]


# ---- The table ----

def print_table(cells, summary):
    precision, kind = cells[0]["precision"], cells[0]["peers"]
    names = [name for name in PEERS.values() if any(name in cell["ms"] for cell in cells)]
    print(f"\nvit in {precision}, others in {kind}: milliseconds for a batch, median (least)\n")
    print("| model | batch | threads | vit | " + "".join(f"{name} | " for name in names) + "best / vit | rounds |")
    print("|---|--:|--:|" + "--:|" * (len(names) + 3))
    for cell in cells:
        times = {name: f"{statistics.median(ms):.2f} ({cell['least_ms'][name]:.2f})" for name, ms in cell["ms"].items()}
        best = cell["ratio"].get(cell["best"])
        ratio = f"**{best['median']:.2f}** | {best['least']:.2f} .. {best['greatest']:.2f}" if best else "- | -"
        columns = [cell["arch"], cell["batch"], cell["threads"], *(times.get(name, "-") for name in ["vit", *names])]
        print("| " + " | ".join(map(str, columns)) + f" | {ratio} |")
    print()
    for name, value in summary.items():
        print(f"{name} / vit: geometric mean {value['geomean']:.2f}, least {value['least']:.2f}")
    differences = {name: max(cell["difference"][name] for cell in cells if name in cell["difference"])
                   for name in ["vit", *names] if any(name in cell["difference"] for cell in cells)}
    if differences:
        print("largest difference from PyTorch's logits in f32: "
              + ", ".join(f"{name} {value:.1e}" for name, value in differences.items()))


def print_report(report):
    print("; ".join(report["about"]))
    for precision, summary in report["summary"].items():
        print_table([cell for cell in report["cells"] if cell["precision"] == precision], summary)


def write_json(path, report):
    """A line for each cell."""
    cells = ",\n  ".join(json.dumps(cell) for cell in report["cells"])
    path.write_text(f'{{"about": {json.dumps(report["about"])},\n "summary": {json.dumps(report["summary"])},\n'
                    f' "cells": [\n  {cells}]}}\n')


# ---- The command line ----

def words(allowed=None):
    def parse(text):
        for word in text.split(","):
            if allowed and word not in allowed:
                raise argparse.ArgumentTypeError(f"{word} is not one of {', '.join(allowed)}")
        return text.split(",")
    return parse


def numbers(text):
    values = [int(word) for word in text.split(",")]
    if min(values) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected numbers from 1 on, with commas between")
    return values


def precisions_of_cpu():
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return [name for name, precision in PRECISIONS.items() if precision.flag in flags]


def parse_arguments():
    root = HERE.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--arch", type=words(), default=[f"vit_{size}_patch16_224" for size in ("tiny", "small", "base")],
        help="timm's names, with commas between")
    add("--batch", type=numbers, default=[1, 8])
    add("--threads", type=numbers, default=[2])
    add("--precision", type=words(list(PRECISIONS)), default=precisions_of_cpu(),
        help=f"some of {','.join(PRECISIONS)} (those that this CPU is made for)")
    add("--only", type=words([*PEERS, ALONE]), default=["openvino", "onnxruntime", "eager"],
        help=f"some of {','.join(PEERS)}, or {ALONE}: vit alone (all but compile)")
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=1, help="of one library in one round")
    add("--note", help="what to call the machine")
    add("--json", type=pathlib.Path, help="write what was measured to this file")
    add("--vit", type=pathlib.Path, default=root / "build" / "vit", help="the program")
    add("--venv", type=pathlib.Path, default=root / "build" / "deps" / "peers",
        help="the virtual environment")
    args = parser.parse_args()
    args.only = [kind for kind in args.only if kind != ALONE]
    return args


def main():
    args = parse_arguments()
    if not os.access(args.vit, os.X_OK):
        sys.exit(f"{args.vit} is not there: run make first")
    python = set_up(args.venv.resolve()) if args.only else None
    cells = []
    try:
        for threads in args.threads:
            for arch in args.arch:
                for batch in args.batch:
                    print(f"{arch}, batch {batch}, {threads} threads", file=sys.stderr)
                    model = Model(arch, batch, python, args.venv.resolve() / "prepared")
                    measured, runners = measure(model, threads, args, python)
                    cells += measured
    except RuntimeError as error:
        sys.exit(f"peers.py: {error}")
    report = {"about": describe(runners, cells, args), "summary": summarise(cells), "cells": cells}
    print_report(report)
    if args.json:
        write_json(args.json, report)


if __name__ == "__main__":
    main()
