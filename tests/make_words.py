#!/usr/bin/env python3
"""Makes tests/words anew: small random models with a text tower beside the image tower, and small tokenizers, in folders as
their libraries save them; and what those libraries compute with them, each reopened from its folder.

    python3 tests/make_words.py [--out tests/words]

words/folders.txt      the folders, one a line
words/pictures.txt     P pictures, paths from the top of the tree
words/texts.txt        N texts; names.txt: K names of classes; templates.txt: of an ensemble
words/NAME/            a model as people download it, and beside it, all f32:
    ids.npy (N, C)     the tokens of each text, -1 behind them; C: what the text tower takes at most
    texts.npy (N, E)   features of the texts, and images.npy (P, E) of the pictures, not normalized
    logits.npy (P, K)  of the names in "This is a photo of {}."; ensemble.npy: in all the templates
    scale.npy (2)      exp(logit_scale), logit_bias
Runs on the same CPU give the same bytes.
Needs the very versions below: pip install torch==2.15.0 torchvision timm==1.0.31 transformers==5.24.0 open_clip_torch==3.3.0
tokenizers==0.23.3 sentencepiece==0.2.3 protobuf ftfy pillow==13.0.0 numpy==2.4.6
"""
import argparse
import contextlib
import gzip
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import open_clip
import open_clip.timm_model
import PIL
import safetensors.torch
import sentencepiece
import timm
import tokenizers
import torch
import transformers
from open_clip.push_to_hf_hub import save_config_for_hf
from PIL import Image

VERSIONS = {np: "2.4.6", PIL: "13.0.0", open_clip: "3.3.0", sentencepiece: "0.2.3", timm: "1.0.31", tokenizers: "0.23.3",
            torch: "2.15.0", transformers: "5.24.0"}
for module, version in VERSIONS.items():
    found = module.__version__.split("+")[0]
    assert found == version, f"{module.__name__} {found} is installed, {version} is needed"

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ["tests/families/picture.png", "tests/goldens/tiny/picture.png", "samples/bee.jpg"]
NAMES = ["tabby cat", "a red bus", "jellyfish", "café table", "rock'n roll, 1999"]
TEMPLATE, TEMPLATES = "This is a photo of {}.", ["a photo of a {}.", "art of the {}."]
TEXTS = ["a photo of a cat", "A photo of a Tabby, tabby cat.", "it's 2 dogs!", "Café Ångström", "rock'n roll in 1999",
         "a red bus under the bridge at night, seen from far away, with very many people in it", "  spaces   and\ttabs ",
         "日本の猫", "😀 smile", "a", "under_score (brackets) [and] more... & so on", "TOILET PAPER"]
CONTEXT, SIZE, PATCH, DEPTH = 16, 32, 8, 2


def fill(model, seed, scale, bias=None):
    """Random weights large enough that every one of them tells in the logits, rounded to halves, which are saved."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, tensor in sorted(model.state_dict().items()):
        noise = rng.standard_normal(tuple(tensor.shape))
        if not tensor.is_floating_point() or name.endswith("attn_mask"):
            state[name] = tensor
            continue
        if name == "logit_scale":
            noise = np.full(tuple(tensor.shape), scale)
        elif name == "logit_bias":
            noise = np.full(tuple(tensor.shape), bias)
        elif any(word in name for word in ("token", "pos", "latent", "probe", "class_embedding")):
            noise *= 0.7
        elif tensor.ndim > 1:
            noise *= 1.5 / np.sqrt(tensor[0].numel())
        elif name.endswith("weight"):
            noise = 1 + 0.3 * noise
        else:
            noise *= 0.3
        state[name] = torch.from_numpy(np.asarray(noise, np.float32)).half().float()
    model.load_state_dict(state, strict=True)
    return model.eval()


# ---- Tokenizers ----

def corpus():
    names = re.findall(r'", "(.*)"\}', (ROOT / "weights/canonical/imagenet_1k.c").read_text())
    return [t.format(n) for n in names for t in TEMPLATES + [TEMPLATE]] + TEXTS


def clip_merges(n):
    """n merges of a byte-level BPE."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE(end_of_word_suffix="</w>"))
    bpe.normalizer = tokenizers.normalizers.Lowercase()
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
         tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(corpus(), tokenizers.trainers.BpeTrainer(
        vocab_size=512 + n, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False))
    return [tuple(m) for m in json.loads(bpe.to_str())["model"]["merges"]][:n]


def clip_vocabulary(merges):
    """In the order of OpenAI's: bytes, bytes that end a word, merges, the two tokens around a text."""
    symbols = list(open_clip.tokenizer.bytes_to_unicode().values())
    words = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges]
    return {w: i for i, w in enumerate(words + ["<|startoftext|>", "<|endoftext|>"])}


