#!/usr/bin/env python3
"""Makes anew what tests/test_variants.c and tests/test_pos_resize.c compare with, by PyTorch and timm.

    python3 tests/make_variants.py [--out tests/goldens]

goldens/variants/NAME/  for every option of a configuration a tiny random model that uses it: model.safetensors
                        (canonical form), pixels (2,S,S,3) u8, pooled, logits (2,K), and with two heads pooled_dist
goldens/refused/        NAME.safetensors: models that cannot classify as they are
goldens/pos_resize/     FROM.npy, a random map, and FROM_to_TO.npy, what each mode of resizing makes of it
Needs the versions of make_goldens.py.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
from timm.layers import SwiGLUPacked, resample_abs_pos_embed
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
D, HEADS, DEPTH, F, K, PATCH, GRID = 12, 3, 2, 18, 5, 4, 3
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]

PLAIN = {
    "width": D, "depth": DEPTH, "heads": HEADS, "mlp": F, "patch": PATCH, "image_size": GRID * PATCH, "classes": K,
    "eps": 1e-6, "act": "gelu_erf", "swiglu": False, "qkv_bias": True, "layer_scale": False, "pre_norm": False,
    "qk_norm": False, "cls": True, "dist": False, "n_reg": 0, "pool": "token", "norm_place": "before",
    "pos_covers": "cls", "pos_grid": [GRID, GRID], "pos_resize": "none",
}


def create(cls=VisionTransformer, **args):
    args = {"img_size": GRID * PATCH, "patch_size": PATCH, "embed_dim": D, "depth": DEPTH, "num_heads": HEADS,
            "mlp_ratio": F / D, "num_classes": K} | args
    return cls(**args).eval()


def fill(model, seed):
    """Random weights large enough that every one of them tells in the logits."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, tensor in sorted(model.state_dict().items()):
        noise = rng.standard_normal(tuple(tensor.shape))
        if name.endswith(("_token", "pos_embed", "latent")):
            noise *= 0.7
        elif tensor.ndim > 1:
            noise *= 1.5 / np.sqrt(tensor[0].numel())
        elif "norm" in name and name.endswith("weight"):
            noise = 1 + 0.3 * noise
        else:
            noise *= 0.3
        state[name] = torch.from_numpy(noise.astype(np.float32))
    model.load_state_dict(state, strict=True)


def read_by_timm(model, x):
    """What enters the head, and what leaves it."""
    return {"pooled": model.forward_head(model.forward_features(x), pre_logits=True), "logits": model(x)}


def read_two_heads(model, x):
    tokens = model.forward_features(x)
    return {"pooled": tokens[:, 0], "pooled_dist": tokens[:, 1], "logits": model(x)}


def read_first_token(model, x):
    """Hugging Face's DeiT without a teacher: the distillation token takes part, its head does not."""
    pooled = model.forward_features(x)[:, 0]
    return {"pooled": pooled, "logits": model.head(pooled)}


def read_concat(model, x):
    """DINOv2's linear classifier."""
    tokens = model.forward_features(x)
    pooled = torch.cat([tokens[:, 0], tokens[:, model.num_prefix_tokens:].mean(dim=1)], dim=1)
    return {"pooled": pooled, "logits": model.head(pooled)}


def read_resized(model, x):
    """pos_embed brought to the picture's grid as timm does when it loads a checkpoint."""
    side = x.shape[-1] // PATCH
    resized = create(img_size=x.shape[-1])
    state = model.state_dict()
    state["pos_embed"] = resample_abs_pos_embed(state["pos_embed"], [side, side])
    resized.load_state_dict(state, strict=True)
    return read_by_timm(resized, x)


def with_concat_head(model):
    model.head = nn.Linear(2 * D, K)
    return model


# name: model, what its configuration has beside PLAIN's, how it is read, tensors that the canonical file leaves out
VARIANTS = {
    "cls_dist_mean": (
        lambda: create(VisionTransformerDistilled),
        {"dist": True, "pool": "cls_dist_mean", "pos_covers": "cls_dist"}, read_two_heads, ()),
    "dist_token": (
        lambda: create(VisionTransformerDistilled),
        {"dist": True, "pos_covers": "cls_dist"}, read_first_token, ("head_dist.weight", "head_dist.bias")),
    "swiglu": (
        lambda: create(mlp_layer=SwiGLUPacked, act_layer=nn.SiLU, mlp_ratio=2 * F / D, init_values=1.0),
        {"swiglu": True, "act": "silu", "layer_scale": True}, read_by_timm, ()),
    "concat": (
        lambda: with_concat_head(create(reg_tokens=2, no_embed_class=True)),
        {"n_reg": 2, "pool": "concat", "pos_covers": "patches"}, read_concat, ()),
    "qk_norm": (
        lambda: create(qk_norm=True, qkv_bias=False),
        {"qk_norm": True, "qkv_bias": False}, read_by_timm, ()),
    "map": (
        lambda: create(class_token=False, global_pool="map", act_layer="gelu_tanh"),
        {"cls": False, "pool": "map", "act": "gelu_tanh", "pos_covers": "patches"}, read_by_timm, ()),
    "map_registers": (
        lambda: create(class_token=False, reg_tokens=2, global_pool="map", pool_include_prefix=True, init_values=1.0),
        {"cls": False, "n_reg": 2, "pool": "map", "layer_scale": True, "pos_covers": "reg"}, read_by_timm, ()),
    "gap": (
        lambda: create(class_token=False, reg_tokens=2, no_embed_class=True, global_pool="avg"),
        {"cls": False, "n_reg": 2, "pool": "avg", "norm_place": "after", "pos_covers": "patches"}, read_by_timm, ()),
    "clip": (
        lambda: create(pre_norm=True, final_norm=False, global_pool="avg", act_layer="quick_gelu"),
        {"pre_norm": True, "pool": "avg", "norm_place": "none", "act": "quick_gelu"}, read_by_timm, ()),
    "pos_resize": (
        lambda: create(),
        {"image_size": 5 * PATCH, "pos_resize": "bicubic_aa"}, read_resized, ()),
}


