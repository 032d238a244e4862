/* recipe.c: finds the rule for a canonical tensor, checks the parts that it names, and carries it out. */
#include "weights/families/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "weights/canonical/layout.h"

enum { SPELLED_MAX = 256 };

/* ---- Names ---- */

/* What '#' and '*' stood for in a canonical name. */
struct match {
    int block; /* -1: there is none */
    const char *word;
};

static bool match_name(const char *pattern, const char *name, struct match *match)
{
    *match = (struct match){-1, ""};
    for (; *pattern; pattern++) {
        if (*pattern == '#') {
            char *end;
            match->block = (int)strtol(name, &end, 10);
            if (end == name)
                return false;
            name = end;
        } else if (*pattern == '*') {
            match->word = name;
            return strcmp(name, "weight") == 0 || strcmp(name, "bias") == 0;
        } else if (*pattern != *name++) {
            return false;
        }
    }
    return *name == '\0';
}

static void spell_name(char name[SPELLED_MAX], const char *pattern, const struct match *match)
{
    size_t n = 0;
    for (; *pattern && n < SPELLED_MAX - 1; pattern++) {
        if (*pattern == '#')
            n += (size_t)snprintf(name + n, SPELLED_MAX - n, "%d", match->block);
        else if (*pattern == '*')
            n += (size_t)snprintf(name + n, SPELLED_MAX - n, "%s", match->word);
        else
            name[n++] = *pattern;
    }
    name[n < SPELLED_MAX ? n : SPELLED_MAX - 1] = '\0';
}

/* ---- Shapes ---- */

/* The shape that a part must have. */
static struct vit_tensor expect(const struct vit_recipe *recipe, const struct vit_tensor *tensor,
                                const struct vit_config *config)
{
    struct vit_tensor want = *tensor;
    const int64_t *s = tensor->shape;
    int64_t NH = config->heads, HD = config->width / config->heads;
    want.shape[0] /= recipe->n_parts ? recipe->n_parts : 1;
    switch (recipe->change) {
    case VIT_AS_IS:
    case VIT_SQUEEZED:
    case VIT_ZERO:
    case VIT_SAME_NAME: break;
    case VIT_TRANSPOSED: want.shape[0] = s[1], want.shape[1] = s[0]; break;
    case VIT_HWIO: want.shape[0] = s[2], want.shape[1] = s[3], want.shape[2] = s[1], want.shape[3] = s[0]; break;
    case VIT_FIRST_THIRD: want.shape[0] = 3 * s[0]; break;
    case VIT_LAST_THIRDS: want.shape[0] = s[0] / 2 * 3; break;
    case VIT_HEADS: want.n_dims = 2, want.shape[0] = NH, want.shape[1] = HD; break;
    case VIT_HEADS_OUT: want.n_dims = 3, want.shape[0] = s[1], want.shape[1] = NH, want.shape[2] = HD; break;
    case VIT_HEADS_IN: want.n_dims = 3, want.shape[0] = NH, want.shape[1] = HD, want.shape[2] = s[0]; break;
    }
    if (recipe->slice >= 0) {
        memmove(want.shape + 1, want.shape, (size_t)want.n_dims * sizeof *want.shape);
        want.shape[0] = config->depth;
        want.n_dims++;
    }
    return want;
}

static struct vit_tensor squeeze(const struct vit_tensor *tensor)
{
    struct vit_tensor t = *tensor;
    t.n_dims = 0;
    for (int i = 0; i < tensor->n_dims; i++)
        if (tensor->shape[i] != 1)
            t.shape[t.n_dims++] = tensor->shape[i];
    return t;
}

static bool same_shape(const struct vit_tensor *a, const struct vit_tensor *b)
{
    return a->n_dims == b->n_dims && memcmp(a->shape, b->shape, (size_t)a->n_dims * sizeof *a->shape) == 0;
}