def save_clip(folder, merges, form):
    if form == "gz":  # without a newline at the end, which the library would take for one more merge
        lines = "\n".join(["#version: 0.2"] + [" ".join(m) for m in merges])
        with gzip.GzipFile(folder / "bpe_simple_vocab_16e6.txt.gz", "wb", mtime=0) as file:
            file.write(lines.encode())
        return
    (folder / "vocab.json").write_text(json.dumps(clip_vocabulary(merges), ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n", "utf-8")
    if form == "json":
        transformers.CLIPTokenizer.from_pretrained(folder).save_pretrained(folder)
        (folder / "vocab.json").unlink()
        (folder / "merges.txt").unlink()


def canonical(text):
    return " ".join(re.sub(r"[!-/:-@\[-`{-~]", "", text.lower()).split())


def save_unigrams(folder, form):
    trained, rules = io.BytesIO(), Path("rules.tsv")  # whose name is kept in the model
    with contextlib.chdir(folder):
        rules.write_text("2581\t20\n3000\t20\nFB01\t66 69\n")  # of the thousands of NFKC, the one that matters and two
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(map(canonical, corpus())), model_writer=trained, vocab_size=240, model_type="unigram",
            normalization_rule_tsv=str(rules), pad_id=0, eos_id=1, unk_id=2, bos_id=-1, pad_piece="<pad>", num_threads=1,
            minloglevel=2)
        rules.unlink()
    model = folder / "spiece.model"
    model.write_bytes(trained.getvalue())
    if form == "spiece":
        transformers.SiglipTokenizer(str(model), model_max_length=CONTEXT).save_pretrained(folder)
        return 240
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    scores = [(pieces.id_to_piece(i), pieces.get_score(i)) for i in range(240)]
    unigram = tokenizers.Tokenizer(tokenizers.models.Unigram(scores, unk_id=2))
    unigram.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="always")
    unigram.post_processor = tokenizers.processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    transformers.PreTrainedTokenizerFast(tokenizer_object=unigram, pad_token="</s>", eos_token="</s>", unk_token="<unk>",
                                         model_max_length=CONTEXT).save_pretrained(folder)
    model.unlink()
    return 240


