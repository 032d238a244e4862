/* hf_clip_blocks.h: the names of a block in both towers of Hugging Face's CLIP and SigLIP. Private to weights/. */
#ifndef VIT_HF_CLIP_BLOCKS_H
#define VIT_HF_CLIP_BLOCKS_H

/* Rules (recipe.h) for the blocks whose names begin with layer, a literal with '#' for their number. */
#define VIT_HF_CLIP_BLOCKS(layer)                                                                                      \
    {.to = "blocks.#.norm1.*", .from = {layer "layer_norm1.*"}},                                                       \
    {.to = "blocks.#.attn.qkv.*",                                                                                      \
     .from = {layer "self_attn.q_proj.*", layer "self_attn.k_proj.*", layer "self_attn.v_proj.*"}},                    \
    {.to = "blocks.#.attn.proj.*", .from = {layer "self_attn.out_proj.*"}},                                            \
    {.to = "blocks.#.norm2.*", .from = {layer "layer_norm2.*"}},                                                       \
    {.to = "blocks.#.mlp.fc1.*", .from = {layer "mlp.fc1.*"}},                                                         \
    {.to = "blocks.#.mlp.fc2.*", .from = {layer "mlp.fc2.*"}}

#endif
