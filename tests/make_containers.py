"""Writes tests/containers/: one set of small tensors in every container, by the libraries that own the formats.

Element k (in C order) of tensor number t, counted from 0 in the order of tensors(), is t + k / 4 in the floating types
and 10 t + k in the integers; BOOL holds k % 2. tests/test_containers.c computes the same. Run from the repository's
root; the files are committed, so this is for changing them.
"""

import argparse
import json
import os
import sys
import types
import zipfile

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

assert torch.__version__.split("+")[0] == "2.15.0", torch.__version__
assert np.__version__ == "2.4.6", np.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

OUT = "tests/containers"
SPEC = [
    ("f32", torch.float32, (2, 3)),
    ("f16", torch.float16, (3,)),
    ("bf16", torch.bfloat16, (2, 2)),
    ("f64", torch.float64, (2,)),
    ("i64", torch.int64, (3, 1)),
    ("i32", torch.int32, (2,)),
    ("i16", torch.int16, (2,)),
    ("i8", torch.int8, (3,)),
    ("u8", torch.uint8, (3,)),
    ("bool", torch.bool, (3,)),
    ("scalar", torch.float32, ()),
    ("empty", torch.float32, (0, 3)),
    ("transposed", torch.float32, (3, 4)),
    ("permuted", torch.float16, (2, 3, 4)),
    ("slice", torch.float32, (2, 2)),
    ("tail", torch.float32, (2,)),
]


def values(t, dtype, shape):
    k = torch.arange(int(np.prod(shape, dtype=int)))
    if dtype == torch.bool:
        return (k % 2).to(dtype).reshape(shape)
    x = t + k / 4 if dtype.is_floating_point else 10 * t + k
    return x.to(dtype).reshape(shape)


def tensors():
    d = {name: values(t, dtype, shape) for t, (name, dtype, shape) in enumerate(SPEC)}
    d["transposed"] = d["transposed"].t().contiguous().t()
    d["permuted"] = d["permuted"].permute(2, 0, 1).contiguous().permute(1, 2, 0)
    base = torch.full((5, 3), 99.0)  # slice and tail are views of it
    base[1:3, 1:3] = d["slice"]
    base[4, 1:3] = d["tail"]
    d["slice"], d["tail"] = base[1:3, 1:3], base[4, 1:3]
    assert not d["transposed"].is_contiguous() and not d["permuted"].is_contiguous() and not d["slice"].is_contiguous()
    return d


def strip_debug(path):
    """Takes out of a TorchScript archive where the code was compiled from: lines and paths of this machine."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist() if not name.endswith(".debug_pkl")}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members.items():
            new.writestr(zipfile.ZipInfo(name), data)


def module(d):
    m = nn.Module()
    for name, value in d.items():
        if value.is_floating_point():
            m.register_parameter(name, nn.Parameter(value))
        else:
            m.register_buffer(name, value)
    return m


def write_torch(d):
    save = torch.save
    save(module(d).state_dict(), f"{OUT}/state.pt")
    save(dict(d), f"{OUT}/protocol4.pt", pickle_protocol=4)
    save(module(d).state_dict(), f"{OUT}/legacy.pt", _use_new_zipfile_serialization=False)
    wrapped = {
        "model": {"module._orig_mod." + k: nn.Parameter(v) if v.is_floating_point() else v for k, v in d.items()},
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}]},
        "args": argparse.Namespace(lr=1e-3, big=1 << 80),
        "best": np.float64(0.5),
        "epoch": 3,
        "history": {1, 2},
    }
    save(wrapped, f"{OUT}/wrapped.pt")
    save(wrapped, f"{OUT}/wrapped_legacy.pt", _use_new_zipfile_serialization=False)
    save({"state_dict": {"model": {"f32": d["f32"]}}}, f"{OUT}/one.pt")
    save(nn.Linear(2, 2), f"{OUT}/module.pt")
    # The legacy format writes a class's source file and text beside it, unless there is none to be found.
    own = type("Own", (nn.Linear,), {"__module__": "own"})
    sys.modules["own"] = types.SimpleNamespace(Own=own)
    save({"model": own(2, 2)}, f"{OUT}/module_legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), f"{OUT}/script.pt")
    strip_debug(f"{OUT}/script.pt")
    save({"f8": torch.zeros(4, dtype=torch.float8_e4m3fn)}, f"{OUT}/float8.pt")


def write_numpy(d):
    arrays = {k: v.numpy() for k, v in d.items() if v.dtype != torch.bfloat16}
    arrays["bf16"] = d["bf16"].view(torch.int16).numpy().view("V2")
    arrays["transposed"] = np.asfortranarray(arrays["transposed"])
    arrays["permuted"] = np.asfortranarray(arrays["permuted"])
    np.savez(f"{OUT}/stored.npz", **arrays)
    np.savez_compressed(f"{OUT}/deflated.npz", **arrays)
    np.savez(f"{OUT}/objects.npz", a=np.array([None], dtype=object))
    np.savez(f"{OUT}/big_endian.npz", a=np.arange(3, dtype=">f4"))
    np.save(f"{OUT}/bare.npy", arrays["f32"])


def write_sharded(d):
    d = {k: v.contiguous().clone() for k, v in d.items()}
    safetensors.torch.save_file(d, f"{OUT}/whole.safetensors", metadata={"format": "pt"})
    names = sorted(d)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    for extension, stem, save in (
        ("safetensors", "model", lambda x, f: safetensors.torch.save_file(x, f, metadata={"format": "pt"})),
        ("bin", "pytorch_model", torch.save),
    ):
        files = [f"{stem}-{i + 1:05d}-of-00002.{extension}" for i in range(2)]
        for half, file in zip(halves, files):
            save({k: d[k] for k in half}, f"{OUT}/{file}")
        index = {
            "metadata": {"total_size": sum(v.nbytes for v in d.values())},
            "weight_map": {k: files[k in halves[1]] for k in names},
        }
        with open(f"{OUT}/{stem}.{extension}.index.json", "w") as f:
            json.dump(index, f, indent=2)
            f.write("\n")


def main():
    os.makedirs(OUT, exist_ok=True)
    d = tensors()
    write_torch(d)
    write_numpy(d)
    write_sharded(d)


if __name__ == "__main__":
    main()
