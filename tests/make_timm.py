#!/usr/bin/env python3
"""Makes weights/canonical/arch_rows.c: timm's architectures that vit can run, and the transform of each of their releases.

    python3 tests/make_timm.py > weights/canonical/arch_rows.c
    python3 tests/make_timm.py --check     says whether the file is what timm says

A row of the first table is all that there is to its architecture: timm's model has the parameters and the modules of
the one that is built here from the row alone. Architectures that no row describes are left out, and named on stderr.
Needs the very version below: pip install timm==1.0.31
"""
import functools
import sys
from pathlib import Path

import timm
import torch
from timm.data import resolve_data_config
from timm.layers import LayerNorm, Mlp, SwiGLUPacked
from timm.models.deit import VisionTransformerDistilled
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import nn

assert timm.__version__ == "1.0.31", timm.__version__

FILE = Path(__file__).resolve().parent.parent / "weights/canonical/arch_rows.c"

HEADER = """\
/* arch_rows.c: the architectures of timm 1.0.31 that vit can run, and how each of their releases prepares a picture.
 *
 * Made by tests/make_timm.py from timm (Copyright Ross Wightman, Apache License 2.0). Both tables are sorted by name; a
 * name without a tag stands for what timm takes it for. */
#include "weights/canonical/arch_rows.h"

#define SHORTEST VIT_RESIZE_SHORTEST
#define SQUASH   VIT_RESIZE_SQUASH
#define BICUBIC  VIT_FILTER_BICUBIC
#define BILINEAR VIT_FILTER_BILINEAR
#define HALF     &vit_colours_half
#define IMAGENET &vit_colours_imagenet
#define CLIPS    &vit_colours_clip
#define UNIT     &vit_colours_unit

const struct vit_colours vit_colours_half = {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
const struct vit_colours vit_colours_imagenet = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
const struct vit_colours vit_colours_clip = {{0.48145466, 0.4578275, 0.40821073},
                                             {0.26862954, 0.26130258, 0.27577711}};
const struct vit_colours vit_colours_unit = {{0, 0, 0}, {1, 1, 1}};
"""

ACTS = {"QUICK": "quick_gelu", "TANH": "gelu_tanh", "SWIGLU": "silu"}


def describe(model):
    """The row of an architecture: its numbers and traits. Anything else about it is found by rebuild()."""
    block, traits = model.blocks[0], []
    add = lambda trait, there: traits.append(trait) if there else None
    pre_norm = not isinstance(getattr(model, "norm_pre", nn.Identity()), nn.Identity)
    n_reg = getattr(model, "num_reg_tokens", 0)
    after = not isinstance(model.fc_norm, nn.Identity)
    add("NOCLS", model.cls_token is None)
    add("DIST", isinstance(model, VisionTransformerDistilled))
    add("CLIP", pre_norm)
    add("QUICK", "QuickGELU" in repr(block.mlp))
    add("TANH", "GELUTanh" in repr(block.mlp))
    add("SWIGLU", block.mlp.fc1.out_features == 2 * block.mlp.fc2.in_features)
    add("SCALE", "LayerScale" in repr(block))
    add("NOQKVB", block.attn.qkv.bias is None and getattr(block.attn, "q_bias", None) is None)
    add("AVG", model.global_pool == "avg")
    add("MAP", model.global_pool == "map")
    add("AFTER", after)
    add("NONORM", isinstance(model.norm, nn.Identity) and not after)
    covered = model.pos_embed.shape[1] > model.patch_embed.num_patches
    add("PATCHPOS", (model.cls_token is not None or n_reg > 0) and not covered)
    add("REGPOS", model.cls_token is None and covered)
    return (model.embed_dim, len(model.blocks), block.attn.num_heads, block.mlp.fc2.in_features,
            model.patch_embed.patch_size[0], model.patch_embed.img_size[0], model.num_classes, n_reg), traits


