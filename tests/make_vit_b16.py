#!/usr/bin/env python3
"""Makes tests/goldens/vit_b16 anew: what timm has to say of the ViT-B/16 that README.md fetches, with weights of our
own, since the released ones are 346 MB and on another host.

    python3 tests/make_vit_b16.py

config.json   as timm saves it for the very release
tensors.tsv   names and shapes of its state_dict, and the shift and scale of the noise that each is filled with
logits.npy    (1,1000) timm's answer to families/picture.png, from its file on, with these weights

noise() below is noise_at() of vit_b16.c. Needs timm==1.0.31 torch==2.15.0 pillow==13.0.0 numpy==2.4.6."""
import json
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from timm.models import _hub

RELEASE = "vit_base_patch16_224.augreg2_in21k_ft_in1k"
TESTS = Path(__file__).resolve().parent
FOLDER = TESTS / "goldens" / "vit_b16"


def noise(seed, n):
    """n numbers in [-1, 1), multiples of 2^-23, by their place and the tensor's."""
    x = np.arange(n, dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    for shift, factor in (16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1):
        x = (x ^ x >> shift) * np.uint32(factor)
    return (x >> 8).astype(np.float64) / 2 ** 23 - 1


def shift_and_scale(name, tensor):
    """Large enough that every tensor tells in the logits."""
    if name in ("cls_token", "pos_embed"):
        return 0, 1.2
    if tensor.ndim > 1:
        return 0, round(2.6 / tensor[0].numel() ** 0.5, 6)
    return (1, 0.5) if name.endswith("weight") else (0, 0.5)


def main():
    model = timm.create_model(RELEASE, pretrained=False).eval()
    FOLDER.mkdir(exist_ok=True)
    _hub.save_config_for_hf(model, FOLDER / "config.json")
    state, lines = {}, []
    for i, (name, tensor) in enumerate(model.state_dict().items()):
        shift, scale = shift_and_scale(name, tensor)
        values = (shift + scale * noise(i, tensor.numel())).astype(np.float32)
        state[name] = torch.from_numpy(values.reshape(tensor.shape))
        lines.append(f"{name}\t{json.dumps(list(tensor.shape))}\t{shift}\t{scale}\n")
    (FOLDER / "tensors.tsv").write_text("".join(lines))
    model.load_state_dict(state, strict=True)
    transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model), is_training=False)
    with torch.inference_mode():
        logits = model(transform(Image.open(TESTS / "families" / "picture.png").convert("RGB"))[None]).numpy()
    np.save(FOLDER / "logits.npy", logits)


if __name__ == "__main__":
    main()
