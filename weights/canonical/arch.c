/* arch.c: the table of architectures. The names are those of timm, and behind them some that others publish under.
 *
 * Where a row and a checkpoint's tensors differ, the tensors hold; the table gives what no tensor shows (heads,
 * epsilon, activation) and whole configurations to benchmark. */
#include "weights/canonical/arch.h"

#include <stdio.h>
#include <string.h>

enum trait {
    PLAIN = 0,         /* CLS token, positions for it and the patches, norm before pooling, exact GELU, eps 1e-6 */
    NOCLS = 1 << 0,    /* no CLS token */
    DIST = 1 << 1,     /* distillation token and a second head */
    CLIP = 1 << 2,     /* norm before the first block, no bias of the patches, eps 1e-5 */
    QUICK = 1 << 3,    /* quick GELU */
    TANH = 1 << 4,     /* tanh GELU */
    SWIGLU = 1 << 5,
    SCALE = 1 << 6,    /* layer scale */
    NOQKVB = 1 << 7,   /* no bias of q, k, v */
    AVG = 1 << 8,      /* pooling: mean of the patches */
    MAP = 1 << 9,      /* pooling: attention */
    AFTER = 1 << 10,   /* final norm behind the pooling */
    NONORM = 1 << 11,  /* no final norm */
    PATCHPOS = 1 << 12, /* positions for the patches only */
    REGPOS = 1 << 13   /* positions for registers and patches */
};

