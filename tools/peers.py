#!/usr/bin/env python3
"""Measures vit beside PyTorch (eager and compiled), ONNX Runtime and OpenVINO: the same architecture, batch, threads
and precision, in turn, on the machine at hand.

    make && tools/peers.py                                    # Ti, S and B at 224, batches of 1 and 8, f32
    tools/peers.py --precision f32,bf16 --rounds 10 --json out.json
    tools/peers.py --arch vit_base_patch16_224 --batch 1 --only openvino --table out.tsv

The peers are installed, with the versions below, into a virtual environment of their own on the first run (some
gigabytes, in build/deps/peers). Every library lives in a process of its own, which answers "run for so many seconds",
so that the rounds alternate: vit, peer, peer, vit, peer, peer, ... What slows the machine down for a while then slows
all of them. A ratio is taken within each round; the table shows the median over the rounds and how far they spread.

Every library runs with its own default settings and exactly the threads asked for; variables that steer OpenMP are
taken out of the environment for all of them. All peers compute one and the same model with random weights, and are
checked against PyTorch's answer before they are timed; vit checks its own answers."""
import argparse
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
PEERS = {"eager": "PyTorch", "compile": "torch.compile", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}

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


# ---- Those who are measured: each has a name and measure() -> the latencies of one round in ms ----

class Peer:
    """A library in a process that stays alive between the rounds."""

    def __init__(self, python, kind, cell, model):
        self.name = PEERS[kind]
        command = [python, WORKER, kind, cell.arch, str(cell.threads), cell.precision, model]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=clean_environment())
        self.version = self.read()["version"]

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
    """The program, once for every round. It ends with an error when its answers are wrong."""
    name = "vit"

    def __init__(self, program, cell):
        self.command = [program, "bench", "--arch", cell.arch, "-b", str(cell.batch), "-t", str(cell.threads),
                        "--precision", cell.precision, "-f", "json"]
        self.run = None  # of the last round

    def tune(self):
        """Tuning takes a limited time in every run and goes on in the next."""
        for _ in range(TUNING_RUNS):
            self.bench("-r", "1")

    def measure(self, seconds):
        return self.bench("--seconds", str(seconds))

    def bench(self, *duration):
        done = subprocess.run([*self.command, *duration], capture_output=True, text=True, env=clean_environment())
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        self.run = json.loads(done.stdout)[0]
        return self.run["samples_ms"]


# ---- One cell of the table ----

class Cell:
    def __init__(self, arch, batch, threads, precision):
        self.arch, self.batch, self.threads, self.precision = arch, batch, threads, precision
        self.samples = {}  # name -> rounds -> ms
        self.run = None    # what vit's last round said of itself

    def median(self, name):
        return statistics.median(statistics.median(one) for one in self.samples[name])

    def ratios(self, name):
        """How many times as long as vit the peer took, round by round."""
        return [statistics.median(theirs) / statistics.median(ours)
                for theirs, ours in zip(self.samples[name], self.samples["vit"])]

    def best_peer(self):
        """The peer that comes nearest to vit, or is furthest ahead of it."""
        return min((name for name in self.samples if name != "vit"),
                   key=lambda name: statistics.median(self.ratios(name)))


def prepare_model(cell, python, cache):
    """A folder with the model as ONNX, an input and PyTorch's answer; made once, and under another name until whole."""
    folder = cache / f"{cell.arch}-b{cell.batch}"
    if not folder.exists():
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        done = subprocess.run([python, WORKER, "prepare", cell.arch, str(cell.batch), fresh], stdout=sys.stderr)
        if done.returncode:
            raise RuntimeError(f"{cell.arch} cannot be exported")
        fresh.rename(folder)
    return folder


def start_peers(kinds, cell, python, model):
    peers = []
    for kind in kinds:
        if kind == "onnxruntime" and cell.precision == "bf16":
            continue  # its CPU provider computes in f32, whatever the type of the weights
        peers.append(Peer(python, kind, cell, model))
    return peers


def measure(cell, kinds, args, python, cache):
    model = prepare_model(cell, python, cache)
    ours = Vit(args.vit, cell)
    ours.tune()
    peers = start_peers(kinds, cell, python, model)
    try:
        for turn in range(args.rounds + 1):
            for one in [ours, *peers]:
                time.sleep(0.3)  # idle threads of the one before spin for a while
                samples = one.measure(args.seconds)
                if turn > 0:  # the first round is for warming up
                    cell.samples.setdefault(one.name, []).append(samples)
        cell.run = ours.run
    finally:
        for peer in peers:
            peer.close()
    return {peer.name: peer.version for peer in peers}