static vit_status check_part(const struct vit_recipe *recipe, int part, struct vit_tensor *tensor,
                             const struct vit_config *config, struct vit_error *err)
{
    const struct vit_tensor *have = vit_source_tensor(recipe->source, recipe->parts[part]);
    struct vit_tensor want = expect(recipe, tensor, config), a = squeeze(have), b = squeeze(&want);
    char found[128], expected[128];
    if (recipe->change == VIT_SQUEEZED ? !same_shape(&a, &b) : !same_shape(have, &want))
        return vit_fail(err, VIT_ERR_DECODE, "%s: shape %s, expected %s", have->name,
                        vit_shape_text(found, sizeof found, have->n_dims, have->shape),
                        vit_shape_text(expected, sizeof expected, want.n_dims, want.shape));
    if (!vit_dtype_is_float(have->dtype))
        return vit_fail(err, VIT_ERR_DECODE, "%s: type %s, expected a floating-point type", have->name,
                        vit_dtype_name(have->dtype));
    if (part > 0 && have->dtype != tensor->dtype)
        return vit_fail(err, VIT_ERR_DECODE, "%s: type %s, but %s has type %s", have->name, vit_dtype_name(have->dtype),
                        vit_source_tensor(recipe->source, recipe->parts[0])->name, vit_dtype_name(tensor->dtype));
    tensor->dtype = have->dtype;
    return VIT_OK;
}

/* ---- Finding ---- */

/* Whether all parts of the rule are there; fills recipe's parts. missing is the name of the first that is not. */
static bool find_parts(struct vit_recipe *recipe, const struct vit_rule *rule, const struct match *match,
                       const struct vit_checkpoint *cp, char missing[SPELLED_MAX])
{
    *recipe = (struct vit_recipe){.source = cp->source, .change = rule->change,
                                  .slice = rule->stacked ? match->block : -1};
    for (int i = 0; i < VIT_RECIPE_PARTS && rule->from[i]; i++) {
        char name[SPELLED_MAX];
        spell_name(name, rule->from[i], match);
        recipe->parts[i] = vit_checkpoint_find(cp, name);
        if (recipe->parts[i] < 0) {
            memcpy(missing, name, SPELLED_MAX);
            return false;
        }
        recipe->n_parts++;
    }
    if (rule->change == VIT_ZERO)
        recipe->n_parts = 0;
    return true;
}

vit_status vit_recipe_find(struct vit_recipe *recipe, struct vit_tensor *tensor, const struct vit_rule *rules,
                           const struct vit_checkpoint *cp, const struct vit_config *config, struct vit_error *err)
{
    char missing[SPELLED_MAX] = "", name[SPELLED_MAX], expected[128];
    for (; rules->to || rules->change == VIT_SAME_NAME; rules++) {
        struct match match = {-1, ""};
        struct vit_rule rule = *rules;
        if (rule.change == VIT_SAME_NAME)
            rule = (struct vit_rule){.from = {tensor->name}};
        else if (!match_name(rule.to, tensor->name, &match))
            continue;
        if (find_parts(recipe, &rule, &match, cp, name)) {
            if (rule.change == VIT_ZERO)
                tensor->dtype = vit_source_tensor(cp->source, recipe->parts[0])->dtype;
            for (int part = 0; part < recipe->n_parts; part++)
                VIT_TRY(check_part(recipe, part, tensor, config, err));
            return VIT_OK;
        }
        if (!*missing) {
            memcpy(missing, name, sizeof missing);
            struct vit_tensor want = expect(recipe, tensor, config);
            vit_shape_text(expected, sizeof expected, want.n_dims, want.shape);
        }
    }
    if (!*missing)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: checkpoints of this family have none", tensor->name);
    return vit_fail(err, VIT_ERR_DECODE, "%s: missing, expected shape %s", missing, expected);
}

/* ---- Reading ---- */

enum { TILE = 16 }; /* elements a side: what one tile reads and writes stays in the cache */

#define REVERSE(type)                                                                                                  \
    for (size_t b = 0; b < B; b++)                                                                                     \
        for (size_t a = at_a; a < A && a < at_a + TILE; a++)                                                           \
            for (size_t c = at_c; c < C && c < at_c + TILE; c++)                                                       \
    ((type *)dst)[(c * B + b) * A + a] = ((const type *)src)[(a * B + b) * C + c]

