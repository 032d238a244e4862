"""make_pictures.py: writes tests/pictures/: small files of every kind that the decoder meets, and manifest.txt, which
says what Pillow, torchvision and timm make of them. Everything is derived from fixed numbers; run it again only to
change the set:  pip install pillow==13.0.0 numpy==2.4.6 torch==2.15.0 torchvision==0.29.2 timm==1.0.31
                 python3 tests/make_pictures.py

Lines of the manifest, by their first word; CRC is the CRC-32 of the RGB bytes in hexadecimal:
  decode FILE AUTOROTATE WIDTH HEIGHT CRC
  refuse FILE STATUS WORD-OF-THE-MESSAGE
  resize SOURCE-WIDTH SOURCE-HEIGHT WIDTH HEIGHT FILTER CRC     the source is synthetic(), below
  pixels FILE SIZE MODE RESIZE-TO ROUND FILTER MEAN MEAN MEAN CRC
"""
import base64
import io
import math
import pathlib
import struct
import warnings
import zlib

import numpy as np
import PIL
import timm
import torchvision
from PIL import Image, ImageOps
from timm.data.transforms_factory import transforms_imagenet_eval
from torchvision.transforms import functional as TF

assert PIL.__version__ == "13.0.0"  # its resize runs the vertical pass first where earlier ones did not
assert np.__version__ == "2.4.6" and timm.__version__ == "1.0.31"
assert torchvision.__version__.split("+")[0] == "0.29.2"
warnings.filterwarnings("ignore", message="Palette images with Transparency")

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "pictures"
FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]
rng = np.random.default_rng(20)
lines = []


def crc(array):
    return f"{zlib.crc32(np.ascontiguousarray(array, dtype=np.uint8).tobytes()):08x}"


def photo(width, height):
    """Something with edges, colours and noise."""
    y, x = np.mgrid[0:height, 0:width]
    a = np.stack([127 + 100 * np.sin(x / 7 + y / 11), 127 + 100 * np.cos(x / 5 - y / 13), (x * 3 + y * 5) % 256], -1)
    return Image.fromarray(np.clip(a + rng.normal(0, 12, a.shape), 0, 255).astype(np.uint8))


