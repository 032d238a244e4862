#!/usr/bin/env python3
"""Makes tests/goldens/variants anew: for every option of a model's configuration a tiny random model that uses it, and
what PyTorch and timm say it answers.

    python3 tests/make_variants.py [--out tests/goldens/variants]

variants/NAME/ holds model.safetensors (canonical form), pixels (2,S,S,3) u8, pooled, logits (2,K), and with two heads
pooled_dist. Needs the versions of make_goldens.py.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from timm.layers import SwiGLUPacked, resample_abs_pos_embed
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn

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


def metadata(name, config):
    size = config["image_size"]
    preprocess = {"size": size, "resize": "squash", "resize_to": size, "crop_to": size, "crop_round": "half_even",
                  "filter": "bilinear", "mean": MEAN, "std": STD}
    texts = {"config": {"arch": name} | config, "preprocess": preprocess, "labels": [], "source": {}}
    return {"format": "pt", "vit.version": "1"} | {f"vit.{k}": json.dumps(v) for k, v in texts.items()}


def normalize(pixels):
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/goldens/variants")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for seed, (name, (make, options, read, left_out)) in enumerate(VARIANTS.items(), start=30):
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        model, config = make(), PLAIN | options
        fill(model, seed)
        tensors = {k: v for k, v in model.state_dict().items() if k not in left_out}
        safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata=metadata(name, config))
        shape = (2, config["image_size"], config["image_size"], 3)
        pixels = np.random.default_rng(seed + 100).integers(0, 256, shape, dtype=np.uint8)
        np.save(folder / "pixels.npy", pixels)
        with torch.inference_mode():
            for stage, value in read(model, normalize(pixels)).items():
                np.save(folder / f"{stage}.npy", np.ascontiguousarray(value))
        print(name, "top:", np.load(folder / "logits.npy").argmax(axis=1))


if __name__ == "__main__":
    main()