/* dst (C, B, A) = src (A, B, C), of elements of size bytes. */
static void reverse_axes(void *dst, const void *src, size_t size, size_t A, size_t B, size_t C)
{
    for (size_t at_a = 0; at_a < A; at_a += TILE) {
        for (size_t at_c = 0; at_c < C; at_c += TILE) {
            switch (size) {
            case 2: REVERSE(uint16_t); break;
            case 4: REVERSE(uint32_t); break;
            default: REVERSE(uint64_t); break;
            }
        }
    }
}

/* Puts one part, as it lies in the file, in canonical order. want is the canonical shape of the part. */
static void rearrange(const struct vit_recipe *recipe, const struct vit_tensor *want, void *dst, const void *src)
{
    size_t size = vit_dtype_size(want->dtype), count = (size_t)vit_tensor_count(want);
    size_t rows = (size_t)want->shape[0];
    switch (recipe->change) {
    case VIT_TRANSPOSED:
    case VIT_HEADS_OUT:
    case VIT_HEADS_IN: reverse_axes(dst, src, size, count / rows, 1, rows); break;
    case VIT_HWIO:
        reverse_axes(dst, src, size, (size_t)(want->shape[2] * want->shape[3]), (size_t)want->shape[1], rows);
        break;
    default: memcpy(dst, src, count * size); break;
    }
}

static bool lies_ready(const struct vit_recipe *recipe)
{
    return recipe->slice < 0 &&
           (recipe->change == VIT_AS_IS || recipe->change == VIT_SQUEEZED || recipe->change == VIT_HEADS);
}

static vit_status read_part(const struct vit_recipe *recipe, int part, const struct vit_tensor *want, void *dst,
                            struct vit_error *err)
{
    if (lies_ready(recipe))
        return vit_source_read(recipe->source, recipe->parts[part], dst, err);
    const struct vit_tensor *have = vit_source_tensor(recipe->source, recipe->parts[part]);
    size_t size = vit_dtype_size(want->dtype), bytes = (size_t)vit_tensor_count(have) * size;
    size_t skip = (size_t)vit_tensor_count(want) * size; /* bytes of raw in front of what is wanted */
    if (recipe->change == VIT_LAST_THIRDS)
        skip /= 2;
    else
        skip *= recipe->slice < 0 ? 0 : (size_t)recipe->slice;
    char *raw = malloc(bytes ? bytes : 1);
    if (!raw)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory for %zu bytes", have->name, bytes);
    vit_status status = vit_source_read(recipe->source, recipe->parts[part], raw, err);
    if (status == VIT_OK)
        rearrange(recipe, want, dst, raw + skip);
    free(raw);
    return status;
}

vit_status vit_recipe_read(const struct vit_recipe *recipe, const struct vit_tensor *tensor, void *dst,
                           struct vit_error *err)
{
    if (recipe->n_parts == 0) {
        memset(dst, 0, (size_t)vit_tensor_count(tensor) * vit_dtype_size(tensor->dtype));
        return VIT_OK;
    }
    struct vit_tensor want = *tensor;
    want.shape[0] /= recipe->n_parts;
    size_t bytes = (size_t)vit_tensor_count(&want) * vit_dtype_size(want.dtype);
    for (int i = 0; i < recipe->n_parts; i++)
        VIT_TRY(read_part(recipe, i, &want, (char *)dst + (size_t)i * bytes, err));
    return VIT_OK;
}

vit_status vit_recipe_read_rows(const struct vit_recipe *recipe, const struct vit_tensor *tensor, const int *rows, int n,
                                void *dst, struct vit_error *err)
{
    if (recipe->n_parts == 1 && recipe->change == VIT_AS_IS && recipe->slice < 0)
        return vit_source_read_rows(recipe->source, recipe->parts[0], rows, n, dst, err);
    size_t bytes = (size_t)vit_tensor_count(tensor) * vit_dtype_size(tensor->dtype);
    size_t row = tensor->shape[0] ? bytes / (size_t)tensor->shape[0] : 0;
    char *whole = malloc(bytes ? bytes : 1);
    if (!whole)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory for %zu bytes", tensor->name, bytes);
    vit_status status = vit_recipe_read(recipe, tensor, whole, err);
    for (int i = 0; status == VIT_OK && i < n; i++)
        memcpy((char *)dst + (size_t)i * row, whole + (size_t)rows[i] * row, row);
    free(whole);
    return status;
}
