/* vit_b16.h: a ViT-B/16 for ImageNet-1k as it is downloaded, but for the numbers in it. */
#ifndef VIT_TESTS_VIT_B16_H
#define VIT_TESTS_VIT_B16_H

/* Writes config.json and model.safetensors (346 MB) into the folder: those of timm's release whose name, shapes and
 * answer tests/make_vit_b16.py wrote down. */
void vit_b16_write(const char *folder);

#endif
