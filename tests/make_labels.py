#!/usr/bin/env python3
"""Makes weights/imagenet_1k.c: the names of ImageNet-1k's classes, from the package data of timm.

    python3 tests/make_labels.py > weights/imagenet_1k.c

Needs the very version below: pip install timm==1.0.31
"""
import json

import timm
from timm.data import ImageNetInfo

assert timm.__version__ == "1.0.31", timm.__version__

HEADER = """/* imagenet_1k.c: ids and names of ImageNet-1k's 1000 classes, in the order of every published classifier.
 *
 * Made by tests/make_labels.py from the package data of timm 1.0.31 (Copyright Ross Wightman, Apache License 2.0). The ids
 * are those of WordNet's noun synsets and the names are their lemmas:
 * WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved. The WordNet licence permits use, copying,
 * modification and distribution of its data for any purpose and without fee, with this notice, and comes without
 * warranty: https://wordnet.princeton.edu/license-and-commercial-use */
#include "weights/labels.h"

const struct vit_label vit_imagenet_1k[VIT_IMAGENET_1K] = {"""

info = ImageNetInfo("imagenet-1k")
print(HEADER)
for i in range(1000):
    synset = info.index_to_label_name(i)
    print("    {%s, %s}," % (json.dumps(synset), json.dumps(info.label_name_to_description(synset, detailed=False))))
print("};")
