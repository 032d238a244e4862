#!/usr/bin/env python3
"""Makes tests/tokenizers anew: tokenizers in the files that people download, and the tokens which the libraries make of a
few thousand prompts by them.

    python3 tests/make_tokens.py [--out tests/tokenizers]

tokenizers/prompts.gz      the prompts, each ended by a NUL
tokenizers/NAME.gz         the tokens of each prompt by one library: their number, from 0x8000 on when the text was cut, and
                           the tokens without those that fill up, as u16
tokenizers/clip/           OpenAI's vocabulary, from the package open_clip_torch, with its licence
tokenizers/siglip/         a small SentencePiece model as SigLIP's: unigrams, NFKC
tokenizers/siglip_json/    the same as tokenizer.json, as OpenCLIP's folders have it
tokenizers/siglip_bytes/   one of the kind of the multilingual models: what is unknown is written in bytes
tokenizers/siglip2/        a small one of Gemma's build: every way to make a piece of two others is a merge
Runs give the same bytes. Needs the very versions below: pip install transformers==5.24.0 tokenizers==0.23.3
open_clip_torch==3.3.0 ftfy==6.3.1 sentencepiece==0.2.3
"""
import argparse
import gzip
import importlib.metadata
import io
import json
import logging
import random
import re
import shutil
import string
import struct
import tempfile
import unicodedata
from pathlib import Path

import ftfy
import open_clip.tokenizer
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken
from transformers import CLIPTokenizer, GemmaTokenizer, Siglip2Tokenizer, SiglipTokenizer, T5Tokenizer

VERSIONS = {"transformers": "5.24.0", "tokenizers": "0.23.3", "open_clip_torch": "3.3.0", "ftfy": "6.3.1",
            "sentencepiece": "0.2.3"}
for package, version in VERSIONS.items():
    found = importlib.metadata.version(package)
    assert found == version, f"{package} {found} is installed, {version} is needed"

ROOT = Path(__file__).resolve().parent.parent

# ---- Prompts ----

NAMES = """tabby cat|golden retriever|great white shark|sulphur-crested cockatoo|espresso|Crêpe|jack-o'-lantern|São Paulo|
naïve café|Ångström|Москва ночью|Ελλάδα|ΟΔΟΣ ΣΟΦΟΣ|東京タワー|서울 타워|กรุงเทพมหานคร|القاهرة|ירושלים|दिल्ली का लाल किला|北京烤鸭|
İstanbul|straße|Việt Nam|ǅungla|T-shirt|3D printer|F-16|rock'n'roll|Mother's day|they've|I'll|we're|don't|IT'S|he'd|
o'clock|'small|''s|C++|#hashtag|@user|50%|$9.99|1,000,000|12:30|e.g.|v2.0.1|a/b|x_y_z""".replace("\n", "").split("|")
TEMPLATES = ["a photo of a {}.", "This is a photo of {}.", "itap of the {}", "A bad photo of the {}!", "{}",
             "art of the {}; origami", "“{}”", "the {}’s face", "({})"]
SPACES = [" ", "  ", "\t", "\n", "\n\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\x0b", "\x1c", "\x85",
          "\u202f", "\u180e", "\ufeff"]
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "❤️", "☕", "👩🏿‍🚀", "1️⃣", "🫠", "™️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
ENTITIES = ["&amp;", "&lt;b&gt;", "&#39;", "&#x27;", "&quot;", "&eacute;", "&amp;amp;", "&amp;amp;amp;lt;", "&copy", "&notit;",
            "&nbsp;", "&hellip;", "&#128512;", "&#0;", "&#x110000;", "&#150;", "&NotEqualTilde;", "&bogus;", "& ", "&#;",
            "&#x;", "&ltx", "<b>", "<br>\n&amp;amp;amp;", "&#59;", "&rsquo;s", "&ldquo;"]