# ---- The report ----

def geomean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def print_table(cells, names, precision):
    print(f"\n{precision}, milliseconds for a batch\n")
    print("| model | batch | threads | vit | " + " | ".join(names) + " | best peer / vit | rounds | % of peak |")
    print("|---|--:|--:|" + "--:|" * (len(names) + 4))
    best = []
    for cell in cells:
        ratios = cell.ratios(cell.best_peer())
        best.append(statistics.median(ratios))
        theirs = [f"{cell.median(name):.2f}" if name in cell.samples else "-" for name in names]
        print(f"| {cell.arch} | {cell.batch} | {cell.threads} | {cell.median('vit'):.2f} | " + " | ".join(theirs)
              + f" | **{best[-1]:.2f}** | {min(ratios):.2f} .. {max(ratios):.2f} | {cell.run['percent_of_peak']:.0f} |")
    print(f"\nbest peer / vit: geometric mean {geomean(best):.2f}, least {min(best):.2f}")


def conditions(cells, versions, args):
    run = cells[0].run
    return (f"{datetime.date.today()}, {run['cpu']}, {run['isa']}, {os.cpu_count()} CPUs; "
            f"vit {run['commit']} with oneDNN {run['onednn']}; "
            + ", ".join(f"{name} {version}" for name, version in versions.items())
            + f"; {args.rounds} rounds of {args.seconds:g} s")


def print_report(cells, versions, args):
    print(conditions(cells, versions, args))
    for precision in args.precision:
        some = [cell for cell in cells if cell.precision == precision]
        if some:
            print_table(some, [name for name in PEERS.values() if any(name in c.samples for c in some)], precision)


def write_json(path, cells, versions):
    rows = [{**vars(cell), "versions": versions} for cell in cells]
    pathlib.Path(path).write_text(json.dumps(rows) + "\n")


def write_table(path, cells, about):
    """A line about the measurement, a header, and a row for each library in each cell."""
    lines = [f"# {about}", "model\tprecision\tbatch\tthreads\tlibrary\tms\tpictures_per_s"]
    for cell in cells:
        for name in cell.samples:
            ms = cell.median(name)
            lines.append(f"{cell.arch}\t{cell.precision}\t{cell.batch}\t{cell.threads}\t{name}\t{ms:.2f}"
                         f"\t{1e3 * cell.batch / ms:.2f}")
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


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


def parse_arguments():
    root = HERE.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--arch", type=words(), default=[f"vit_{size}_patch16_224" for size in ("tiny", "small", "base")],
        help="timm's names, with commas between")
    add("--batch", type=numbers, default=[1, 8])
    add("--threads", type=numbers, default=[2])
    add("--precision", type=words(["f32", "bf16"]), default=["f32"], help="f32, bf16 or both")
    add("--only", type=words(list(PEERS)), default=list(PEERS), help=f"some of {','.join(PEERS)}")
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=2, help="of one library in one round")
    add("--json", help="write every sample to this file")
    add("--table", help="write the medians to this file, tab-separated")
    add("--vit", type=pathlib.Path, default=root / "build" / "vit", help="the program")
    add("--venv", type=pathlib.Path, default=root / "build" / "deps" / "peers",
        help="the virtual environment")
    return parser.parse_args()


def main():
    args = parse_arguments()
    if not os.access(args.vit, os.X_OK):
        sys.exit(f"{args.vit} is not there: run make first")
    python = set_up(args.venv.resolve())
    cache = args.venv.resolve() / "models"
    cells, versions = [], {}
    try:
        for precision in args.precision:
            for threads in args.threads:
                for arch in args.arch:
                    for batch in args.batch:
                        cell = Cell(arch, batch, threads, precision)
                        print(f"{arch}, batch {batch}, {threads} threads, {precision}", file=sys.stderr)
                        versions.update(measure(cell, args.only, args, python, cache))
                        cells.append(cell)
    except RuntimeError as error:
        sys.exit(f"peers.py: {error}")
    print_report(cells, versions, args)
    if args.json:
        write_json(args.json, cells, versions)
    if args.table:
        write_table(args.table, cells, conditions(cells, versions, args))


if __name__ == "__main__":
    main()