POS_RESIZES = [((37, 37), (16, 16), 1), ((5, 4), (3, 7), 3), ((4, 6), (9, 2), 2)]  # from, to, width


def resize_map(x, to):
    """x (1,D,h,w) -> (modes,H,W,D): bicubic, bicubic_off01, bicubic_aa, bilinear, bicubic_corners, bilinear_corners."""
    scale = [(n + 0.1) / n0 for n, n0 in zip(to, x.shape[2:])]
    maps = [
        functional.interpolate(x, size=to, mode="bicubic"),
        functional.interpolate(x, scale_factor=scale, mode="bicubic"),
        functional.interpolate(x, size=to, mode="bicubic", antialias=True),
        functional.interpolate(x, size=to, mode="bilinear"),
        functional.interpolate(x, size=to, mode="bicubic", align_corners=True),
        functional.interpolate(x, size=to, mode="bilinear", align_corners=True),
    ]
    return torch.cat(maps).permute(0, 2, 3, 1)


def write_pos_resizes(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for (h, w), to, width in POS_RESIZES:
        x = np.random.default_rng(h * w).standard_normal((h, w, width)).astype(np.float32)
        np.save(folder / f"{h}x{w}.npy", x)
        resized = resize_map(torch.from_numpy(x).permute(2, 0, 1)[None], to)
        np.save(folder / f"{h}x{w}_to_{to[0]}x{to[1]}.npy", np.ascontiguousarray(resized))


def metadata(name, config):
    size = config["image_size"]
    preprocess = {"size": size, "resize": "squash", "resize_to": size, "crop_to": size, "crop_round": "half_even",
                  "filter": "bilinear", "mean": MEAN, "std": STD}
    texts = {"config": {"arch": name} | config, "preprocess": preprocess, "labels": [], "source": {}}
    return {"format": "pt", "vit.version": "1"} | {f"vit.{k}": json.dumps(v) for k, v in texts.items()}


def write_safetensors(path, tensors, texts):
    """As safetensors.torch.save_file, which writes the texts in another order every time."""
    header, data = {"__metadata__": texts}, b""
    for name, tensor in sorted(tensors.items()):
        raw = tensor.contiguous().numpy().tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def normalize(pixels):
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def write_variant(folder, seed, make, options, read, left_out):
    folder.mkdir(parents=True, exist_ok=True)
    model, config = make(), PLAIN | options
    fill(model, seed)
    tensors = {k: v for k, v in model.state_dict().items() if k not in left_out}
    write_safetensors(folder / "model.safetensors", tensors, metadata(folder.name, config))
    shape = (2, config["image_size"], config["image_size"], 3)
    pixels = np.random.default_rng(seed + 100).integers(0, 256, shape, dtype=np.uint8)
    np.save(folder / "pixels.npy", pixels)
    with torch.inference_mode():
        for stage, value in read(model, normalize(pixels)).items():
            np.save(folder / f"{stage}.npy", np.ascontiguousarray(value))
    print(folder, "top:", np.load(folder / "logits.npy").argmax(axis=1))


def write_refused(folder):
    folder.mkdir(parents=True, exist_ok=True)
    model = create()
    fill(model, 50)
    trunk = {k: v for k, v in model.state_dict().items() if not k.startswith("head")}
    write_safetensors(folder / "features.safetensors", trunk, metadata("features", PLAIN | {"classes": 0}))
    tensors = {k.replace("norm.", "fc_norm.") if k.startswith("norm.") else k: v for k, v in trunk.items()}
    tensors |= {"head.weight": torch.ones(K, 2 * D), "head.bias": torch.zeros(K)}
    options = {"pool": "concat", "norm_place": "after"}
    write_safetensors(folder / "concat_after.safetensors", tensors, metadata("concat_after", PLAIN | options))
    options = {"image_size": 5 * PATCH}
    write_safetensors(folder / "grid.safetensors", model.state_dict(), metadata("grid", PLAIN | options))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/goldens")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for seed, (name, variant) in enumerate(VARIANTS.items(), start=30):
        write_variant(args.out / "variants" / name, seed, *variant)
    write_refused(args.out / "refused")
    write_pos_resizes(args.out / "pos_resize")


if __name__ == "__main__":
    main()