ODD = ["ﬁ", "ﬃ", "ĳ", "ŉ", "ǆ", "ﬅ", "Ａ", "１", "！", "ｶﾞ", "ﾊﾟ", "￣", "㎏", "™", "½", "Ⅷ", "①", "ª", "ß", "ẞ", "İ", "ı", "ſ",
       "'ſ", "\u212a", "\u212b", "\u2126", "e\u0301", "a\u0323\u0302", "a\u0302\u0323", "\u1112\u1161\u11ab", "ﷺ", "¨", "´",
       "ͺ", "\u0345", "‘q’", "„q“", "…", "—", "–", "·", "▁", "▁▁", "_", "\u00ad", "\u200d", "\ue000", "\U000f0000", "\ufffd",
       "\ud7ff", "\U0010ffff", "\x7f", "\x01", "<|endoftext|>", "<|startoftext|>", "<|ENDOFTEXT|>", "<end_of_text>",
       "<start_of_text>", "</s>", "<unk>", "<pad>", "<eos>", "<bos>", "<h1>", "<0x41>", "</w>", "Ġ", "ﹴ\u0301", "①\u0302"]
RANGES = [(0x20, 0x7e)] * 6 + [
    (0xa0, 0xff), (0x100, 0x24f), (0x250, 0x36f), (0x370, 0x3ff), (0x400, 0x52f), (0x530, 0x5ff), (0x600, 0x6ff),
    (0x900, 0x97f), (0xe00, 0xe7f), (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x206f), (0x2070, 0x218f), (0x2190, 0x2bff),
    (0x2c60, 0x2c7f), (0x3000, 0x30ff), (0x3200, 0x33ff), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0xf900, 0xfaff),
    (0xfb00, 0xfb4f), (0xfe30, 0xfe6f), (0xff00, 0xffef), (0x10400, 0x1044f), (0x1d400, 0x1d7ff), (0x1f100, 0x1f1ff),
    (0x1f300, 0x1f6ff)]


def pick_assigned(rng):
    """A character that this Python's Unicode knows: later ones are not known everywhere."""
    while True:
        c = chr(rng.randint(*rng.choice(RANGES)))
        if unicodedata.category(c) != "Cn":
            return c


def pick_words(rng):
    kind = rng.random()
    if kind < 0.30:
        return rng.choice(NAMES)
    if kind < 0.40:
        return "".join(rng.choices(string.ascii_letters, k=rng.randint(1, 9)))
    if kind < 0.50:
        return "".join(rng.choices(string.printable[:94], k=rng.randint(1, 8)))
    if kind < 0.74:
        return rng.choice(rng.choice([EMOJI, ENTITIES, ODD, ODD]))
    if kind < 0.80:
        return str(rng.randint(0, 10 ** rng.randint(1, 9)))
    return "".join(pick_assigned(rng) for _ in range(rng.randint(1, 6)))


def pick_prompt(rng):
    n = rng.randint(1, 8) if rng.random() < 0.98 else rng.randint(20, 120)
    text = ""
    for _ in range(n):
        text += pick_words(rng)
        if rng.random() < 0.7:
            text += rng.choice(SPACES) if rng.random() < 0.25 else " "
    return rng.choice(TEMPLATES).format(text) if rng.random() < 0.3 else text


def make_prompts(n):
    """Without those that ftfy takes for wrongly decoded, which is not done here."""
    rng = random.Random(20)
    prompts = ["", " ", "\n\t ", "x" * 3000, "日本" * 300, "word " * 100, "a photo of a cat " * 4 + "a photo"]
    prompts += [template.format(name) for name in NAMES for template in TEMPLATES]
    prompts += [form.format(x) for x in ODD + EMOJI + ENTITIES + SPACES for form in ("{}", "a{}b", "A {} B")]
    prompts = list(dict.fromkeys(prompts))
    while len(prompts) < n:
        prompts.append(pick_prompt(rng))
    return [p for p in prompts if ftfy.fix_text(p) == ftfy.fix_text(p, fix_encoding=False)]


# ---- Tokenizers ----

def read_corpus():
    """Names of ImageNet's classes in the tree, and what prompts are made of."""
    source = (ROOT / "weights/canonical/imagenet_1k.c").read_text()
    names = [name for _, name in re.findall(r'\{"(n\d+)", "([^"]+)"\}', source)]
    assert len(names) == 1000
    lines = [TEMPLATES[i % 4].format(name) for i, name in enumerate(names)]
    return lines + (ROOT / "LICENSE").read_text().split("\n") + NAMES * 4


