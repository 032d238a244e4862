#!/usr/bin/env python3
"""Makes tests/goldens anew: what every stage must give, computed by PyTorch, timm and Pillow and never by this project.

    python3 tests/make_goldens.py [--model weights/vit.safetensors] [--out tests/goldens]

goldens/shipped/PICTURE/   the shipped model on a photograph of samples/
goldens/tiny/              a random model of odd sizes, as a folder in the layout of timm's hub, and its picture

Each holds pixels (S,S,3) u8 and, in f32, patches (N,3PP), tokens (T,D), block00.. (T,D), pooled (D) and logits (K).
pooled is what enters the head, behind the final norm. Runs on the same CPU give the same bytes.
Needs the very versions below: pip install torch==2.15.0 torchvision timm==1.0.31 pillow==13.0.0 numpy==2.4.6
"""
import argparse
import json
from pathlib import Path

import numpy as np
import PIL
import safetensors.torch
import timm
import torch
from PIL import Image

VERSIONS = {np: "2.4.6", PIL: "13.0.0", timm: "1.0.31", torch: "2.15.0"}
for module, version in VERSIONS.items():
    found = module.__version__.split("+")[0]
    assert found == version, f"{module.__name__} {found} is installed, {version} is needed"

ROOT = Path(__file__).resolve().parent.parent
PHOTOGRAPHS = ["tractor", "espresso", "jellyfish"]

SHIPPED = {
    "architecture": "vit_small_patch14_dinov2",
    "num_classes": 200,
    "global_pool": "token",
    "model_args": {"img_size": 64, "patch_size": 8},
    "pretrained_cfg": {
        "input_size": [3, 64, 64],
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "center",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
}

# No size is a multiple of a vector's length: T = 10, D = 30, HD = 10, F = 75, K = 7. The picture of 34 x 23 is scaled
# to 23 x 16, whose surplus of 11 columns tells the two ways of rounding a centre crop apart.
TINY = {
    "architecture": "vit_tiny_patch16_224",
    "num_classes": 7,
    "num_features": 30,
    "global_pool": "token",
    "model_args": {"img_size": 12, "patch_size": 4, "embed_dim": 30, "depth": 2, "num_heads": 3, "mlp_ratio": 2.5},
    "label_names": ["red", "orange", "yellow", "green", "blue", "indigo", "violet"],
    "pretrained_cfg": {
        "tag": "tiny",
        "custom_load": False,
        "input_size": [3, 12, 12],
        "fixed_input_size": True,
        "interpolation": "bilinear",
        "crop_pct": 0.75,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "num_classes": 7,
        "pool_size": None,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
        "license": "apache-2.0",
    },
}


def create_model(config):
    args = {k: config[k] for k in ("num_classes", "global_pool")} | config["model_args"]
    return timm.create_model(config["architecture"], pretrained=False, **args).eval()


def load_shipped(path):
    """The shipped model from the canonical file, or from a folder with model.safetensors and config.json."""
    if path.is_dir():
        check_config(json.loads((path / "config.json").read_text()))
        path = path / "model.safetensors"
    model = create_model(SHIPPED)
    model.load_state_dict({k: v.float() for k, v in safetensors.torch.load_file(path).items()}, strict=True)
    return model


def check_config(config):
    for key, value in SHIPPED.items():
        found = {k: config[key][k] for k in value} if isinstance(value, dict) else config[key]
        assert found == value, f"config.json: {key} is {found}, expected {value}"


def make_tiny():
    """Random weights large enough that every one of them tells in the logits."""
    rng = np.random.default_rng(20)
    model = create_model(TINY)
    weights = {}
    for name, tensor in sorted(model.state_dict().items()):
        noise = rng.standard_normal(tuple(tensor.shape))
        if name in ("cls_token", "pos_embed"):
            noise *= 0.7
        elif tensor.ndim > 1:
            noise *= 1.5 / np.sqrt(tensor[0].numel())
        elif "norm" in name and name.endswith("weight"):
            noise = 1 + 0.3 * noise
        else:
            noise *= 0.3
        weights[name] = torch.from_numpy(noise.astype(np.float32))
    model.load_state_dict(weights, strict=True)
    return model


def make_picture():
    """34 x 23, smooth waves with noise on them: neither flat nor the same after any flip or swap of channels."""
    rng = np.random.default_rng(21)
    y, x, c = np.mgrid[0:23, 0:34, 0:3]
    waves = 128 + 70 * np.sin(0.21 * x * (c + 1) + 0.13 * y) + 40 * np.cos(0.37 * y - 0.11 * x + c)
    return Image.fromarray(np.clip(waves + rng.normal(0, 20, waves.shape), 0, 255).astype(np.uint8))


def preprocess(image, config):
    """pixels (S,S,3) u8 as Pillow resizes and crops, and x (3,S,S) f32 normalised, both by timm's own transform."""
    cfg = config["pretrained_cfg"]
    transform = timm.data.create_transform(
        input_size=tuple(cfg["input_size"]), is_training=False,
        **{k: cfg[k] for k in ("interpolation", "crop_pct", "crop_mode", "mean", "std")})
    resize, crop, to_tensor, normalize = transform.transforms
    cropped = crop(resize(image.convert("RGB")))
    return np.asarray(cropped), normalize(to_tensor(cropped))


def cut_patches(x, patch):
    """x (3,S,S) -> (N,3PP): patches row by row, in each of them channel, row, column."""
    grid = x.shape[1] // patch
    x = x.reshape(3, grid, patch, grid, patch).permute(1, 3, 0, 2, 4)
    return x.reshape(grid * grid, 3 * patch * patch)


def run_stages(model, config, image):
    """Every stage of one picture, in pipeline order, without the batch axis."""
    pixels, x = preprocess(image, config)
    stages = {"pixels": pixels, "patches": cut_patches(x, config["model_args"]["patch_size"])}

    def keep(name):
        return lambda _, args, output=None: stages.__setitem__(name, (args[0] if output is None else output)[0].clone())

    hooks = [model.blocks[0].register_forward_pre_hook(keep("tokens"))]
    hooks += [block.register_forward_hook(keep(f"block{i:02}")) for i, block in enumerate(model.blocks)]
    hooks += [model.head.register_forward_pre_hook(keep("pooled")), model.head.register_forward_hook(keep("logits"))]
    with torch.inference_mode():
        model(x[None])
    for hook in hooks:
        hook.remove()
    return stages


def write_stages(folder, stages):
    folder.mkdir(parents=True, exist_ok=True)
    for name, stage in stages.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(stage))
    print(folder, "top:", int(stages["logits"].argmax()), "largest logit: %.4f" % float(stages["logits"].max()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "weights/vit.safetensors")
    parser.add_argument("--out", type=Path, default=ROOT / "tests/goldens")
    args = parser.parse_args()
    torch.set_num_threads(1)

    shipped = load_shipped(args.model)
    for name in PHOTOGRAPHS:
        image = Image.open(ROOT / f"samples/{name}.jpg")
        write_stages(args.out / "shipped" / name, run_stages(shipped, SHIPPED, image))

    tiny, folder = make_tiny(), args.out / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(tiny.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(TINY, indent=2) + "\n")
    make_picture().save(folder / "picture.png")
    write_stages(folder, run_stages(tiny, TINY, Image.open(folder / "picture.png")))


if __name__ == "__main__":
    main()