def rebuild(numbers, traits):
    """The model of a row, from nothing but the row."""
    width, depth, heads, mlp, patch, image_size, classes, n_reg = numbers
    has = traits.__contains__
    act = next((ACTS[trait] for trait in traits if trait in ACTS), None) # None: GELU
    args = dict(
        embed_dim=width, depth=depth, num_heads=heads, patch_size=patch, img_size=image_size, num_classes=classes,
        reg_tokens=n_reg, mlp_ratio=(mlp * (2 if has("SWIGLU") else 1) + 0.5) / width, class_token=not has("NOCLS"),
        global_pool="avg" if has("AVG") else "map" if has("MAP") else "token", pool_include_prefix=has("MAP"),
        pre_norm=has("CLIP"), norm_layer=functools.partial(LayerNorm, eps=1e-5 if has("CLIP") else 1e-6),
        act_layer=act, mlp_layer=SwiGLUPacked if has("SWIGLU") else Mlp,
        init_values=1e-5 if has("SCALE") else None, qkv_bias=not has("NOQKVB"), fc_norm=has("AFTER"),
        final_norm=not has("NONORM"), no_embed_class=has("PATCHPOS"), weight_init="skip")
    return (VisionTransformerDistilled if has("DIST") else VisionTransformer)(**args)


def is_described(model, numbers, traits):
    """Whether a model has nothing that its row does not tell."""
    if isinstance(model, Eva):
        # Its blocks have other names, and biases of q and v alone; eva_large is the one that is a plain ViT besides.
        return (model.rope is None and not traits & {"SCALE", "SWIGLU"} and numbers[0] == 1024 and
                type(model.blocks[0]).__name__ == "EvaBlock" and isinstance(model.blocks[0].attn.norm, nn.Identity))
    if type(model) not in (VisionTransformer, VisionTransformerDistilled):
        return False
    twin = rebuild(numbers, traits)
    shapes = [{name: tensor.shape for name, tensor in m.state_dict().items()} for m in (model, twin)]
    includes = [m.pool_include_prefix for m in (model, twin)] if "MAP" in traits and numbers[-1] else [True, True]
    return shapes[0] == shapes[1] and repr(model) == repr(twin) and includes[0] == includes[1]


def spell_architecture(name, model):
    """The row, or None where there cannot be one."""
    block = model.blocks[0] if hasattr(model, "blocks") else None
    if not (hasattr(block, "attn") and hasattr(block.attn, "qkv") and hasattr(block.mlp, "fc1") and
            isinstance(model.pos_embed, nn.Parameter)):
        return None
    numbers, traits = describe(model)
    patch, image_size = numbers[4:6]
    if image_size % patch or not is_described(model, numbers, set(traits)):
        return None
    separator = ",\n     " if len(traits) > 5 else ", "
    return f'    {{"{name}", {", ".join(map(str, numbers))}{separator}{" | ".join(traits) or "PLAIN"}}},'


COLOURS = {((0.5,) * 3, (0.5,) * 3): "HALF", ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)): "IMAGENET",
           ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)): "CLIPS",
           ((0.0,) * 3, (1.0,) * 3): "UNIT"}
MODES = {"center": "SHORTEST", "squash": "SQUASH"}


def spell_release(name):
    cfg = timm.models.get_pretrained_cfg(name)
    data = resolve_data_config(pretrained_cfg=cfg.to_dict())
    channels, height, width = data["input_size"]
    assert channels == 3 and height == width, name
    colours = COLOURS[tuple(map(float, data["mean"])), tuple(map(float, data["std"]))]
    return (f'    {{"{name}", {width}, {cfg.num_classes}, {data["crop_pct"]:g}, {MODES[data["crop_mode"]]}, '
            f'{data["interpolation"].upper()}, {colours}}},')


def spell_tables():
    torch.set_default_device("meta")
    architectures, releases, left_out = {}, {}, []
    for module in ("vision_transformer", "deit", "eva"):
        for name in timm.list_models(module=module):
            row = spell_architecture(name, timm.create_model(name, pretrained=False))
            if not row:
                left_out.append(name)
                continue
            architectures[name] = row
            for full in [name, *timm.list_models(name + ".*", include_tags=True)]:
                releases[full] = spell_release(full)
    print("left out:", " ".join(left_out), file=sys.stderr)
    by_name = lambda rows: "\n".join(rows[name] for name in sorted(rows))
    return f"""{HEADER}
const struct vit_arch_row vit_timm_archs[] = {{
{by_name(architectures)}
}};
const int vit_timm_n_archs = sizeof vit_timm_archs / sizeof *vit_timm_archs;

const struct vit_timm_model vit_timm_models[] = {{
{by_name(releases)}
}};
const int vit_timm_n_models = sizeof vit_timm_models / sizeof *vit_timm_models;
"""


text = spell_tables()
if sys.argv[1:] == ["--check"]:
    same = FILE.read_text() == text
    print(f"{FILE}: {'as timm says' if same else 'differs from timm; make it anew'}")
    sys.exit(not same)
print(text, end="")
