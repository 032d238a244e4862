#!/usr/bin/env python3
"""Makes tests/families anew: small random models in the layout of every family, saved by the library that the layout is of or
renamed as its releases are, and the logits which that library gives for one picture, from its file on.

    python3 tests/make_families.py [--out tests/families]

families/picture.png   the picture
families/NAME/         a model as people download it, and logits.npy (1,K)
families/same/NAME/    one and the same model in several layouts, and pixels.npy (2,S,S,3) u8 for all of them
Runs on the same CPU give the same bytes, but for the keys in torch's legacy files.
Needs the very versions below: pip install torch==2.15.0 torchvision timm==1.0.31 transformers==5.23.0 pillow==13.0.0
numpy==2.4.6
"""
import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import PIL
import safetensors.torch
import timm
import torch
import torchvision
import transformers
from PIL import Image
from timm.models import _hub
from timm.models.vision_transformer import checkpoint_filter_fn

VERSIONS = {np: "2.4.6", PIL: "13.0.0", timm: "1.0.31", torch: "2.15.0", transformers: "5.23.0"}
for module, version in VERSIONS.items():
    found = module.__version__.split("+")[0]
    assert found == version, f"{module.__name__} {found} is installed, {version} is needed"

ROOT = Path(__file__).resolve().parent.parent
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
D, HEADS, DEPTH, F, K, PATCH, SIZE = 24, 2, 2, 36, 7, 8, 32
SMALL = {"img_size": SIZE, "patch_size": PATCH, "embed_dim": D, "depth": DEPTH, "num_heads": HEADS, "mlp_ratio": F / D,
         "num_classes": K}
# Where only the name of an architecture tells the heads: of test_vit's width, and in halves for the sake of size.
WIDE = {"img_size": 16, "patch_size": 4, "embed_dim": 64, "depth": DEPTH, "num_heads": 2, "mlp_ratio": 1, "num_classes": K}


def make_picture():
    """61 x 45, smooth waves with noise on them; odd surpluses on either side when it is cropped."""
    rng = np.random.default_rng(31)
    y, x, c = np.mgrid[0:45, 0:61, 0:3]
    waves = 128 + 70 * np.sin(0.17 * x * (c + 1) + 0.11 * y) + 40 * np.cos(0.29 * y - 0.09 * x + c)
    return Image.fromarray(np.clip(waves + rng.normal(0, 20, waves.shape), 0, 255).astype(np.uint8))


