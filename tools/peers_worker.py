"""One peer in a process of its own, started by peers.py in its virtual environment:

    peers_worker.py prepare ARCH BATCH FOLDER
    peers_worker.py KIND ARCH THREADS PRECISION FOLDER

The first makes in FOLDER one model with random weights in two forms, model.safetensors with config.json (timm's) and
model.onnx, a batch of pictures, the same as x.npy, and answers.json: {"tokens": n, "logits": PyTorch's in f32}.
The second builds the model with one library and says on stdout {"version": ..., "how": ..., "logits": ...}, its own
answer to x.npy. Then it answers every {"seconds": s} on stdin with {"samples_ms": [...]}: the latencies of batches, run
for so long."""
import contextlib
import json
import os
import pathlib
import sys
import time

WARM_UP = 3
MIN_RUNS = 3
TRIALS = 6


# ---- The model: the same weights and input for everyone ----

def build_model(arch):
    """With a classifier also where timm's has none, and for pictures that need no resizing."""
    import timm
    import torch
    torch.manual_seed(0)
    return timm.create_model(arch, num_classes=1000, pretrained_cfg_overlay={"crop_pct": 1.0}).eval()


def make_pictures(batch, size):
    """Fields of colours (B,C,H,W) in bytes, which differ more than noise would in the eyes of an untrained model."""
    import torch
    fields = torch.rand(batch, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.interpolate(fields, size, mode="bicubic")
    return (255 * smooth.clamp(0, 1)).round().to(torch.uint8)


def prepare(arch, batch, folder):
    import numpy
    import timm
    import torch
    from PIL import Image
    model = build_model(arch)
    cfg = model.pretrained_cfg
    pictures = make_pictures(batch, cfg["input_size"][1:])
    mean, std = (torch.tensor(cfg[name]).view(3, 1, 1) for name in ("mean", "std"))
    x = (pictures / 255 - mean) / std
    with torch.inference_mode():
        answers = {"tokens": model.forward_features(x).shape[1], "logits": model(x).tolist()}
    for i, picture in enumerate(pictures):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(folder / f"{i}.png")
    numpy.save(folder / "x.npy", x.numpy())
    (folder / "answers.json").write_text(json.dumps(answers))
    timm.models.save_for_hf(model, folder, safe_serialization=True)
    torch.onnx.export(model, (x,), folder / "model.onnx", dynamo=True, input_names=["x"], output_names=["logits"])


# ---- Each returns (run, version, how): run() computes the batch x and returns its logits. It imports no other library

def fastest(runs):
    """The name of the run that takes the shortest time, in turn with the others."""
    times = {name: [] for name in runs}
    for _ in range(TRIALS):
        for name, run in runs.items():
            before = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - before)
    return min(times, key=lambda name: min(times[name]))


def use_torch(arch, x, threads, precision, compiled):
    """In bf16 PyTorch has two ways, of which the faster one counts: all in bf16, or f32 with bf16 where it pays."""
    import torch
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)

    def make_run(dtype, autocast):
        model, input = build_model(arch).to(dtype), torch.from_numpy(x).to(dtype)
        if compiled:
            model = torch.compile(model)

        def run():
            with torch.inference_mode():
                with torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext():
                    return model(input)
        return run

    if precision == "f32":
        runs = {"": make_run(torch.float32, False)}
    else:
        runs = {"model.to(bfloat16)": make_run(torch.bfloat16, False), "autocast": make_run(torch.float32, True)}
    how = fastest(runs)
    return runs[how], torch.__version__.split("+")[0], how


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
    return lambda: session.run(None, {"x": x})[0], onnxruntime.__version__, ""


def use_openvino(arch, x, threads, precision, folder):
    import openvino
    model = openvino.Core().compile_model(folder / "model.onnx", "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision})
    request = model.create_infer_request()
    request.set_input_tensor(openvino.Tensor(x))

    def run():
        request.infer()
        return request.get_output_tensor().data
    return run, openvino.__version__.split("-")[0], ""


KINDS = {"eager": use_eager, "compile": use_compile, "onnxruntime": use_onnxruntime, "openvino": use_openvino}


# ---- Timing and talking ----

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
        run, version, how = KINDS[kind](arch, numpy.load(folder / "x.npy"), threads, precision, folder)
        say({"version": version, "how": how, "logits": run().tolist()})
    except Exception as error:  # whatever a library raises is for the parent to show
        say({"error": f"{type(error).__name__}: {error}"})
        raise
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