def train(lines, **options):
    """The bytes of a SentencePiece model."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, num_threads=1, minloglevel=2, **options)
    return model.getvalue()


def parse(model):
    parsed = sentencepiece_model_pb2.ModelProto()
    parsed.ParseFromString(model)
    return parsed


def write_clip(folder):
    package = importlib.metadata.distribution("open_clip_torch")
    shutil.copy(open_clip.tokenizer.default_bpe(), folder)
    (folder / "LICENSE").write_text(package.read_text("licenses/LICENSE"))


def write_siglip(folder, json_folder, lines):
    model = train(lines, vocab_size=2000, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
                  required_chars="<>", normalization_rule_name="nmt_nfkc")
    (folder / "spiece.model").write_bytes(model)
    parsed = parse(model)
    fast = T5Tokenizer(vocab=[(p.piece, p.score) for p in parsed.pieces], extra_ids=0, pad_token="</s>",
                       _spm_precompiled_charsmap=parsed.normalizer_spec.precompiled_charsmap)
    fast.save_pretrained(json_folder)


def write_siglip_bytes(folder, lines):
    """With a small table of characters, for the sake of size, and with sentinels beyond the text tower's table."""
    rules = {0x2581: " ", 0x09: " ", 0x0a: " ", 0xa0: " ", 0x3000: " ", 0xbd: "1\u20442", 0xfb01: "fi"}
    rules |= {c: chr(c - 0xfee0) for c in range(0xff01, 0xff5f)}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
        for c, to in rules.items():
            print(f"{c:X}", " ".join(f"{ord(x):X}" for x in to), sep="\t", file=table)
        table.flush()
        model = parse(train(lines, vocab_size=1500, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
                            byte_fallback=True, required_chars="<>", normalization_rule_tsv=table.name))
    model.trainer_spec.ClearField("input")
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    for i in range(3):
        model.pieces.add(piece=f"▁<extra_id_{i}>", score=0.0, type=4)
    (folder / "spiece.model").write_bytes(model.SerializeToString())


def write_siglip2(folder, lines):
    model = parse(train([line.lower() for line in lines], vocab_size=2000, model_type="bpe", pad_id=0, eos_id=1, bos_id=2,
                        unk_id=3, eos_piece="<eos>", bos_piece="<bos>", byte_fallback=True, split_digits=True,
                        allow_whitespace_only_pieces=True, normalization_rule_name="identity",
                        remove_extra_whitespaces=False))
    pieces = [p.piece for p in model.pieces]
    pieces[pieces.index("<0x09>")] = "\t"  # as Gemma's converter does
    pieces += [p for p in ("\n", "\n\n", "▁▁", "▁▁▁", "<h1>", "</h1>") if p not in pieces]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = []
    for piece in pieces[4 + 256:]:
        pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        merges += sorted((p for p in pairs if p[0] in vocab and p[1] in vocab), key=lambda p: (vocab[p[0]], vocab[p[1]]))
    gemma = GemmaTokenizer(vocab=vocab, merges=merges, add_bos_token=False, add_eos_token=True, padding_side="right")
    gemma.add_tokens([AddedToken(p, normalized=False) for p in ("\n", "\n\n", "▁▁", "▁▁▁", "<h1>", "</h1>")])
    gemma.save_pretrained(folder)
    print("siglip2:", len(pieces), "pieces,", len(merges), "merges")


# ---- Tokens ----

def write_tokens(path, prompts, encode, end, context):
    """encode(prompt) -> tokens with those around the text, neither cut nor filled up."""
    out, n_cut = b"", 0
    for prompt in prompts:
        tokens = list(encode(prompt))
        assert tokens[-1] == end
        cut = len(tokens) > context
        tokens = tokens[:context - 1] + [end] if cut else tokens
        out += struct.pack(f"<{1 + len(tokens)}H", len(tokens) + 0x8000 * cut, *tokens)
        n_cut += cut
    path.write_bytes(gzip.compress(out, mtime=0))
    print(path.name, len(prompts), "prompts,", n_cut, "cut")