def fill(model, seed):
    """Random weights large enough that every one of them tells in the logits."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, tensor in sorted(model.state_dict().items()):
        noise = rng.standard_normal(tuple(tensor.shape))
        if not tensor.is_floating_point():
            state[name] = tensor
            continue
        if any(word in name for word in ("token", "pos", "latent", "probe", "class_embedding")):
            noise *= 0.7
        elif tensor.ndim > 1:
            noise *= 1.5 / np.sqrt(tensor[0].numel())
        elif name.endswith("weight"):
            noise = 1 + 0.3 * noise
        else:
            noise *= 0.3
        state[name] = torch.from_numpy(noise.astype(np.float32))
    model.load_state_dict(state, strict=True)
    return model.eval()


def halve(model):
    """Rounds the weights to halves, so that a file of halves holds them exactly."""
    model.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    return model


class Maker:
    def __init__(self, out):
        self.out = out
        self.picture = Image.open(out / "picture.png").convert("RGB")

    def folder(self, name):
        path = self.out / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def logits(self, name, logits):
        logits = logits.detach().float().numpy()
        assert logits.shape[0] == 1 and np.isfinite(logits).all(), name
        np.save(self.folder(name) / "logits.npy", logits)
        print(f"{name:24} {logits.shape[1]} classes, largest {np.abs(logits).max():.3f}")

    # ---- timm ----

    def timm_input(self, model, size=None, **over):
        config = timm.data.resolve_data_config({k: v for k, v in over.items()}, model=model)
        if size:
            config["input_size"] = (3, size, size)
        return timm.data.create_transform(**config, is_training=False)(self.picture)[None]

    def timm_hub(self, name, arch, seed, data=None, keep_config=False, **args):
        """A folder as timm's hub has it; data: settings of its preprocessing."""
        args = SMALL | args
        model = fill(timm.create_model(arch, pretrained=False, **args), seed)
        shape = {k: v for k, v in args.items() if k != "num_classes"}
        data = {"input_size": (3, args["img_size"], args["img_size"])} | (data or {})
        model.pretrained_cfg.update(data)
        _hub.save_for_hf(model, self.folder(name), model_args=shape, safe_serialization=True)
        with torch.inference_mode():
            self.logits(name, model(self.timm_input(model)))
        return model

    def timm(self):
        self.timm_hub("timm_vit", "vit_tiny_patch16_224", 1)
        self.timm_hub("timm_clip", "vit_base_patch16_clip_quickgelu_224", 2, {"crop_pct": 1.0, "crop_mode": "squash"})
        self.timm_hub("timm_reg_gap", "vit_medium_patch16_reg4_gap_256", 3)
        self.timm_hub("timm_so150m", "vit_so150m_patch16_reg4_gap_256", 4, {"crop_mode": "border"})
        self.timm_hub("timm_so150m2", "vit_so150m2_patch16_reg1_gap_256", 5)
        self.timm_hub("timm_dinov2_reg", "vit_small_patch14_reg4_dinov2", 6)
        self.timm_hub("timm_dinov2_giant", "vit_giant_patch14_dinov2", 7)
        self.timm_hub("timm_siglip", "vit_so400m_patch16_siglip_256", 8)
        self.timm_hub("timm_distilled", "deit_tiny_distilled_patch16_224", 9)
        self.timm_hub("timm_deit3", "deit3_small_patch16_224", 10)
        self.timm_hub("timm_miil", "vit_base_patch16_224_miil", 11)
        self.timm_hub("timm_test_vit3", "test_vit3", 12)
        self.timm_hub("timm_eva_large", "eva_large_patch14_196", 13)
        self.timm_hub("timm_plus", "vit_base_patch16_plus_240", 14, {"interpolation": "lanczos", "crop_pct": 0.7})
        self.timm_hub("timm_prenorm", "vit_tiny_patch16_224", 18, pre_norm=True)
        self.timm_hub("timm_mask_token", "vit_tiny_patch16_224", 19, embed_dim=64, mlp_ratio=1)
        self.add_mask_token("timm_mask_token")
        self.timm_resized("timm_resized", "vit_tiny_patch16_224", 15)
        self.timm_resized("timm_flexivit", "flexivit_small", 16)
        self.timm_wrapped()

    def timm_resized(self, name, arch, seed):
        """Run at 48 pixels a side, which is --image-size 48."""
        model = self.timm_hub(name, arch, seed)
        larger = timm.create_model(arch, pretrained=False, **SMALL | {"img_size": 48}).eval()
        how = {"interpolation": "bilinear", "antialias": False} if "flexi" in arch else {}  # as timm does on loading
        larger.load_state_dict(checkpoint_filter_fn(model.state_dict(), larger, **how))
        with torch.inference_mode():
            self.logits(name, larger(self.timm_input(model, 48)))

    def add_mask_token(self, name):
        """As pretraining leaves it; no answer depends on it."""
        file = self.folder(name) / "model.safetensors"
        state = safetensors.torch.load_file(file)
        safetensors.torch.save_file(state | {"mask_token": torch.zeros(1, 1, 64)}, file, metadata={"format": "pt"})

    def timm_wrapped(self):
        """A file of a training script, without a config."""
        model = halve(fill(timm.create_model("test_vit", pretrained=False, **WIDE), 17))
        state = {f"module.{k}": v.half() for k, v in model.state_dict().items()}
        torch.save({"epoch": 3, "state_dict": state}, self.folder("timm_wrapped") / "checkpoint.pth")
        with torch.inference_mode():
            self.logits("timm_wrapped", model(self.timm_input(model, 16)))

    # ---- Hugging Face ----

    def hf(self, name, cls, config, processor, seed, new_names=False, **forward):
        model = fill(cls(config), seed)
        folder = self.folder(name)
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        if new_names:
            (folder / "model.safetensors").unlink()
            torch.save(model.state_dict(), folder / "pytorch_model.bin")
        file = folder / "preprocessor_config.json"
        settings = json.loads(file.read_text())
        settings["image_processor_type"] = settings["image_processor_type"].removesuffix("Pil")
        file.write_text(json.dumps(settings, indent=2) + "\n")
        pixels = processor(self.picture, return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            answer = model(pixels, **forward)
            self.logits(name, answer.logits if hasattr(answer, "logits") else answer.image_embeds)

    def hugging_face(self):
        t = transformers
        names = {i: n for i, n in enumerate("red orange yellow green blue indigo violet".split())}
        base = {"hidden_size": D, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "image_size": SIZE,
                "patch_size": PATCH, "id2label": names, "label2id": {n: i for i, n in names.items()}}
        plain = base | {"intermediate_size": F}
        square = {"height": SIZE, "width": SIZE}
        vit = t.ViTImageProcessorPil(size=square)
        deit = t.DeiTImageProcessorPil(size={"height": 38, "width": 38}, crop_size=square,
                                       image_mean=IMAGENET["mean"], image_std=IMAGENET["std"])
        self.hf("hf_vit", t.ViTForImageClassification, t.ViTConfig(**plain), vit, 21)
        self.hf("hf_vit_new_names", t.ViTForImageClassification, t.ViTConfig(**plain, qkv_bias=False), vit, 22, True)
        self.hf("hf_ijepa", t.IJepaForImageClassification, t.IJepaConfig(**plain), vit, 33)
        self.hf("hf_deit", t.DeiTForImageClassification, t.DeiTConfig(**plain), deit, 23)
        self.hf("hf_deit_teacher", t.DeiTForImageClassificationWithTeacher, t.DeiTConfig(**plain), deit, 24)
        bit = t.BitImageProcessorPil(size={"shortest_edge": 37}, crop_size=square, image_mean=IMAGENET["mean"],
                                     image_std=IMAGENET["std"])
        dino = base | {"image_size": 56, "mlp_ratio": 2}
        self.hf("hf_dinov2", t.Dinov2ForImageClassification, t.Dinov2Config(**dino), bit, 25)
        self.hf("hf_dinov2_new_names", t.Dinov2ForImageClassification, t.Dinov2Config(**dino, use_swiglu_ffn=True), bit,
                26, True)
        self.hf("hf_dinov2_reg", t.Dinov2WithRegistersForImageClassification,
                t.Dinov2WithRegistersConfig(**dino, num_register_tokens=3, use_swiglu_ffn=True), bit, 27)
        vision = {k: v for k, v in plain.items() if "label" not in k}
        text = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
                "vocab_size": 12}
        labels = {"id2label": names, "label2id": base["label2id"]}
        siglip = t.SiglipImageProcessorPil(size=square)
        clip = t.CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=square)
        self.hf("hf_siglip", t.SiglipForImageClassification,
                t.SiglipConfig(vision_config=vision, text_config=text, **labels), siglip, 28)
        self.hf("hf_clip", t.CLIPForImageClassification,
                t.CLIPConfig(vision_config=vision, text_config=text, **labels), clip, 29)
        self.hf("hf_clip_projection", t.CLIPVisionModelWithProjection,
                t.CLIPVisionConfig(**vision, projection_dim=10, hidden_act="gelu"), clip, 30)

    # ---- torchvision ----

    def torchvision(self):
        model = halve(fill(torchvision.models.VisionTransformer(16, 4, DEPTH, 2, 64, 64, num_classes=K), 31))
        state = {k: v.half() for k, v in model.state_dict().items()}
        torch.save(state, self.folder("torchvision") / "vit_b_16-0123abcd.pth")
        old = {k.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): v for k, v in state.items()}
        torch.save(old, self.folder("torchvision_old") / "vit_b_16_swag-0123abcd.pth",
                   _use_new_zipfile_serialization=False)
        mode = torchvision.transforms.InterpolationMode
        for name, resize, filter in (("torchvision", 18, mode.BILINEAR), ("torchvision_old", 16, mode.BICUBIC)):
            preset = torchvision.transforms._presets.ImageClassification(
                crop_size=16, resize_size=resize, interpolation=filter)
            with torch.inference_mode():
                self.logits(name, model(preset(self.picture)[None]))

    # ---- facebook's own ----

    def evaluation_input(self, size):
        t = torchvision.transforms
        return t.Compose([t.Resize(256 * size // 224, t.InterpolationMode.BICUBIC), t.CenterCrop(size), t.ToTensor(),
                          t.Normalize(**IMAGENET)])(self.picture)[None]

    def facebook(self):
        """timm's models of the same, their tensors renamed back as the releases have them."""
        model = halve(fill(timm.create_model("deit3_small_patch16_224", pretrained=False, **WIDE), 41))
        rename = lambda k: k.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2")
        torch.save({"model": {rename(k): v.half() for k, v in model.state_dict().items()}},
                   self.folder("facebook_deit3") / "deit_3_small_224_1k.pth")
        with torch.inference_mode():
            self.logits("facebook_deit3", model(self.evaluation_input(16)))
        self.facebook_with_config()
        self.facebook_dinov2("facebook_dinov2", "vit_small_patch14_dinov2", 42)
        self.facebook_dinov2("facebook_dinov2_reg", "vit_giant_patch14_reg4_dinov2", 43)

    def facebook_with_config(self):
        """facebook's names and timm's config.json, whose heads, activation and transform count."""
        name, data = "facebook_deit3_timm", {"crop_pct": 0.8, "crop_mode": "squash", "mean": (0.4, 0.5, 0.6)}
        model = self.timm_hub(name, "deit3_small_patch16_224", 44, data, act_layer="gelu_tanh")
        rename = lambda k: k.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2")
        torch.save({"model": {rename(k): v for k, v in model.state_dict().items()}}, self.folder(name) / "deit3.pth")
        (self.folder(name) / "model.safetensors").unlink()

    def facebook_dinov2(self, name, arch, seed):
        model = halve(fill(timm.create_model(arch, pretrained=False, **WIDE | {"num_classes": 0}), seed))
        state = {k: v.clone() for k, v in model.state_dict().items()}
        if model.reg_token is not None:  # in the release the class token's position is still its own
            rng = np.random.default_rng(seed + 100)
            row = torch.from_numpy(rng.standard_normal((1, 1, 64)).astype(np.float32)).half().float()
            state["pos_embed"] = torch.cat([row, state["pos_embed"]], 1)
            model.cls_token.data += row
            state["register_tokens"] = state.pop("reg_token")
        state["mask_token"] = torch.zeros(1, 64)
        rename = lambda k: k.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3") if "giant" in arch else k
        folder = self.folder(name)
        torch.save({rename(k): v.half() for k, v in state.items()}, folder / "backbone.pth")
        head = fill(torch.nn.Linear(128, K), seed + 200)
        torch.save(head.state_dict(), folder / "linear_head.pth")
        with torch.inference_mode():
            tokens = model.forward_features(self.evaluation_input(16))
            both = torch.cat([tokens[:, 0], tokens[:, model.num_prefix_tokens:].mean(1)], 1)
            self.logits(name, head(both))

    # ---- JAX ----

    @staticmethod
    def to_jax(state, heads, big_vision, stacked):
        """The inverse of timm's reader of npz files."""
        norm2, mlp, mha = ("LayerNorm_1", "MlpBlock_0", 0) if big_vision else ("LayerNorm_2", "MlpBlock_3", 1)
        w = {k: v.numpy() for k, v in state.items()}
        width = w["cls_token" if "cls_token" in w else "attn_pool.latent"].shape[-1]
        split = lambda a, n: np.split(a, n)
        out = {}

        def attention(to, names, weight, bias, proj):
            for name, part, b in zip(names, split(w[weight], len(names)), split(w[bias], len(names))):
                out[f"{to}/{name}/kernel"] = part.T.reshape(width, heads, -1)
                out[f"{to}/{name}/bias"] = b.reshape(heads, -1)
            if proj:
                out[f"{to}/out/kernel"] = w[f"{proj}.weight"].T.reshape(heads, -1, width)
                out[f"{to}/out/bias"] = w[f"{proj}.bias"]

        def norm(to, name):
            out[f"{to}/scale"], out[f"{to}/bias"] = w[f"{name}.weight"], w[f"{name}.bias"]

        def dense(to, name):
            out[f"{to}/kernel"], out[f"{to}/bias"] = w[f"{name}.weight"].T, w[f"{name}.bias"]

        out["embedding/kernel"] = w["patch_embed.proj.weight"].transpose(2, 3, 1, 0)
        out["embedding/bias"] = w["patch_embed.proj.bias"]
        if "cls_token" in w:
            out["cls"] = w["cls_token"]
        out["pos_embedding" if big_vision else "Transformer/posembed_input/pos_embedding"] = w["pos_embed"]
        norm("Transformer/encoder_norm", "norm")
        dense("head", "head")
        for i in range(DEPTH):
            to, b = f"Transformer/encoderblock_{i}", f"blocks.{i}"
            norm(f"{to}/LayerNorm_0", f"{b}.norm1")
            attention(f"{to}/MultiHeadDotProductAttention_{mha}", ["query", "key", "value"], f"{b}.attn.qkv.weight",
                      f"{b}.attn.qkv.bias", f"{b}.attn.proj")
            norm(f"{to}/{norm2}", f"{b}.norm2")
            for r in (0, 1):
                dense(f"{to}/{mlp}/Dense_{r}", f"{b}.mlp.fc{r + 1}")
        if "attn_pool.latent" in w:
            out["MAPHead_0/probe"] = w["attn_pool.latent"]
            to, p = "MAPHead_0/MultiHeadDotProductAttention_0", "attn_pool"
            attention(to, ["query"], f"{p}.q.weight", f"{p}.q.bias", f"{p}.proj")
            attention(to, ["key", "value"], f"{p}.kv.weight", f"{p}.kv.bias", None)
            norm("MAPHead_0/LayerNorm_0", "attn_pool.norm")
            for r in (0, 1):
                dense(f"MAPHead_0/MlpBlock_0/Dense_{r}", f"attn_pool.mlp.fc{r + 1}")
        if stacked:
            first = "Transformer/encoderblock_0/"
            for key in [k for k in out if k.startswith(first)]:
                rest = key[len(first):]
                out[f"Transformer/encoderblock/{rest}"] = np.stack(
                    [out.pop(f"Transformer/encoderblock_{i}/{rest}") for i in range(DEPTH)])
        return out

    def jax_file(self, name, arch, seed, prefix, big_vision, stacked, save, **args):
        model = fill(timm.create_model(arch, pretrained=False, **SMALL | args), seed)
        arrays = self.to_jax(model.state_dict(), HEADS, big_vision, stacked)
        path = self.folder(name) / "weights.npz"
        save(path, **{prefix + k: v for k, v in arrays.items()})
        read = timm.create_model(arch, pretrained=False, **SMALL | args).eval()
        read.load_pretrained(path)
        with torch.inference_mode():
            self.logits(name, read(self.timm_input(read, args.get("img_size", SIZE))))

    def jax(self):
        self.jax_file("jax_vit", "vit_tiny_patch16_224", 51, "", False, False, np.savez)
        self.jax_file("jax_opt_target", "vit_tiny_patch16_224", 52, "opt/target/", False, False, np.savez_compressed)
        self.jax_file("jax_big_vision", "vit_base_patch16_siglip_224", 53, "params/", True, False, np.savez)
        self.jax_file("jax_stacked", "flexivit_small", 54, "params/", True, True, np.savez)

    # ---- OpenCLIP ----

    def open_clip(self):
        """A whole checkpoint with its text tower; read back by timm, whose class token is the image's embedding."""
        model = fill(timm.create_model("vit_base_patch16_clip_quickgelu_224", pretrained=False, **SMALL), 61)
        swaps = [("patch_embed.proj", "conv1"), ("pos_embed", "positional_embedding"), ("norm_pre", "ln_pre"),
                 ("blocks.", "transformer.resblocks."), ("norm1", "ln_1"), ("norm2", "ln_2"), ("attn.qkv.", "attn.in_proj_"),
                 ("attn.proj", "attn.out_proj"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj")]
        state = {"logit_scale": torch.tensor(4.6), "text_projection": torch.zeros(4, 4),
                 "positional_embedding": torch.zeros(5, 4), "transformer.resblocks.0.ln_1.weight": torch.ones(4)}
        for key, value in model.state_dict().items():
            for a, b in swaps:
                key = key.replace(a, b)
            if key in ("norm.weight", "norm.bias"):
                key = key.replace("norm", "ln_post")
            if key == "head.weight":
                key, value = "proj", value.T.contiguous()
            elif key == "cls_token":
                key, value = "class_embedding", value[0, 0]
            elif key == "positional_embedding":
                value = value[0]
            if key != "head.bias":
                state[f"visual.{key}"] = value
        folder = self.folder("open_clip")
        safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, folder / "open_clip_model.safetensors")
        clip = timm.data.constants
        config = {"model_cfg": {"embed_dim": K, "quick_gelu": True, "vision_cfg": {
                      "image_size": SIZE, "layers": DEPTH, "width": D, "head_width": D // HEADS, "patch_size": PATCH}},
                  "preprocess_cfg": {"mean": clip.OPENAI_CLIP_MEAN, "std": clip.OPENAI_CLIP_STD}}
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
        model.load_state_dict(checkpoint_filter_fn(dict(state), model))
        with torch.inference_mode():
            self.logits("open_clip", model(self.timm_input(model, SIZE, crop_pct=1.0)))

    # ---- One model in many layouts ----

    def same(self):
        model = halve(fill(timm.create_model("test_vit", pretrained=False, **WIDE), 71))
        state = {k: v.half() for k, v in model.state_dict().items()}
        rng = np.random.default_rng(72)
        np.save(self.folder("same") / "pixels.npy", rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8))
        safetensors.torch.save_file(state, self.folder("same/timm") / "model.safetensors", metadata={"format": "pt"})
        torch.save(state, self.folder("same/timm_zip") / "model.pth")
        torch.save(state, self.folder("same/timm_legacy") / "model.pth", _use_new_zipfile_serialization=False)

        tv = {"cls_token": "class_token", "pos_embed": "encoder.pos_embedding", "norm.": "encoder.ln.", "head.": "heads.head.",
              "patch_embed.proj": "conv_proj", "attn.qkv.": "self_attention.in_proj_", "attn.proj": "self_attention.out_proj",
              "norm1": "ln_1", "norm2": "ln_2", "mlp.fc1": "mlp.0", "mlp.fc2": "mlp.3",
              "blocks.": "encoder.layers.encoder_layer_"}
        self.rename("same/torchvision", state, tv, "vit.pth")

        layer = "vit.encoder.layer."
        hf = {"cls_token": "vit.embeddings.cls_token", "pos_embed": "vit.embeddings.position_embeddings",
              "patch_embed.proj": "vit.embeddings.patch_embeddings.projection", "norm1": "layernorm_before",
              "norm2": "layernorm_after", "norm.": "vit.layernorm.", "head.": "classifier.",
              "attn.proj": "attention.output.dense", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense",
              "blocks.": layer}
        parts = {}
        for key, value in state.items():
            if "attn.qkv" in key:
                for name, part in zip(("query", "key", "value"), value.chunk(3)):
                    parts[key.replace("attn.qkv", f"attention.attention.{name}")] = part.clone()
            else:
                parts[key] = value
        self.rename("same/hf", parts, hf, "pytorch_model.bin")
        config = {"model_type": "vit", "num_attention_heads": 2, "layer_norm_eps": 1e-6, "image_size": 16, "patch_size": 4}
        (self.out / "same/hf/config.json").write_text(json.dumps(config, indent=2) + "\n")
        for name, big_vision, stacked in (("jax", False, False), ("jax_stacked", True, True)):
            arrays = self.to_jax(state, 2, big_vision, stacked)
            np.savez_compressed(self.folder(f"same/{name}") / "weights.npz", **arrays)

    def rename(self, name, state, names, file):
        out = {}
        for key, value in state.items():
            for a, b in names.items():
                if key.startswith(a) or a not in ("norm.", "head."):
                    key = key.replace(a, b)
            out[key] = value
        torch.save(out, self.folder(name) / file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/families")
    args = parser.parse_args()
    torch.set_num_threads(1)
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    make_picture().save(args.out / "picture.png")
    maker = Maker(args.out)
    maker.timm()
    maker.hugging_face()
    maker.torchvision()
    maker.facebook()
    maker.jax()
    maker.open_clip()
    maker.same()


if __name__ == "__main__":
    main()
