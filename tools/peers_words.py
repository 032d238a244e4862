#!/usr/bin/env python3
"""Measures a text tower beside PyTorch: the names of ImageNet's 1000 classes in one template, as class names in words are
computed, on CLIP's ViT-B/32 with random weights.

    make && tools/peers_words.py                 # with torch, transformers and numpy installed
    tools/peers_words.py --rounds 10 --threads 2

vit is a process: from its start, opening the model and the tokenizer, to the file of features. PyTorch's model is open
already; counted are transformers' tokenizer, with texts padded to the longest of a batch, and get_text_features in
inference mode, at the best of several batch sizes. They take turns; the ratio is taken within each round. Neither is
timed before both gave the same features."""
import argparse
import gzip
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
BPE = HERE.parent / "tests/tokenizers/clip/bpe_simple_vocab_16e6.txt.gz"
BATCHES = (32, 128, 1000)


def write_tokenizer(folder):
    """The vocabulary and merges of OpenAI's file, as transformers has them."""
    merges = gzip.open(BPE, "rt").read().split("\n")[1:49152 - 256 - 2 + 1]
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(0x100 + i) for i in range(len(others))]
    words = symbols + [s + "</w>" for s in symbols] + ["".join(m.split()) for m in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")


def make_model(folder):
    torch.manual_seed(0)
    model = transformers.CLIPModel(transformers.CLIPConfig(vision_config={"patch_size": 32}, text_config={})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.04)
    model.save_pretrained(folder)
    transformers.CLIPImageProcessor().save_pretrained(folder)
    write_tokenizer(folder)
    return model, transformers.CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))


def run_torch(model, tokenizer, texts, batch):
    features = []
    with torch.inference_mode():
        for i in range(0, len(texts), batch):
            answer = model.get_text_features(**tokenizer(texts[i:i + batch], padding=True, return_tensors="pt"))
            features.append(answer if torch.is_tensor(answer) else answer.pooler_output)
    return torch.cat(features).numpy()


def timed(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table = (HERE.parent / "weights/canonical/imagenet_1k.c").read_text()
    texts = [f"This is a photo of {name.split(',')[0]}." for name in re.findall(r'\{"n\d+", "([^"]*)"\}', table)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model, tokenizer = make_model(folder)
        (folder / "texts.txt").write_text("\n".join(texts) + "\n")
        command = [HERE.parent / "build/vit", "embed", "-q", "-m", folder, "--no-normalize", "-t", str(options.threads),
                   "--text", folder / "texts.txt", "-o", folder / "features.npy"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "ONEDNN_", "VIT_"))}
        run_vit = lambda: subprocess.run(command, check=True, env=clean)
        run_vit()
        seconds = {batch: timed(run_torch, model, tokenizer, texts, batch) for batch in BATCHES}
        batch = min(BATCHES, key=lambda b: seconds[b][0])
        want, got = seconds[batch][1], np.load(folder / "features.npy")
        difference = np.abs(got - want).max() / np.abs(want).max()
        assert got.shape == want.shape and difference < 1e-5, difference
        rounds = [(timed(run_vit)[0], timed(run_torch, model, tokenizer, texts, batch)[0])
                  for _ in range(options.rounds)]
    vit, peer = (statistics.median(side) for side in zip(*rounds))
    ratios = sorted(b / a for a, b in rounds)
    print(f"{len(texts)} texts, {options.threads} threads, features within {difference:.1e} of the largest\n"
          f"vit {vit:.2f} s, PyTorch {peer:.2f} s in batches of {batch}: "
          f"{statistics.median(ratios):.2f} times ({ratios[0]:.2f} .. {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