def by_transformers(tokenizer):
    return lambda prompt: tokenizer(prompt).input_ids


def by_open_clip(folder, **options):
    """As OpenCLIP's models with a tokenizer of transformers: its own cleaning, then that."""
    tokenizer = open_clip.tokenizer.HFTokenizer(str(folder), context_length=64, clean="canonicalize", **options)
    whole = tokenizer.tokenizer
    for prompt in ("a cat", "x" * 3000, ""):  # its own way to call it, where nothing is taken off again
        ids = whole(tokenizer.clean_fn(prompt), max_length=64, padding="max_length", truncation=True).input_ids
        assert tokenizer(prompt)[0].tolist() == ids
    return lambda prompt: whole(tokenizer.clean_fn(prompt)).input_ids


def by_simple_tokenizer():
    simple = open_clip.tokenizer.SimpleTokenizer()
    return lambda prompt: [simple.sot_token_id, *simple.encode(prompt), simple.eot_token_id]


def clip_of_transformers(folder):
    """Reads vocab.json and merges.txt, written as their own release has them."""
    simple = open_clip.tokenizer.SimpleTokenizer()
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    (folder / "vocab.json").write_text(json.dumps({names.get(k, k): v for k, v in simple.encoder.items()}))
    merges = ["#version: 0.2"] + [" ".join(pair) for pair in simple.bpe_ranks]
    (folder / "merges.txt").write_text("\n".join(merges) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


def check_sentencepiece(path, prompts):
    """How far transformers' SiglipTokenizer gives SentencePiece's own tokens: it puts "<unk>" in front of a text, which may
    decide otherwise between ways of the same score."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path / "spiece.model"))
    siglip = SiglipTokenizer.from_pretrained(path)
    n = differ = 0
    for prompt in prompts:
        if "</s>" in prompt or "<unk>" in prompt:
            continue
        n += 1
        differ += processor.encode(siglip.canonicalize_text(prompt.replace("▁", " "))) + [1] != siglip(prompt).input_ids
    print(path.name, "by sentencepiece alone:", n, "prompts,", differ, "differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/tokenizers")
    out = parser.parse_args().out
    logging.disable(logging.WARNING)
    shutil.rmtree(out, ignore_errors=True)
    clip, siglip, siglip_json, siglip_bytes, siglip2 = (
        out / name for name in ("clip", "siglip", "siglip_json", "siglip_bytes", "siglip2"))
    for folder in (clip, siglip, siglip_json, siglip_bytes, siglip2):
        folder.mkdir(parents=True)
    lines, prompts = read_corpus(), make_prompts(3000)
    write_clip(clip)
    write_siglip(siglip, siglip_json, lines)
    write_siglip_bytes(siglip_bytes, lines)
    write_siglip2(siglip2, lines)
    (out / "prompts.gz").write_bytes(gzip.compress("".join(p + "\0" for p in prompts).encode(), mtime=0))
    with tempfile.TemporaryDirectory() as folder:
        write_tokens(out / "clip_hf.gz", prompts, by_transformers(clip_of_transformers(Path(folder))), 49407, 77)
    write_tokens(out / "clip_open_clip.gz", prompts, by_simple_tokenizer(), 49407, 77)
    for folder in (siglip, siglip_bytes):
        check_sentencepiece(folder, prompts)
        tokenizer = SiglipTokenizer.from_pretrained(folder)
        write_tokens(out / f"{folder.name}_hf.gz", prompts, by_transformers(tokenizer), 1, 64)
    write_tokens(out / "siglip_open_clip.gz", prompts, by_open_clip(siglip_json), 1, 64)
    write_tokens(out / "siglip2_hf.gz", prompts, by_transformers(Siglip2Tokenizer.from_pretrained(siglip2)), 1, 64)
    write_tokens(out / "siglip2_open_clip.gz", prompts, by_open_clip(siglip2), 1, 64)


if __name__ == "__main__":
    main()