def synthetic(width, height):
    """A source that tests can compute for themselves."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((7 * x + 13 * y + 29 * c + 5 * ((x * y) % 31)) % 256).astype(np.uint8)


def accept(name, data=None, rotate=(0,)):
    path = ROOT / name if data is None else OUT / name
    if data is not None:
        path.write_bytes(data)
    for autorotate in rotate:
        image = Image.open(path)
        image = (ImageOps.exif_transpose(image) if autorotate else image)
        # Pillow clips 16-bit greyscale at 255; every other 16-bit kind keeps the high byte, and so do we for all.
        image = Image.fromarray((np.array(image) >> 8).astype(np.uint8)) if image.mode == "I;16" else image
        image = image.convert("RGB")
        lines.append(f"decode {path.relative_to(ROOT)} {autorotate} {image.width} {image.height} {crc(image)}")


def refuse(name, data, status, word):
    (OUT / name).write_bytes(data)
    lines.append(f"refuse tests/pictures/{name} {status} {word}")


# ---- JPEG ----

def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def tiff(orientation, endian="<", kind=3, tag=0x0112, offset=8):
    value = struct.pack(endian + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,)))
    return ((b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(endian + "IH", offset, 2)
            + struct.pack(endian + "HHII", 0x0100, 4, 1, 40) + struct.pack(endian + "HHI", tag, kind, 1) + value
            + struct.pack(endian + "I", 0))


def app1(data):
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


def tagged(data, *segments):
    return data[:2] + b"".join(segments) + data[2:]


XMP = b"http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation=\"%d\"/>"
# 24 x 20 pixels from libjpeg-turbo 2.1.5, with settings that Pillow does not offer.
ARITHMETIC = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7Pj4+JS5ESUM8"
    "SDc9Pjv/2wBDAQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozv/yQARCAAUABgD"
    "ASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AJMXXbk+G7Q4XFtF+jbYkf6xqhCRaa8ZidtRu5B6B0fN1TEpV9rGIAYFct4vIgIz"
    "c94YU7HDeRziybtvns0+nWYvFCFsCgtZ1+yWUWOspJ2V1+7ZeZ+ofYLcIECWc5qSeBVDJ9pGjdgWHsTTtXhmyVNWyuuzVv6v6a/okQgAyY8a6VDa"
    "ahcsI94rQ958l/TiazOvKgucn5TF4xg381hc4LWJDDZVDahn1p4809oTuwWXEEEuJ4TF4Rfw0riSSo0WpgeCK6y+jkjLjxrBK38WPF3bsrpzAdVt"
    "uj9IYaCGtEOwTidGKg2M/a0XE1n/AAlgCjLT6FLtyuD/2Q=="
)
SAMPLING_440 = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7Pj4+JS5ESUM8"
    "SDc9Pjv/2wBDAQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozv/wAARCAAUABgD"
    "ARIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKB"
    "kaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZ"
    "mqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQF"
    "BgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5"
    "OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX"
    "2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDgtOtfPxxmtjwra+fs4zX12Lzv2fUwnL2Rpad4d8/HyfpWxPf3P2w6XpZ8vy/lmnXB"
    "JJHKqe2M8nrkdsc+JPO681zKVl3Z14eWJqR507R7v9CZfDum2Kg3s8UJwG2E5cgnGQo5PPoKltrSx0iRLf7M11dEAmJCAF6fePbjnGD+GQa4J5zN"
    "6qba8rL8We3h41Jaqba8rJfe7o5TwnKbXSp7pFVnggeRQ3QkKSM/lRXjZm3zpeZ8zjEnUS80a+jt/Z3h6a8t1UTIFClhnGWC5x+NFcGKbliIp6q5"
    "7bSli4Rlqrl2ZRpfhJ5bMmKWUmPzFOGQFGOVPY8de315orkjJzxqUndHfXbl7W/SEn+B/9k="
)


def make_jpegs():
    for name, options in (("420", {"subsampling": 2}), ("422", {"subsampling": 1}), ("444", {"subsampling": 0}),
                          ("progressive", {"progressive": True}), ("rough", {"quality": 5}),
                          ("restart", {"restart_marker_blocks": 2})):
        accept(f"jpeg-{name}.jpg", jpeg(photo(45, 37), **({"quality": 80} | options)))
    accept("jpeg-grey.jpg", jpeg(photo(45, 37).convert("L")))
    accept("jpeg-grey-progressive.jpg", jpeg(photo(45, 37).convert("L"), progressive=True))
    accept("jpeg-arithmetic.jpg", base64.b64decode(ARITHMETIC))
    accept("jpeg-440.jpg", base64.b64decode(SAMPLING_440))
    for width, height in ((1, 1), (1, 300), (300, 1), (8, 8), (17, 16), (30, 900)):
        accept(f"jpeg-{width}x{height}.jpg", jpeg(photo(width, height)))

    plain = jpeg(photo(24, 17))
    for orientation in range(1, 9):
        exif = app1(b"Exif\0\0" + tiff(orientation, "<>"[orientation % 2], 3 + orientation // 4 % 2))
        accept(f"exif-{orientation}.jpg", tagged(plain, exif), (0, 1))
    accept("exif-9.jpg", tagged(plain, app1(b"Exif\0\0" + tiff(9))), (0, 1))
    accept("exif-none.jpg", tagged(plain, app1(b"Exif\0\0" + tiff(6, tag=0x0113))), (0, 1))
    accept("exif-outside.jpg", tagged(plain, app1(b"Exif\0\0" + tiff(6, offset=4000000000))))
    accept("exif-short.jpg", tagged(plain, app1(b"Exif\0\0" + tiff(6)[:27])), (0, 1))
    accept("exif-twice.jpg", tagged(plain, app1(b"Exif\0\0Exif\0\0" + tiff(6))), (0, 1))
    accept("exif-xmp.jpg", tagged(plain, app1(XMP % 6)), (0, 1))
    accept("exif-over-xmp.jpg", tagged(plain, app1(XMP % 6), app1(b"Exif\0\0" + tiff(8))), (0, 1))

    accept("jpeg-trailing.jpg", plain + b"and more\n")
    accept("jpeg-fill-bytes.jpg", plain[:2] + b"\xff" * 5 + plain[2:])
    refuse("jpeg-cut.jpg", plain[:-40], "decode", "cut")
    refuse("jpeg-cut-progressive.jpg", jpeg(photo(24, 17), progressive=True)[:-2], "decode", "cut")
    refuse("jpeg-cut-header.jpg", plain[:60], "decode", "cut")
    refuse("jpeg-no-tables.jpg", plain.replace(b"\xff\xdb", b"\xff\xfe"), "decode", "Quantization")
    refuse("jpeg-cmyk.jpg", jpeg(photo(16, 16).convert("CMYK")), "unsupported", "CMYK")
    frame = plain.index(b"\xff\xc0")
    refuse("jpeg-12-bit.jpg", plain[:frame + 4] + b"\x0c" + plain[frame + 5:], "unsupported", "precision")
    refuse("jpeg-lossless.jpg", plain[:frame] + b"\xff\xc3" + plain[frame + 2:], "unsupported", "SOF")
    refuse("jpeg-huge.jpg", plain[:frame + 5] + struct.pack(">HH", 60000, 60000) + plain[frame + 9:], "too_large",
           "100000000")


# ---- PNG, written here so that every kind and every filter occurs ----

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width, height, depth, colour, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def rows(width, height, bits):
    if width < 1 or height < 1:
        return b""
    row = (width * bits + 7) // 8
    return b"".join(bytes([i % 5]) + rng.integers(0, 256, row, dtype=np.uint8).tobytes() for i in range(height))


def png(width, height, depth, colour, interlace=0, before=b"", after=b"", split=0):
    bits = depth * CHANNELS[colour]
    passes = ADAM7 if interlace else ((0, 0, 1, 1),)
    raw = b"".join(rows((width - x + dx - 1) // dx, (height - y + dy - 1) // dy, bits) for x, y, dx, dy in passes)
    data = zlib.compress(raw)
    step = split or len(data)
    image = b"".join(chunk(b"IDAT", data[i:i + step]) for i in range(0, len(data), step))
    return SIGNATURE + header(width, height, depth, colour, interlace) + before + image + after + chunk(b"IEND")


def palette(entries):
    return chunk(b"PLTE", rng.integers(0, 256, 3 * entries, dtype=np.uint8).tobytes())


def make_pngs():
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            before = palette(1 << depth) if colour == 3 else b""
            for interlace in (0, 1):
                name = f"png-type{colour}-{depth}bit{'-interlaced' if interlace else ''}.png"
                accept(name, png(19, 13, depth, colour, interlace, before))
    for width, height in ((1, 1), (1, 300), (300, 1), (3, 3)):
        accept(f"png-{width}x{height}.png", png(width, height, 8, 2, width == 3))
    accept("png-short-palette.png", png(19, 13, 8, 3, 0, palette(9)))
    accept("png-palette-alpha.png", png(19, 13, 4, 3, 0, palette(16) + chunk(b"tRNS", bytes(range(0, 160, 10)))))
    accept("png-grey-key.png", png(19, 13, 2, 0, 0, chunk(b"tRNS", b"\0\1")))
    accept("png-rgb-key.png", png(19, 13, 8, 2, 0, chunk(b"tRNS", b"\0\1\0\2\0\3")))
    accept("png-split.png", png(19, 13, 8, 2, 0, chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"tEXt", b"a\0b"), 7))
    accept("exif-6.png", png(19, 13, 8, 2, 0, chunk(b"eXIf", tiff(6, ">"))), (0, 1))
    accept("exif-late.png", png(19, 13, 8, 6, 0, b"", chunk(b"eXIf", tiff(3))), (0, 1))
    accept("exif-xmp.png", png(19, 13, 8, 0, 0, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP[29:] % 8)), (0, 1))

    plain = png(19, 13, 8, 2)
    refuse("png-cut.png", plain[:len(plain) // 2], "decode", "cut")
    refuse("png-cut-signature.png", plain[:6], "decode", "signature")
    refuse("png-no-end.png", plain[:-12], "decode", "IEND")
    damaged = bytearray(plain)
    damaged[len(plain) // 2] ^= 0x10
    refuse("png-crc-data.png", bytes(damaged), "decode", "CRC")
    damaged = bytearray(plain)
    damaged[20] ^= 1
    refuse("png-crc-header.png", bytes(damaged), "decode", "CRC")
    start, end = SIGNATURE, chunk(b"IEND")
    few = chunk(b"IDAT", zlib.compress(bytes(100)))
    refuse("png-few-rows.png", start + header(19, 13, 8, 2) + few + end, "decode", "pixels")
    refuse("png-not-zlib.png", start + header(19, 13, 8, 2) + chunk(b"IDAT", bytes(100)) + end, "decode",
           "compression")
    refuse("png-bad-filter.png", start + header(2, 1, 8, 0) + chunk(b"IDAT", zlib.compress(b"\7ab")) + end, "decode",
           "filter")
    bad_block = chunk(b"IDAT", b"\x78\x9c\x07" + bytes(9))  # stb_image fails here without giving a reason
    refuse("png-bad-block.png", start + header(2, 1, 8, 0) + bad_block + end, "decode", "damaged")
    refuse("png-bomb.png", start + header(2, 1, 8, 0) + chunk(b"IDAT", zlib.compress(bytes(1 << 22))) + end, "decode",
           "more")
    refuse("png-no-data.png", start + header(2, 1, 8, 0) + end, "decode", "data")
    refuse("png-no-palette.png", start + header(2, 1, 8, 3) + chunk(b"IDAT", zlib.compress(b"\0ab")) + end, "decode",
           "palette")
    refuse("png-no-header.png", start + chunk(b"IDAT", zlib.compress(b"\0ab")) + end, "decode", "IHDR")
    refuse("png-two-headers.png", start + header(2, 1, 8, 0) * 2 + plain[33:], "decode", "IHDR")
    refuse("png-torn-data.png", png(19, 13, 8, 2, split=50).replace(b"IDAT", b"tEXt", 1), "decode", "CRC")
    half = zlib.compress(rows(19, 13, 24))
    refuse("png-scattered.png", start + header(19, 13, 8, 2) + chunk(b"IDAT", half[:90]) + chunk(b"tEXt", b"a\0b")
           + chunk(b"IDAT", half[90:]) + end, "decode", "consecutive")
    refuse("png-rgb-4bit.png", start + header(2, 1, 4, 2) + few + end, "decode", "4")
    refuse("png-empty-size.png", start + header(0, 1, 8, 2) + few + end, "decode", "0")
    refuse("png-huge.png", start + header(60000, 60000, 8, 2) + few + end, "too_large", "100000000")
    refuse("png-huger.png", start + header(0xFFFFFFFF, 0xFFFFFFFF, 8, 2) + few + end, "too_large", "100000000")
    refuse("png-apple.png", start + chunk(b"CgBI", b"P\0 \2") + plain[8:], "unsupported", "CgBI")


# ---- BMP ----

def bmp(width, height, bits, size=40, compression=0, masks=(), colours=0, top_down=False, drop=0):
    stride = (width * bits + 31) // 32 * 4
    if size == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", size, width, -height if top_down else height, 1, bits, compression, 0, 0, 0,
                           colours, 0)
        head = (head + struct.pack(f"<{len(masks)}I", *masks)).ljust(size, b"\0")
    entries = (colours or 1 << bits) if bits <= 8 else 0
    colour_table = rng.integers(0, 256, entries * (3 if size == 12 else 4), dtype=np.uint8).tobytes()
    pixels = rng.integers(0, 256, stride * height, dtype=np.uint8).tobytes()
    offset = 14 + len(head) + len(colour_table)
    data = b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + head + colour_table + pixels
    return data[:len(data) - drop]


def make_bmps():
    for bits in (1, 4, 8, 16, 24, 32):
        accept(f"bmp-{bits}bit.bmp", bmp(19, 13, bits))
        accept(f"bmp-{bits}bit-top-down.bmp", bmp(19, 13, bits, top_down=True))
    accept("bmp-core.bmp", bmp(19, 13, 4, 12))
    accept("bmp-v5.bmp", bmp(19, 13, 32, 124, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)))
    accept("bmp-565.bmp", bmp(19, 13, 16, 40, 3, (0xF800, 0x07E0, 0x001F)))
    accept("bmp-bytes-rgb.bmp", bmp(19, 13, 32, 108, 3, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)))
    accept("bmp-short-palette.bmp", bmp(19, 13, 8, colours=11))
    accept("bmp-no-last-padding.bmp", bmp(19, 13, 24, drop=3))
    for width, height in ((1, 1), (1, 300), (300, 1)):
        accept(f"bmp-{width}x{height}.bmp", bmp(width, height, 24))
    refuse("bmp-cut.bmp", bmp(19, 13, 24, drop=4), "decode", "cut")
    refuse("bmp-cut-header.bmp", bmp(19, 13, 24)[:40], "decode", "header")
    refuse("bmp-run-length.bmp", bmp(19, 13, 8, compression=1), "unsupported", "run-length")
    refuse("bmp-2bit.bmp", bmp(19, 13, 2), "unsupported", "2")
    refuse("bmp-masks.bmp", bmp(19, 13, 16, 40, 3, (0xF000, 0xF00, 0xF0)), "unsupported", "masks")
    refuse("bmp-odd-header.bmp", b"BM" + bytes(12) + struct.pack("<I", 41) + bytes(60), "unsupported", "41")
    huge = bytearray(bmp(19, 13, 24))
    huge[18:26] = struct.pack("<II", 60000, 60000)
    refuse("bmp-huge.bmp", bytes(huge), "too_large", "100000000")


def make_others():
    small = photo(8, 8)
    for name, word in (("GIF", "GIF"), ("WEBP", "WebP"), ("AVIF", "AVIF"), ("TIFF", "TIFF"), ("JPEG2000", "JPEG"),
                       ("ICO", "icon"), ("PPM", "PNM"), ("TGA", "TGA")):
        out = io.BytesIO()
        small.save(out, name)
        refuse(f"other-{name.lower()}.jpg", out.getvalue(), "unsupported", word)
    refuse("other-pdf.jpg", b"%PDF-1.7\n", "unsupported", "PDF")
    refuse("other-heic.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported", "HEIC")
    refuse("other-jxl.jpg", b"\xff\x0a" + bytes(20), "unsupported", "XL")
    refuse("other-svg.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported", "SVG")
    refuse("other-html.jpg", b"<!DOCTYPE html><title>404</title>", "unsupported", "HTML")
    refuse("other-text.jpg", b"This is no picture.\n", "unsupported", "picture")
    refuse("other-byte.jpg", b"\xff", "unsupported", "picture")
    refuse("other-empty.jpg", b"", "empty", "empty")


# ---- Resize and preprocessing ----

def make_resizes():
    for number in range(len(FILTERS)):
        for source, target in (((300, 200), (224, 224)), ((640, 480), (298, 224)), ((50, 40), (224, 180)),
                               ((70, 500), (33, 236)), ((640, 2), (224, 9)), ((3, 301), (224, 224)),
                               ((100, 80), (100, 37)), ((100, 80), (41, 80)), ((90, 400), (150, 100)),
                               ((100, 400), (50, 300)), ((100, 400), (50, 299)), ((100, 400), (50, 280)),
                               ((7, 5), (1, 1)), ((1, 1), (5, 3)), ((33, 21), (33, 21))):
            result = Image.fromarray(synthetic(*source)).resize(target, number)
            lines.append(f"resize {source[0]} {source[1]} {target[0]} {target[1]} {number} {crc(result)}")


def hf_center_crop(a, crop):
    """Centre crop as Hugging Face's Pillow backend does it."""
    for axis in (0, 1):
        surplus = a.shape[axis] - crop
        if surplus >= 0:
            a = a.take(range(surplus // 2, surplus // 2 + crop), axis)
        else:
            before = math.ceil(-surplus / 2)
            a = np.pad(a, [(before, -surplus - before) if i == axis else (0, 0) for i in range(3)])
    return a


def add_pixels(name, size, mode, resize_to, rounding, number, mean):
    image = Image.open(ROOT / name).convert("RGB")
    interpolation = FILTERS[number]
    if rounding == "half_even":
        mode_of_timm = {"shortest": "center", "squash": "squash", "border": "border"}[mode]
        transform = transforms_imagenet_eval(size, crop_pct=size / resize_to, crop_mode=mode_of_timm, mean=mean,
                                             interpolation=interpolation, normalize=False)
        assert math.floor(size / (size / resize_to)) == resize_to
        result = transform(image).numpy().transpose(1, 2, 0)
    else:
        target = resize_to if mode == "shortest" else [resize_to, resize_to]
        resized = TF.resize(image, target, TF.InterpolationMode(interpolation))
        result = hf_center_crop(np.array(resized), size)
    mean_text = " ".join(f"{m:.9g}" for m in mean)
    lines.append(f"pixels {name} {size} {mode} {resize_to} {rounding} {number} {mean_text} {crc(result)}")


def directory(endian, entries, values=b""):
    """A TIFF structure: entries of tag, type, count and four bytes, and what these point to, from offset 8 on."""
    packed = b"".join(struct.pack(endian + "HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries)
    return ((b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(endian + "I", 8 + len(values)) + values
            + struct.pack(endian + "H", len(entries)) + packed + bytes(4))


def make_orientations():
    """What Pillow makes of uncommon EXIF, in JPEG and PNG."""
    plain, to, le, be = jpeg(Image.fromarray(synthetic(24, 17))), 0x0112, "<", ">"
    short, elsewhere = struct.pack("<H", 6), struct.pack("<I", 8)
    for name, exif in (
            ("first", directory(le, [(to, 3, 1, short), (to, 3, 1, b"\3")])),
            ("first-value", directory(le, [(to, 3, 0, short), (to, 3, 1, b"\3")])),
            ("two-values", directory(be, [(to, 3, 2, struct.pack(">HH", 8, 1))])),
            ("many-values", directory(le, [(to, 4, 3, elsewhere)], struct.pack("<III", 5, 1, 1))),
            ("byte", directory(le, [(to, 1, 1, b"\6")])),
            ("ascii", directory(le, [(to, 2, 2, b"6")])),
            ("signed-byte", directory(le, [(to, 6, 1, b"\6")])),
            ("signed-short", directory(be, [(to, 8, 1, struct.pack(">h", 6))])),
            ("signed-long", directory(be, [(to, 9, 1, struct.pack(">i", 7))])),
            ("negative", directory(le, [(to, 8, 1, struct.pack("<h", -6))])),
            ("float", directory(le, [(to, 11, 1, struct.pack("<f", 3))])),
            ("broken-float", directory(le, [(to, 11, 1, struct.pack("<f", 3.5))])),
            ("double", directory(be, [(to, 12, 1, struct.pack(">I", 8))], struct.pack(">d", 5))),
            ("rational", directory(le, [(to, 5, 1, elsewhere)], struct.pack("<II", 12, 2))),
            ("signed-rational", directory(le, [(to, 10, 1, elsewhere)], struct.pack("<ii", -16, -2))),
            ("over-zero", directory(le, [(to, 5, 1, elsewhere)], struct.pack("<II", 6, 0))),
            ("ifd", directory(le, [(to, 13, 1, short)])),
            ("long8", directory(le, [(to, 16, 1, elsewhere)], struct.pack("<Q", 6))),
            ("unknown-type", directory(le, [(to, 14, 1, short), (to, 3, 1, b"\3")])),
            ("after-beyond", directory(le, [(0x010F, 2, 9, struct.pack("<I", 60)), (to, 3, 1, short)])),
            ("after-too-much", directory(le, [(0x010F, 2, 999, elsewhere), (to, 3, 1, short)])),
            ("swapped-magic", b"II\0*" + directory(le, [(to, 3, 1, short)])[4:])):
        accept(f"exif-{name}.jpg", tagged(plain, app1(b"Exif\0\0" + exif)), (1,))
    exif = tiff(6)
    accept("exif-in-pieces.jpg", tagged(plain, *(app1(b"Exif\0\0" + part) for part in (exif[:25], exif[25:]))), (1,))
    for orientation in (0, 9):
        accept(f"exif-{orientation}-over-xmp.jpg", tagged(plain, app1(b"Exif\0\0" + tiff(orientation)), app1(XMP % 6)),
               (1,))
    accept("exif-other-and-xmp.jpg", tagged(plain, app1(b"Exif\0\0" + tiff(6, tag=0x0113)), app1(XMP % 6)), (1,))

    out = io.BytesIO()
    Image.fromarray(synthetic(19, 13)).save(out, "PNG")
    start, end = out.getvalue()[:33], out.getvalue()[33:]
    lines_of_hex = b"Exif\0\0".hex(), exif.hex().upper(), ""
    profile = b"\nexif\n%8d\n" % (6 + len(exif)) + "\n".join(lines_of_hex).encode()
    word, xmp = b"Raw profile type exif\0", b"XML:com.adobe.xmp\0\1\0en\0x\0" + zlib.compress(XMP[29:] % 8)
    for name, chunks in (
            ("profile", chunk(b"tEXt", word + profile)),
            ("profile-deflated", chunk(b"zTXt", word + b"\0" + zlib.compress(profile))),
            ("profile-cut", chunk(b"zTXt", word + b"\0" + zlib.compress(profile)[:-5])),
            ("profile-damaged", chunk(b"zTXt", word + b"\0" + b"\xff" + zlib.compress(profile)) + chunk(b"iTXt", xmp)),
            ("profile-international", chunk(b"iTXt", word + b"\0\0en\0x\0" + profile)),
            ("over-profile", chunk(b"tEXt", word + profile) + chunk(b"eXIf", tiff(3))),
            ("twice", chunk(b"eXIf", tiff(6)) + chunk(b"eXIf", tiff(3))),
            ("text", chunk(b"tEXt", b"exif\0" + exif)),
            ("empty-and-xmp", chunk(b"eXIf", b"") + chunk(b"iTXt", xmp)),
            ("0-over-xmp", chunk(b"eXIf", tiff(0)) + chunk(b"iTXt", xmp))):
        accept(f"exif-{name}.png", start + chunks + end, (1,))


def make_pixels():
    half, imagenet = (0.5, 0.5, 0.5), (0.485, 0.456, 0.406)
    samples = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "samples").glob("*.jpg"))
    for i, name in enumerate(samples):
        accept(name)
        add_pixels(name, 224, "shortest", 248, "half_even", 3, half)
        add_pixels(name, 224, "squash", 224, "floor", 2, half)
        add_pixels(name, 160, "shortest", 195 if i % 2 else 193, ("half_even", "floor")[i // 2 % 2], 3, imagenet)
    for name in ("jpeg-420.jpg", "jpeg-30x900.jpg", "jpeg-1x1.jpg", "png-1x300.png", "png-300x1.png"):
        for rounding in ("half_even", "floor"):
            for mode in ("shortest", "squash"):
                for resize_to in (32, 35, 37, 29, 31, 48):
                    add_pixels(f"tests/pictures/{name}", 32, mode, resize_to, rounding, 3, imagenet)
    for name in ("jpeg-420.jpg", "png-type2-8bit.png", "jpeg-30x900.jpg", "jpeg-1x1.jpg"):
        for resize_to in (32, 35, 29, 40):
            add_pixels(f"tests/pictures/{name}", 32, "border", resize_to, "half_even", 3,
                       (imagenet, half)[resize_to % 2])


OUT.mkdir(exist_ok=True)
for old in OUT.iterdir():
    old.unlink()
make_jpegs()
make_pngs()
make_bmps()
make_others()
make_resizes()
make_pixels()
make_orientations()
(OUT / "manifest.txt").write_text("\n".join(lines) + "\n")
