/* choose.c: decisions that several families make alike. */
#include <math.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/canonical/arch.h"
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

vit_status vit_choose_heads(struct vit_weights *weights, const struct vit_arch_choice *arch, struct vit_settings *s,
                            const char *key, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    struct vit_report *report = &weights->report;
    int given = 0;
    if (arch->name) {
        snprintf(c->arch, sizeof c->arch, "%.*s", (int)strcspn(arch->name, "."), arch->name);
        vit_report_set(report, "arch", arch->source, "%s", arch->name);
    }
    if (s)
        VIT_TRY(vit_take_int(s, key, 1, c->width, &given, err));
    if (c->heads) {
        vit_report_set(report, "heads", "the tensors", "%d", c->heads);
    } else if (given && !(arch->known && strcmp(arch->source, "--arch") == 0)) {
        c->heads = given;
        vit_report_set(report, "heads", s->file, "%d", c->heads);
    } else if (arch->known) {
        if (arch->row.width != c->width)
            return vit_fail(err, VIT_ERR_DECODE, "%s is %d wide, the tensors are %d wide", arch->name, arch->row.width,
                            c->width);
        c->heads = arch->row.heads;
        vit_report_set(report, "heads", "the table of architectures", "%d", c->heads);
    } else if (c->width % HEAD_WIDTH == 0 && c->width <= WIDTH_MAX_ASSUMED) {
        c->heads = c->width / HEAD_WIDTH;
        vit_report_set(report, "heads", "64 wide, as in every common model of this width", "%d", c->heads);
    } else {
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "nothing says how many heads %d channels make: name the architecture "
                        "with --arch (--list-archs lists them)", c->width);
    }
    return VIT_OK;
}

int vit_square_side(int n)
{
    int64_t side = n > 0 ? lround(sqrt((double)n)) : 0;
    return side * side == n ? (int)side : 0;
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

vit_status vit_choose_act(struct vit_weights *weights, struct vit_settings *s, const char *key, const char *source,
                          struct vit_error *err)
{
    static const struct {
        const char *word;
        enum vit_act act;
    } words[] = {
        {"gelu", VIT_ACT_GELU_ERF},               {"gelu_python", VIT_ACT_GELU_ERF},
        {"gelu_new", VIT_ACT_GELU_TANH},          {"gelu_fast", VIT_ACT_GELU_TANH},
        {"gelu_pytorch_tanh", VIT_ACT_GELU_TANH}, {"gelu_tanh", VIT_ACT_GELU_TANH},
        {"quick_gelu", VIT_ACT_QUICK_GELU},       {"quickgelu", VIT_ACT_QUICK_GELU},
        {"silu", VIT_ACT_SILU},                   {"swish", VIT_ACT_SILU},
    };
    const char *word = NULL;
    size_t i = 0, n = sizeof words / sizeof *words;
    VIT_TRY(vit_take_string(s, key, &word, err));
    for (; word && i < n && strcmp(words[i].word, word) != 0; i++)
        ;
    if (i == n)
        return vit_settings_refuse(s, key, "not supported", err);
    if (word)
        weights->config.act = words[i].act;
    vit_report_set(&weights->report, "act", word ? s->file : source, "%s", vit_act_name(weights->config.act));
    return VIT_OK;
}

vit_status vit_choose_eps(struct vit_weights *weights, struct vit_settings *s, const char *key, const char *source,
                          struct vit_error *err)
{
    VIT_TRY(vit_take_real(s, key, &weights->config.eps, err));
    vit_report_set(&weights->report, "eps", vit_settings_source(s, key, source), "%g", weights->config.eps);
    return VIT_OK;
}