static const struct row {
    const char *name;
    int width, depth, heads, mlp, patch, image_size, classes, n_reg;
    int traits;
} rows[] = {
    {"eva_large_patch14_196", 1024, 24, 16, 4096, 14, 196, 1000, 0, AVG | AFTER},
    {"eva_large_patch14_336", 1024, 24, 16, 4096, 14, 336, 1000, 0, AVG | AFTER},
    {"flexivit_base", 768, 12, 12, 3072, 16, 240, 1000, 0, PATCHPOS},
    {"flexivit_large", 1024, 24, 16, 4096, 16, 240, 1000, 0, PATCHPOS},
    {"flexivit_small", 384, 12, 6, 1536, 16, 240, 1000, 0, PATCHPOS},
    {"test_vit", 64, 6, 2, 192, 16, 160, 1000, 0, PLAIN},
    {"test_vit2", 64, 8, 2, 192, 16, 160, 1000, 1, NOCLS | SCALE | AVG | AFTER | REGPOS},
    {"test_vit3", 96, 9, 3, 192, 16, 160, 1000, 1, NOCLS | SCALE | MAP | REGPOS},
    {"vit_base_patch14_dinov2", 768, 12, 12, 3072, 14, 518, 0, 0, SCALE},
    {"vit_base_patch14_reg1_tipsv2", 768, 12, 12, 3072, 14, 448, 0, 1, SCALE | PATCHPOS},
    {"vit_base_patch14_reg4_dinov2", 768, 12, 12, 3072, 14, 518, 0, 4, SCALE | PATCHPOS},
    {"vit_base_patch16_224", 768, 12, 12, 3072, 16, 224, 1000, 0, PLAIN},
    {"vit_base_patch16_224_miil", 768, 12, 12, 3072, 16, 224, 11221, 0, NOQKVB},
    {"vit_base_patch16_384", 768, 12, 12, 3072, 16, 384, 1000, 0, PLAIN},
    {"vit_base_patch16_clip_224", 768, 12, 12, 3072, 16, 224, 1000, 0, CLIP},
    {"vit_base_patch16_clip_384", 768, 12, 12, 3072, 16, 384, 1000, 0, CLIP},
    {"vit_base_patch16_clip_quickgelu_224", 768, 12, 12, 3072, 16, 224, 512, 0, CLIP | QUICK},
    {"vit_base_patch16_gap_224", 768, 12, 16, 3072, 16, 224, 1000, 0, NOCLS | AVG},
    {"vit_base_patch16_plus_240", 896, 12, 14, 3584, 16, 240, 1000, 0, SCALE},
    {"vit_base_patch16_plus_clip_240", 896, 12, 14, 3584, 16, 240, 640, 0, CLIP},
    {"vit_base_patch16_reg4_gap_256", 768, 12, 12, 3072, 16, 256, 1000, 4, NOCLS | AVG | AFTER | PATCHPOS},
    {"vit_base_patch16_siglip_224", 768, 12, 12, 3072, 16, 224, 0, 0, NOCLS | MAP},
    {"vit_base_patch16_siglip_256", 768, 12, 12, 3072, 16, 256, 0, 0, NOCLS | MAP},
    {"vit_base_patch16_siglip_384", 768, 12, 12, 3072, 16, 384, 0, 0, NOCLS | MAP},
    {"vit_base_patch16_siglip_512", 768, 12, 12, 3072, 16, 512, 0, 0, NOCLS | MAP},
    {"vit_base_patch16_siglip_gap_224", 768, 12, 12, 3072, 16, 224, 0, 0, NOCLS | AVG},
    {"vit_base_patch16_siglip_gap_256", 768, 12, 12, 3072, 16, 256, 0, 0, NOCLS | AVG},
    {"vit_base_patch16_siglip_gap_384", 768, 12, 12, 3072, 16, 384, 0, 0, NOCLS | AVG},
    {"vit_base_patch16_siglip_gap_512", 768, 12, 12, 3072, 16, 512, 0, 0, NOCLS | AVG},
    {"vit_base_patch32_224", 768, 12, 12, 3072, 32, 224, 1000, 0, PLAIN},
    {"vit_base_patch32_384", 768, 12, 12, 3072, 32, 384, 1000, 0, PLAIN},
    {"vit_base_patch32_clip_224", 768, 12, 12, 3072, 32, 224, 1000, 0, CLIP},
    {"vit_base_patch32_clip_256", 768, 12, 12, 3072, 32, 256, 512, 0, CLIP},
    {"vit_base_patch32_clip_384", 768, 12, 12, 3072, 32, 384, 1000, 0, CLIP},
    {"vit_base_patch32_clip_448", 768, 12, 12, 3072, 32, 448, 1000, 0, CLIP},
    {"vit_base_patch32_clip_quickgelu_224", 768, 12, 12, 3072, 32, 224, 512, 0, CLIP | QUICK},
    {"vit_base_patch32_plus_256", 896, 12, 14, 3584, 32, 256, 1000, 0, SCALE},
    {"vit_base_patch32_siglip_256", 768, 12, 12, 3072, 32, 256, 0, 0, NOCLS | TANH | MAP},
    {"vit_base_patch32_siglip_gap_256", 768, 12, 12, 3072, 32, 256, 0, 0, NOCLS | TANH | AVG},
    {"vit_base_patch8_224", 768, 12, 12, 3072, 8, 224, 1000, 0, PLAIN},
    {"vit_betwixt_patch16_gap_256", 640, 12, 10, 2560, 16, 256, 1000, 0, NOCLS | SCALE | NOQKVB | AVG},
    {"vit_betwixt_patch16_reg1_gap_256", 640, 12, 10, 2560, 16, 256, 1000, 1, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_betwixt_patch16_reg4_gap_256", 640, 12, 10, 2560, 16, 256, 1000, 4, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_betwixt_patch16_reg4_gap_384", 640, 12, 10, 2560, 16, 384, 1000, 4, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_betwixt_patch32_clip_224", 640, 12, 10, 2560, 32, 224, 512, 0, CLIP},
    {"vit_giant_patch14_224", 1408, 40, 16, 6144, 14, 224, 1000, 0, PLAIN},
    {"vit_giant_patch14_clip_224", 1408, 40, 16, 6144, 14, 224, 1024, 0, CLIP},
    {"vit_giant_patch14_dinov2", 1536, 40, 24, 4096, 14, 518, 0, 0, SWIGLU | SCALE},
    {"vit_giant_patch14_reg1_tipsv2", 1536, 40, 24, 4096, 14, 448, 0, 1, SWIGLU | SCALE | PATCHPOS},
    {"vit_giant_patch14_reg4_dinov2", 1536, 40, 24, 4096, 14, 518, 0, 4, SWIGLU | SCALE | PATCHPOS},
    {"vit_giant_patch16_gap_224", 1408, 40, 16, 6144, 16, 224, 0, 0, NOCLS | AVG},
    {"vit_giantopt_patch16_siglip_256", 1536, 40, 16, 6144, 16, 256, 0, 0, NOCLS | TANH | MAP},
    {"vit_giantopt_patch16_siglip_384", 1536, 40, 16, 6144, 16, 384, 0, 0, NOCLS | TANH | MAP},
    {"vit_giantopt_patch16_siglip_gap_256", 1536, 40, 16, 6144, 16, 256, 0, 0, NOCLS | TANH | AVG},
    {"vit_giantopt_patch16_siglip_gap_384", 1536, 40, 16, 6144, 16, 384, 0, 0, NOCLS | TANH | AVG},
    {"vit_gigantic_patch14_224", 1664, 48, 16, 8192, 14, 224, 1000, 0, PLAIN},
    {"vit_gigantic_patch14_clip_224", 1664, 48, 16, 8192, 14, 224, 1280, 0, CLIP},
    {"vit_gigantic_patch14_clip_378", 1664, 48, 16, 8192, 14, 378, 1280, 0, CLIP},
    {"vit_gigantic_patch14_clip_quickgelu_224", 1664, 48, 16, 8192, 14, 224, 1280, 0, CLIP | QUICK},
    {"vit_huge_patch14_224", 1280, 32, 16, 5120, 14, 224, 0, 0, PLAIN},
    {"vit_huge_patch14_clip_224", 1280, 32, 16, 5120, 14, 224, 1000, 0, CLIP},
    {"vit_huge_patch14_clip_336", 1280, 32, 16, 5120, 14, 336, 1000, 0, CLIP},
    {"vit_huge_patch14_clip_378", 1280, 32, 16, 5120, 14, 378, 1024, 0, CLIP},
    {"vit_huge_patch14_clip_quickgelu_224", 1280, 32, 16, 5120, 14, 224, 1024, 0, CLIP | QUICK},
    {"vit_huge_patch14_clip_quickgelu_378", 1280, 32, 16, 5120, 14, 378, 1024, 0, CLIP | QUICK},
    {"vit_huge_patch14_gap_224", 1280, 32, 16, 5120, 14, 224, 0, 0, NOCLS | AVG},
    {"vit_huge_patch16_gap_448", 1280, 32, 16, 5120, 16, 448, 0, 0, NOCLS | AVG},
    {"vit_intern300m_patch14_448", 1024, 24, 16, 4096, 14, 448, 0, 0, SCALE | NONORM},
    {"vit_large_patch14_224", 1024, 24, 16, 4096, 14, 224, 1000, 0, PLAIN},
    {"vit_large_patch14_clip_224", 1024, 24, 16, 4096, 14, 224, 1000, 0, CLIP},
    {"vit_large_patch14_clip_336", 1024, 24, 16, 4096, 14, 336, 1000, 0, CLIP},
    {"vit_large_patch14_clip_quickgelu_224", 1024, 24, 16, 4096, 14, 224, 768, 0, CLIP | QUICK},
    {"vit_large_patch14_clip_quickgelu_336", 1024, 24, 16, 4096, 14, 336, 768, 0, CLIP | QUICK},
    {"vit_large_patch14_dinov2", 1024, 24, 16, 4096, 14, 518, 0, 0, SCALE},
    {"vit_large_patch14_reg1_tipsv2", 1024, 24, 16, 4096, 14, 448, 0, 1, SCALE | PATCHPOS},
    {"vit_large_patch14_reg4_dinov2", 1024, 24, 16, 4096, 14, 518, 0, 4, SCALE | PATCHPOS},
    {"vit_large_patch16_224", 1024, 24, 16, 4096, 16, 224, 1000, 0, PLAIN},
    {"vit_large_patch16_384", 1024, 24, 16, 4096, 16, 384, 1000, 0, PLAIN},
    {"vit_large_patch16_siglip_256", 1024, 24, 16, 4096, 16, 256, 0, 0, NOCLS | MAP},
    {"vit_large_patch16_siglip_384", 1024, 24, 16, 4096, 16, 384, 0, 0, NOCLS | MAP},
    {"vit_large_patch16_siglip_512", 1024, 24, 16, 4096, 16, 512, 0, 0, NOCLS | TANH | MAP},
    {"vit_large_patch16_siglip_gap_256", 1024, 24, 16, 4096, 16, 256, 0, 0, NOCLS | AVG},
    {"vit_large_patch16_siglip_gap_384", 1024, 24, 16, 4096, 16, 384, 0, 0, NOCLS | AVG},
    {"vit_large_patch16_siglip_gap_512", 1024, 24, 16, 4096, 16, 512, 0, 0, NOCLS | TANH | AVG},
    {"vit_large_patch32_224", 1024, 24, 16, 4096, 32, 224, 0, 0, PLAIN},
    {"vit_large_patch32_384", 1024, 24, 16, 4096, 32, 384, 1000, 0, PLAIN},
    {"vit_little_patch16_reg1_gap_256", 320, 14, 5, 1792, 16, 256, 1000, 1, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_little_patch16_reg4_gap_256", 320, 14, 5, 1792, 16, 256, 1000, 4, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_medium_patch16_clip_224", 512, 12, 8, 2048, 16, 224, 512, 0, CLIP},
    {"vit_medium_patch16_gap_240", 512, 12, 8, 2048, 16, 240, 11821, 0, NOCLS | SCALE | NOQKVB | AVG},
    {"vit_medium_patch16_gap_256", 512, 12, 8, 2048, 16, 256, 1000, 0, NOCLS | SCALE | NOQKVB | AVG},
    {"vit_medium_patch16_gap_384", 512, 12, 8, 2048, 16, 384, 1000, 0, NOCLS | SCALE | NOQKVB | AVG},
    {"vit_medium_patch16_reg1_gap_256", 512, 12, 8, 2048, 16, 256, 1000, 1, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_medium_patch16_reg4_gap_256", 512, 12, 8, 2048, 16, 256, 1000, 4, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_medium_patch32_clip_224", 512, 12, 8, 2048, 32, 224, 512, 0, CLIP},
    {"vit_mediumd_patch16_reg4_gap_256", 512, 20, 8, 2048, 16, 256, 1000, 4, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_mediumd_patch16_reg4_gap_384", 512, 20, 8, 2048, 16, 384, 1000, 4, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_small_patch14_dinov2", 384, 12, 6, 1536, 14, 518, 0, 0, SCALE},
    {"vit_small_patch14_reg4_dinov2", 384, 12, 6, 1536, 14, 518, 0, 4, SCALE | PATCHPOS},
    {"vit_small_patch16_224", 384, 12, 6, 1536, 16, 224, 1000, 0, PLAIN},
    {"vit_small_patch16_36x1_224", 384, 36, 6, 1536, 16, 224, 1000, 0, SCALE},
    {"vit_small_patch16_384", 384, 12, 6, 1536, 16, 384, 1000, 0, PLAIN},
    {"vit_small_patch32_224", 384, 12, 6, 1536, 32, 224, 1000, 0, PLAIN},
    {"vit_small_patch32_384", 384, 12, 6, 1536, 32, 384, 1000, 0, PLAIN},
    {"vit_small_patch8_224", 384, 12, 6, 1536, 8, 224, 0, 0, PLAIN},
    {"vit_so150m2_patch16_reg1_gap_256", 832, 21, 13, 2176, 16, 256, 1000, 1,
     NOCLS | SCALE | NOQKVB | AVG | AFTER | REGPOS},
    {"vit_so150m2_patch16_reg1_gap_384", 832, 21, 13, 2176, 16, 384, 1000, 1,
     NOCLS | SCALE | NOQKVB | AVG | AFTER | REGPOS},
    {"vit_so150m2_patch16_reg1_gap_448", 832, 21, 13, 2176, 16, 448, 1000, 1,
     NOCLS | SCALE | NOQKVB | AVG | AFTER | REGPOS},
    {"vit_so150m_patch16_reg4_gap_256", 896, 18, 14, 2304, 16, 256, 1000, 4, NOCLS | AVG | REGPOS},
    {"vit_so150m_patch16_reg4_gap_384", 896, 18, 14, 2304, 16, 384, 1000, 4, NOCLS | AVG | REGPOS},
    {"vit_so400m_patch14_reg1_tipsv2", 1152, 27, 16, 4304, 14, 448, 0, 1, SCALE | PATCHPOS},
    {"vit_so400m_patch14_siglip_224", 1152, 27, 16, 4304, 14, 224, 0, 0, NOCLS | MAP},
    {"vit_so400m_patch14_siglip_378", 1152, 27, 16, 4304, 14, 378, 0, 0, NOCLS | MAP},
    {"vit_so400m_patch14_siglip_gap_224", 1152, 27, 16, 4304, 14, 224, 0, 0, NOCLS | AVG},
    {"vit_so400m_patch14_siglip_gap_378", 1152, 27, 16, 4304, 14, 378, 0, 0, NOCLS | AVG},
    {"vit_so400m_patch14_siglip_gap_448", 1152, 27, 16, 4304, 14, 448, 0, 0, NOCLS | AVG},
    {"vit_so400m_patch14_siglip_gap_896", 1152, 27, 16, 4304, 14, 896, 0, 0, NOCLS | AVG},
    {"vit_so400m_patch16_siglip_256", 1152, 27, 16, 4304, 16, 256, 0, 0, NOCLS | TANH | MAP},
    {"vit_so400m_patch16_siglip_384", 1152, 27, 16, 4304, 16, 384, 0, 0, NOCLS | TANH | MAP},
    {"vit_so400m_patch16_siglip_512", 1152, 27, 16, 4304, 16, 512, 0, 0, NOCLS | TANH | MAP},
    {"vit_so400m_patch16_siglip_gap_256", 1152, 27, 16, 4304, 16, 256, 0, 0, NOCLS | TANH | AVG},
    {"vit_so400m_patch16_siglip_gap_384", 1152, 27, 16, 4304, 16, 384, 0, 0, NOCLS | TANH | AVG},
    {"vit_so400m_patch16_siglip_gap_512", 1152, 27, 16, 4304, 16, 512, 0, 0, NOCLS | TANH | AVG},
    {"vit_tiny_patch16_224", 192, 12, 3, 768, 16, 224, 1000, 0, PLAIN},
    {"vit_tiny_patch16_384", 192, 12, 3, 768, 16, 384, 1000, 0, PLAIN},
    {"vit_wee_patch16_reg1_gap_256", 256, 14, 4, 1280, 16, 256, 1000, 1, NOCLS | SCALE | AVG | AFTER | PATCHPOS},
    {"vit_xsmall_patch16_clip_224", 256, 10, 4, 1024, 16, 224, 512, 0, CLIP},
    {"deit3_base_patch16_224", 768, 12, 12, 3072, 16, 224, 1000, 0, SCALE | PATCHPOS},
    {"deit3_base_patch16_384", 768, 12, 12, 3072, 16, 384, 1000, 0, SCALE | PATCHPOS},
    {"deit3_huge_patch14_224", 1280, 32, 16, 5120, 14, 224, 1000, 0, SCALE | PATCHPOS},
    {"deit3_large_patch16_224", 1024, 24, 16, 4096, 16, 224, 1000, 0, SCALE | PATCHPOS},
    {"deit3_large_patch16_384", 1024, 24, 16, 4096, 16, 384, 1000, 0, SCALE | PATCHPOS},
    {"deit3_medium_patch16_224", 512, 12, 8, 2048, 16, 224, 1000, 0, SCALE | PATCHPOS},
    {"deit3_small_patch16_224", 384, 12, 6, 1536, 16, 224, 1000, 0, SCALE | PATCHPOS},
    {"deit3_small_patch16_384", 384, 12, 6, 1536, 16, 384, 1000, 0, SCALE | PATCHPOS},
    {"deit_base_distilled_patch16_224", 768, 12, 12, 3072, 16, 224, 1000, 0, DIST},
    {"deit_base_distilled_patch16_384", 768, 12, 12, 3072, 16, 384, 1000, 0, DIST},
    {"deit_base_patch16_224", 768, 12, 12, 3072, 16, 224, 1000, 0, PLAIN},
    {"deit_base_patch16_384", 768, 12, 12, 3072, 16, 384, 1000, 0, PLAIN},
    {"deit_small_distilled_patch16_224", 384, 12, 6, 1536, 16, 224, 1000, 0, DIST},
    {"deit_small_patch16_224", 384, 12, 6, 1536, 16, 224, 1000, 0, PLAIN},
    {"deit_tiny_distilled_patch16_224", 192, 12, 3, 768, 16, 224, 1000, 0, DIST},
    {"deit_tiny_patch16_224", 192, 12, 3, 768, 16, 224, 1000, 0, PLAIN},
    /* torchvision, facebook's DINOv2, OpenCLIP */
    {"vit_b_16", 768, 12, 12, 3072, 16, 224, 1000, 0, PLAIN},
    {"vit_b_32", 768, 12, 12, 3072, 32, 224, 1000, 0, PLAIN},
    {"vit_l_16", 1024, 24, 16, 4096, 16, 224, 1000, 0, PLAIN},
    {"vit_l_32", 1024, 24, 16, 4096, 32, 224, 1000, 0, PLAIN},
    {"vit_h_14", 1280, 32, 16, 5120, 14, 224, 1000, 0, PLAIN},
    {"dinov2_vits14", 384, 12, 6, 1536, 14, 518, 0, 0, SCALE},
    {"dinov2_vits14_reg", 384, 12, 6, 1536, 14, 518, 0, 4, SCALE},
    {"dinov2_vitb14", 768, 12, 12, 3072, 14, 518, 0, 0, SCALE},
    {"dinov2_vitb14_reg", 768, 12, 12, 3072, 14, 518, 0, 4, SCALE},
    {"dinov2_vitl14", 1024, 24, 16, 4096, 14, 518, 0, 0, SCALE},
    {"dinov2_vitl14_reg", 1024, 24, 16, 4096, 14, 518, 0, 4, SCALE},
    {"dinov2_vitg14", 1536, 40, 24, 4096, 14, 518, 0, 0, SWIGLU | SCALE},
    {"dinov2_vitg14_reg", 1536, 40, 24, 4096, 14, 518, 0, 4, SWIGLU | SCALE},
    {"ViT-B-32", 768, 12, 12, 3072, 32, 224, 512, 0, CLIP},
    {"ViT-B-16", 768, 12, 12, 3072, 16, 224, 512, 0, CLIP},
    {"ViT-L-14", 1024, 24, 16, 4096, 14, 224, 768, 0, CLIP},
    {"ViT-L-14-336", 1024, 24, 16, 4096, 14, 336, 768, 0, CLIP},
    {"ViT-H-14", 1280, 32, 16, 5120, 14, 224, 1024, 0, CLIP},
    {"ViT-g-14", 1408, 40, 16, 6144, 14, 224, 1024, 0, CLIP},
    {"ViT-bigG-14", 1664, 48, 16, 8192, 14, 224, 1280, 0, CLIP},
    {"ViT-B-32-quickgelu", 768, 12, 12, 3072, 32, 224, 512, 0, CLIP | QUICK},
    {"ViT-B-16-quickgelu", 768, 12, 12, 3072, 16, 224, 512, 0, CLIP | QUICK},
    {"ViT-L-14-quickgelu", 1024, 24, 16, 4096, 14, 224, 768, 0, CLIP | QUICK},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

int vit_arch_count(void)
{
    return N_ROWS;
}

const char *vit_arch_name(int i)
{
    return rows[i].name;
}

static enum vit_act act_of(int traits)
{
    if (traits & SWIGLU)
        return VIT_ACT_SILU;
    return traits & QUICK ? VIT_ACT_QUICK_GELU : traits & TANH ? VIT_ACT_GELU_TANH : VIT_ACT_GELU_ERF;
}

static enum vit_pos_covers covers_of(int traits)
{
    if (traits & REGPOS)
        return VIT_POS_REG;
    if (traits & (PATCHPOS | NOCLS))
        return VIT_POS_PATCHES;
    return traits & DIST ? VIT_POS_CLS_DIST : VIT_POS_CLS;
}

static enum vit_pool pool_of(int traits)
{
    if (traits & DIST)
        return VIT_POOL_CLS_DIST_MEAN;
    return traits & AVG ? VIT_POOL_AVG : traits & MAP ? VIT_POOL_MAP : VIT_POOL_TOKEN;
}

static struct vit_config config_of(const struct row *r)
{
    int grid = r->image_size / r->patch, t = r->traits;
    struct vit_config c = {
        .width = r->width,
        .depth = r->depth,
        .heads = r->heads,
        .mlp = r->mlp,
        .patch = r->patch,
        .image_size = r->image_size,
        .classes = r->classes,
        .eps = t & CLIP ? 1e-5 : 1e-6,
        .act = act_of(t),
        .swiglu = t & SWIGLU,
        .qkv_bias = !(t & NOQKVB),
        .layer_scale = t & SCALE,
        .pre_norm = t & CLIP,
        .cls = !(t & NOCLS),
        .dist = t & DIST,
        .n_reg = r->n_reg,
        .pool = pool_of(t),
        .norm_place = t & NONORM ? VIT_NORM_NONE : t & AFTER ? VIT_NORM_AFTER : VIT_NORM_BEFORE,
        .pos_covers = covers_of(t),
        .pos_grid = {grid, grid},
        .pos_resize = strncmp(r->name, "flexivit", 8) == 0 ? VIT_POS_RESIZE_BILINEAR : VIT_POS_RESIZE_BICUBIC_AA,
    };
    snprintf(c.arch, sizeof c.arch, "%s", r->name);
    return c;
}

bool vit_arch_find(struct vit_config *config, const char *name)
{
    size_t n = strcspn(name, ".");
    for (int i = 0; i < N_ROWS; i++) {
        if (strncmp(rows[i].name, name, n) == 0 && rows[i].name[n] == '\0') {
            *config = config_of(&rows[i]);
            return true;
        }
    }
    return false;
}
