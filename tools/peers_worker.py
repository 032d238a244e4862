"""One peer in a process of its own, started by peers.py in its virtual environment:

    peers_worker.py prepare ARCH BATCH FOLDER
    peers_worker.py KIND ARCH THREADS PRECISION FOLDER

The first makes FOLDER's model.onnx, x.npy and logits.npy, PyTorch's answer in f32. The second builds the model with one
library, checks that it answers so too, says {"version": ...} on stdout, and then answers every {"seconds": s} on stdin
with {"samples_ms": [...]}: the latencies of batches, run for so long."""
import json
import os
import pathlib
import sys
import time

MIN_COSINE = {"f32": 0.99999, "bf16": 0.99}
WARM_UP = 3
MIN_RUNS = 3


# ---- The model: the same weights and input for everyone ----

def build_model(arch):
    import timm
    import torch
    torch.manual_seed(0)
    return timm.create_model(arch).eval()


def prepare(arch, batch, folder):
    import numpy
    import torch
    model = build_model(arch)
    x = torch.randn(batch, *model.pretrained_cfg["input_size"], generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        numpy.save(folder / "logits.npy", model(x).numpy())
    numpy.save(folder / "x.npy", x.numpy())
    torch.onnx.export(model, (x,), folder / "model.onnx", dynamo=True, input_names=["x"], output_names=["logits"])


# ---- Each returns (run, version): run() computes the batch x and returns its logits. A library imports no other ----

def use_torch(arch, x, threads, precision, compiled):
    import torch
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    model, x = build_model(arch), torch.from_numpy(x)
    if precision == "bf16":
        model, x = model.bfloat16(), x.bfloat16()
    if compiled:
        model = torch.compile(model)

    def run():
        with torch.inference_mode():
            return model(x)
    return run, torch.__version__.split("+")[0]


def use_eager(arch, x, threads, precision, folder):
    return use_torch(arch, x, threads, precision, False)


def use_compile(arch, x, threads, precision, folder):
    return use_torch(arch, x, threads, precision, True)


def use_onnxruntime(arch, x, threads, precision, folder):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})[0], onnxruntime.__version__


def use_openvino(arch, x, threads, precision, folder):
    import openvino
    model = openvino.Core().compile_model(folder / "model.onnx", "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision})
    request = model.create_infer_request()
    request.set_input_tensor(openvino.Tensor(x))

    def run():
        request.infer()
        return request.get_output_tensor().data
    return run, openvino.__version__.split("-")[0]


KINDS = {"eager": use_eager, "compile": use_compile, "onnxruntime": use_onnxruntime, "openvino": use_openvino}


# ---- Checking, timing, talking ----

def check(logits, want, precision):
    import numpy
    got = (logits.float().numpy() if hasattr(logits, "float") else logits).astype(numpy.float64)
    norms = numpy.linalg.norm(got, axis=1) * numpy.linalg.norm(want, axis=1)
    cosine = ((got * want).sum(axis=1) / norms).min()
    if not cosine > MIN_COSINE[precision]:
        raise RuntimeError(f"the answers are wrong: cosine {cosine:.6f} with PyTorch in f32")


def measure(run, seconds):
    for _ in range(WARM_UP):
        run()
    samples, start = [], time.perf_counter()
    while len(samples) < MIN_RUNS or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        samples.append(1e3 * (time.perf_counter() - before))
    return samples


def serve(kind, arch, threads, precision, folder):
    import numpy
    out = os.fdopen(os.dup(1), "w")  # what the libraries print goes to stderr
    os.dup2(2, 1)

    def say(answer):
        print(json.dumps(answer), file=out, flush=True)

    try:
        run, version = KINDS[kind](arch, numpy.load(folder / "x.npy"), threads, precision, folder)
        check(run(), numpy.load(folder / "logits.npy"), precision)
    except Exception as error:  # whatever a library raises is for the parent to show
        say({"error": f"{type(error).__name__}: {error}"})
        raise
    say({"version": version})
    for line in sys.stdin:
        say({"samples_ms": measure(run, json.loads(line)["seconds"])})


def main():
    if sys.argv[1] == "prepare":
        arch, batch, folder = sys.argv[2:]
        prepare(arch, int(batch), pathlib.Path(folder))
    else:
        kind, arch, threads, precision, folder = sys.argv[1:]
        serve(kind, arch, int(threads), precision, pathlib.Path(folder))


if __name__ == "__main__":
    main()
