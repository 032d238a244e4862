#!/usr/bin/env python3
"""Adds to models of tests/families what their libraries call features, of the picture that their logits are of.

    python3 tests/make_features.py

families/NAME/features.npy  (1, width): timm's forward_head(..., pre_logits=True); of Hugging Face's what the classifier
                            reads, or image_embeds
families/NAME/tokens.npy    (1, T, D): timm's forward_features; Hugging Face's last_hidden_state, of the classifiers
Needs: pip install torch==2.15.0 timm==1.0.31 transformers==5.24.0 pillow==13.0.0 numpy==2.4.6
"""
from pathlib import Path

import numpy as np
import timm
import torch
import transformers
from PIL import Image

FAMILIES = Path(__file__).resolve().parent / "families"
PICTURE = Image.open(FAMILIES / "picture.png").convert("RGB")
TIMM = ["timm_vit", "timm_clip", "timm_reg_gap", "timm_so150m", "timm_dinov2_reg", "timm_siglip", "timm_distilled",
        "timm_test_vit3", "timm_eva_large", "timm_prenorm"]


def save(name, features, tokens=None):
    np.save(FAMILIES / name / "features.npy", features.numpy())
    if tokens is not None:
        np.save(FAMILIES / name / "tokens.npy", tokens.numpy())
    print(f"{name:20} features {tuple(features.shape)}, tokens {tokens is not None and tuple(tokens.shape)}")


def check_logits(name, logits):
    want = np.load(FAMILIES / name / "logits.npy")
    assert np.abs(logits.numpy() - want).max() < 1e-5, name


def timms():
    for name in TIMM:
        model = timm.create_model(f"local-dir:{FAMILIES / name}", pretrained=True).eval()
        transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))
        tokens = model.forward_features(transform(PICTURE)[None])
        features = model.forward_head(tokens, pre_logits=True)
        check_logits(name, model.forward_head(tokens))
        save(name, features, tokens)


def hugging_face():
    t = transformers
    for name, cls, base in (("hf_vit", t.ViTForImageClassification, "vit"),
                            ("hf_ijepa", t.IJepaForImageClassification, "ijepa"),
                            ("hf_dinov2", t.Dinov2ForImageClassification, "dinov2"),
                            ("hf_dinov2_reg", t.Dinov2WithRegistersForImageClassification, "dinov2_with_registers"),
                            ("hf_siglip", t.SiglipForImageClassification, "vision_model"),
                            ("hf_clip", t.CLIPForImageClassification, "vision_model"),
                            ("hf_clip_projection", t.CLIPVisionModelWithProjection, None)):
        model = cls.from_pretrained(FAMILIES / name).eval()
        processor = t.AutoImageProcessor.from_pretrained(FAMILIES / name, backend="pil")
        pixels = processor(PICTURE, return_tensors="pt")["pixel_values"]
        answer = model(pixels)
        if base is None:
            save(name, answer.image_embeds)
            continue
        check_logits(name, answer.logits)
        read = []
        model.classifier.register_forward_pre_hook(lambda module, args: read.append(args[0]))
        model(pixels)
        save(name, read[0], getattr(model, base)(pixels).last_hidden_state)


with torch.inference_mode():
    timms()
    hugging_face()
