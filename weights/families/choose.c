/* choose.c: decisions that several families make alike. */
#include <math.h>
#include <string.h>

#include "weights/canonical/arch.h"
#include "weights/containers/json.h"
#include "weights/containers/limits.h"
#include "weights/families/family.h"

/* Wider models than this have heads of many widths: nothing can be assumed. */
enum { HEAD_WIDTH = 64, WIDTH_MAX_ASSUMED = 1024 };

vit_status vit_choose_arch(struct vit_arch_choice *choice, const struct vit_checkpoint *cp, const char *named,
                           const char *source, struct vit_error *err)
{
    *choice = (struct vit_arch_choice){.name = named, .source = source};
    if (cp->options->arch) {
        choice->name = cp->options->arch;
        choice->source = "--arch";
    }
    choice->known = choice->name && vit_arch_find(&choice->row, choice->name);
    if (cp->options->arch && !choice->known)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--arch %.100s: no such architecture; --list-archs lists them",
                        cp->options->arch);
    return VIT_OK;
}

vit_status vit_choose_heads(struct vit_weights *weights, const struct vit_arch_choice *arch, const json_t *object,
                            const char *key, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    if (c->width < 1 || c->patch < 1 || c->mlp < 1)
        return vit_fail(err, VIT_ERR_DECODE, "no width, patch or mlp can be told from the tensors");
    if (arch->name) {
        snprintf(c->arch, sizeof c->arch, "%.*s", (int)strcspn(arch->name, "."), arch->name);
        vit_report_set(&weights->report, "arch", arch->source, "%s", arch->name);
    }
    bool asked = arch->known && strcmp(arch->source, "--arch") == 0;
    if (!asked && vit_json_int(object, key, &c->heads)) {
        vit_report_set(&weights->report, "heads", "config.json", "%d", c->heads);
    } else if (arch->known) {
        if (arch->row.width != c->width)
            return vit_fail(err, VIT_ERR_DECODE, "%s is %d wide, the tensors are %d wide", arch->name, arch->row.width,
                            c->width);
        c->heads = arch->row.heads;
        vit_report_set(&weights->report, "heads", "the table of architectures", "%d", c->heads);
    } else if (c->width % HEAD_WIDTH == 0 && c->width <= WIDTH_MAX_ASSUMED) {
        c->heads = c->width / HEAD_WIDTH;
        vit_report_set(&weights->report, "heads", "64 wide, as in every common model of this width", "%d", c->heads);
    } else {
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "nothing says how many heads %d channels make: name the architecture "
                        "with --arch (--list-archs lists them)", c->width);
    }
    if (c->heads < 1 || c->heads > c->width)
        return vit_fail(err, VIT_ERR_DECODE, "%d heads of %d channels", c->heads, c->width);
    return VIT_OK;
}

int vit_square_side(int n)
{
    int side = n > 0 ? (int)lround(sqrt((double)n)) : 0;
    return side * side == n ? side : 0;
}

vit_status vit_choose_grid(struct vit_weights *weights, int rows, int prefix, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    int side = vit_square_side(rows - prefix);
    if (side == 0)
        return vit_fail(err, VIT_ERR_DECODE, "the position embedding: %d rows, less %d for other tokens, are no square "
                        "grid of patches", rows, prefix);
    if ((int64_t)side * c->patch > VIT_LIMIT_IMAGE_SIZE)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "%d x %d patches of side %d: pictures of at most %d a side are supported",
                        side, side, c->patch, VIT_LIMIT_IMAGE_SIZE);
    c->pos_grid[0] = c->pos_grid[1] = side;
    c->image_size = side * c->patch;
    return VIT_OK;
}

vit_status vit_choose_act(struct vit_weights *weights, const json_t *config, const char *fallback,
                          struct vit_error *err)
{
    static const struct {
        const char *word;
        enum vit_act act;
    } words[] = {
        {"gelu", VIT_ACT_GELU_ERF},           {"gelu_python", VIT_ACT_GELU_ERF},
        {"gelu_new", VIT_ACT_GELU_TANH},      {"gelu_fast", VIT_ACT_GELU_TANH},
        {"gelu_pytorch_tanh", VIT_ACT_GELU_TANH}, {"quick_gelu", VIT_ACT_QUICK_GELU},
        {"silu", VIT_ACT_SILU},               {"swish", VIT_ACT_SILU},
    };
    const char *word = fallback;
    bool there = vit_json_string(config, "hidden_act", &word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, word) == 0) {
            weights->config.act = words[i].act;
            vit_report_set(&weights->report, "act", there ? "config.json" : "the default of the family", "%s", word);
            return VIT_OK;
        }
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "config.json: hidden_act \"%.40s\" is not supported", word);
}

double vit_choose_real(struct vit_weights *weights, const char *name, const json_t *object, const char *key,
                       double fallback, const char *fallback_source)
{
    double value = fallback;
    bool there = vit_json_real(object, key, &value);
    vit_report_set(&weights->report, name, there ? "config.json" : fallback_source, "%g", value);
    return value;
}