def save_gemma(folder):
    """SigLIP 2's: BPE over characters, bytes for those that it has not."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"] + [f"<0x{b:02X}>" for b in range(256)]
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    bpe.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    bpe.train_from_iterator(map(str.lower, corpus()[:-len(TEXTS)]), tokenizers.trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, show_progress=False))
    model = json.loads(bpe.to_str())["model"]
    gemma = transformers.GemmaTokenizer(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]],
                                        add_bos_token=False, add_eos_token=True, padding_side="right",
                                        model_max_length=CONTEXT)
    gemma.backend_tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        "$A <eos>", special_tokens=[("<eos>", 1)])
    gemma.save_pretrained(folder)
    return len(gemma)


# ---- Models ----

def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


class Maker:
    def __init__(self, out):
        self.out = out
        self.pictures = [Image.open(ROOT / p).convert("RGB") for p in PICTURES]
        self.merges = clip_merges(150)
        self.names = []

    def folder(self, name):
        self.names.append(name)
        path = self.out / name
        path.mkdir(parents=True)
        return path

    def save(self, folder, ids, texts, images, logits, ensemble, scale, bias):
        arrays = {"ids": ids, "texts": texts, "images": images, "logits": logits, "ensemble": ensemble,
                  "scale": torch.tensor([scale, bias])}
        for name, array in arrays.items():
            array = np.ascontiguousarray(array.numpy() if torch.is_tensor(array) else array, np.float32)
            assert np.isfinite(array).all(), (folder, name)
            np.save(folder / f"{name}.npy", array)
        print(f"{folder.name:24} E {texts.shape[1]}, logits {logits.min():.3f} .. {logits.max():.3f}")

    def compute(self, folder, tokenize, ids, encode_text, encode_image, forward, scale, bias):
        """tokenize: texts -> what the library gives its model; ids: of one text, without what makes it as long as others."""
        rows = np.full((len(TEXTS), CONTEXT), -1.0, np.float32)
        for row, text in zip(rows, TEXTS):
            row[:len(ids(text))] = ids(text)
        with torch.inference_mode():
            images = encode_image()
            logits = forward(tokenize([TEMPLATE.format(n) for n in NAMES]))
            classes = sum(unit(encode_text(tokenize([t.format(n) for n in NAMES]))) for t in TEMPLATES)
            ensemble = scale * unit(images) @ unit(classes).T + bias
            self.save(folder, rows, encode_text(tokenize(TEXTS)), images, logits, ensemble, scale, bias)

    # ---- Hugging Face ----

    def hf(self, name, make, config, processor, tokenizer, seed, scale, bias=None, file="safetensors", fixed=False):
        """tokenizer saves one to the folder; fixed: texts are filled up to the context, and no mask is given."""
        folder = self.folder(name)
        tokenizer(folder)
        state = fill(make(config), seed, scale, bias).half()
        state.save_pretrained(folder)
        if file == "bin":  # as older versions wrote it
            numbers = {"text_model.embeddings.position_ids": torch.arange(CONTEXT)[None]}
            torch.save(state.state_dict() | numbers, folder / "pytorch_model.bin")
            (folder / "model.safetensors").unlink()
        processor.save_pretrained(folder)
        settings = json.loads((folder / "preprocessor_config.json").read_text())
        settings["image_processor_type"] = settings["image_processor_type"].removesuffix("Pil")
        (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=2) + "\n")

        model = make.from_pretrained(folder, dtype=torch.float32).eval()
        if fixed:
            cls = transformers.SiglipTokenizer if (folder / "spiece.model").exists() else transformers.Siglip2Tokenizer
            words = cls.from_pretrained(folder, padding_side="right")
        else:
            words = transformers.CLIPTokenizer.from_pretrained(folder)
        pad = {"padding": "max_length" if fixed else True, "max_length": CONTEXT, "truncation": True}
        pixels = processor(self.pictures, return_tensors="pt")["pixel_values"]

        def tokenize(texts):
            given = words(texts, return_tensors="pt", **pad)
            return {"input_ids": given["input_ids"]} if fixed else dict(given)

        self.compute(folder, tokenize, lambda text: tokenize([text])["input_ids"][0].tolist(),
                     lambda given: model.get_text_features(**given).pooler_output,
                     lambda: model.get_image_features(pixel_values=pixels).pooler_output,
                     lambda given: model(**given, pixel_values=pixels).logits_per_image,
                     model.logit_scale.exp().item(), bias or 0)

    def hugging_face(self):
        t = transformers
        v = len(clip_vocabulary(self.merges))
        text = {"hidden_size": 16, "num_hidden_layers": DEPTH, "num_attention_heads": 2, "intermediate_size": 24,
                "max_position_embeddings": CONTEXT}
        vision = {"hidden_size": 24, "num_hidden_layers": DEPTH, "num_attention_heads": 3, "intermediate_size": 32,
                  "image_size": SIZE, "patch_size": PATCH}
        square = {"height": SIZE, "width": SIZE}
        clip = t.CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=square)
        siglip = t.SiglipImageProcessorPil(size=square)
        words = text | {"vocab_size": v, "bos_token_id": v - 2}
        self.hf("hf_clip", t.CLIPModel, t.CLIPConfig(text_config=words | {"eos_token_id": 2}, vision_config=vision,
                projection_dim=20), clip, lambda folder: save_clip(folder, self.merges, "files"), 1, 2.5)
        gelu = {"hidden_act": "gelu", "eos_token_id": v - 1}
        self.hf("hf_clip_gelu", t.CLIPModel, t.CLIPConfig(text_config=words | gelu, projection_dim=16,
                vision_config=vision | {"hidden_act": "gelu"}), clip,
                lambda folder: save_clip(folder, self.merges, "json"), 2, 2.25, file="bin")
        self.hf("hf_siglip", t.SiglipModel, t.SiglipConfig(vision_config=vision, text_config=text | {
                "vocab_size": 240, "projection_size": 24}), siglip,
                lambda folder: save_unigrams(folder, "spiece"), 3, 2.0, -3.0, fixed=True)
        self.hf("hf_siglip2", t.SiglipModel, t.SiglipConfig(vision_config=vision, text_config=text | {
                "vocab_size": 500, "projection_size": 24}), siglip, save_gemma, 4, 2.0, -2.5, fixed=True)

    # ---- OpenCLIP ----

    def open_clip(self, name, tokenizer, seed, scale, config, bias=None, file="safetensors", preprocess=None, fixed=False):
        folder = self.folder(name)
        tokenizer(folder)
        cls = open_clip.CustomTextCLIP if config.pop("custom", False) else open_clip.CLIP
        config = config | ({"custom_text": True} if cls is open_clip.CustomTextCLIP else {})
        kwargs = {k: v for k, v in config.items() if k != "custom_text"}
        model = fill(cls(**kwargs), seed, scale, bias)
        given = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD, "interpolation": "bicubic",
                 "resize_mode": "shortest"} | (preprocess or {})
        open_clip.model.set_model_preprocess_cfg(model, given)
        save_config_for_hf(model, folder / "open_clip_config.json", model_config=config)
        state = {k: v.half().contiguous() for k, v in model.state_dict().items() if not k.endswith("attn_mask")}
        if file == "bin":
            torch.save(state, folder / "open_clip_pytorch_model.bin")
        else:
            safetensors.torch.save_file(state, folder / "open_clip_model.safetensors")

        model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        model.eval()
        gz = folder / "bpe_simple_vocab_16e6.txt.gz"
        if fixed:
            words = open_clip.get_tokenizer(f"local-dir:{folder}")
        else:
            words = open_clip.SimpleTokenizer(gz if gz.exists() else self.gz, context_length=CONTEXT)
        pixels = torch.stack([transform(p) for p in self.pictures])

        def ids(text):
            row = words([text])[0].tolist()
            return row if fixed else row[:row.index(words.eot_token_id) + 1]

        self.compute(folder, words, ids, model.encode_text, lambda: model.encode_image(pixels),
                     lambda tokens: model.get_logits(pixels, tokens)[0], model.logit_scale.exp().item(), bias or 0)

    def own_towers(self):
        v = len(clip_vocabulary(self.merges))
        text = {"context_length": CONTEXT, "vocab_size": v, "width": 16, "heads": 2, "layers": DEPTH, "mlp_ratio": 1.5}
        vision = {"image_size": SIZE, "layers": DEPTH, "width": 16, "head_width": 8, "patch_size": PATCH, "mlp_ratio": 2}
        files = lambda folder: save_clip(folder, self.merges, "files")
        square = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}  # projections that fit transposed, too
        self.open_clip("open_clip", files, 11, 2.5, square)
        self.open_clip("open_clip_custom", lambda folder: save_clip(folder, self.merges, "gz"), 12, 2.25, {
            "custom": True, "embed_dim": 12, "quick_gelu": True, "vision_cfg": vision,
            "text_cfg": text | {"heads": 4, "proj_bias": True, "ls_init_value": 0.5}}, file="bin")

    def timm_towers(self):
        """Small ones of an architecture that timm has: its width and heads, but fewer blocks and smaller pictures."""
        create = timm.create_model
        small = {"img_size": SIZE, "patch_size": PATCH, "depth": 1, "mlp_ratio": 0.5}
        open_clip.timm_model.timm.create_model = lambda name, **more: create(name, **small | more)
        v = len(clip_vocabulary(self.merges))
        text = {"context_length": CONTEXT, "vocab_size": v, "width": 16, "heads": 2, "layers": DEPTH, "mlp_ratio": 1.5}
        vision = {"image_size": SIZE, "timm_model_name": "test_vit", "timm_model_pretrained": False, "timm_pool": "token"}
        files = lambda folder: save_clip(folder, self.merges, "files")
        self.open_clip("open_clip_timm_linear", files, 13, 2.5, {
            "custom": True, "embed_dim": 20, "vision_cfg": vision | {"timm_pool": "avg", "timm_proj": "linear"},
            "text_cfg": text})
        self.open_clip("open_clip_timm_null", files, 14, 2.5, {
            "custom": True, "embed_dim": 12, "quick_gelu": True, "vision_cfg": vision | {"timm_proj": None},
            "text_cfg": text}, preprocess={"resize_mode": "squash"})
        half = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "resize_mode": "squash"}
        self.open_clip("open_clip_siglip", lambda folder: save_unigrams(folder, "json"), 15, 2.0, {
            "custom": True, "embed_dim": 64, "init_logit_bias": -10, "vision_cfg": vision | {"timm_proj": "none"},
            "text_cfg": text | {"vocab_size": 240, "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
                                "norm_kwargs": {"eps": 1e-6}, "act_kwargs": {"approximate": "tanh"},
                                "hf_tokenizer_name": "small/siglip", "tokenizer_kwargs": {"clean": "canonicalize"}}},
            bias=-2.75, preprocess=half, fixed=True)
        open_clip.timm_model.timm.create_model = create


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/words")
    args = parser.parse_args()
    torch.set_num_threads(1)
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    maker = Maker(args.out)
    save_clip(args.out, maker.merges, "gz")
    maker.gz = args.out / "bpe_simple_vocab_16e6.txt.gz"
    maker.hugging_face()
    maker.own_towers()
    maker.timm_towers()
    maker.gz.unlink()
    lists = {"folders": maker.names, "pictures": PICTURES, "texts": TEXTS, "names": NAMES, "templates": TEMPLATES}
    for name, lines in lists.items():
        (args.out / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
