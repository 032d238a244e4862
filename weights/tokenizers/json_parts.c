/* json_parts.c: the steps before and after the model of a tokenizer.json, compared with those that a recipe does. */
#include "weights/tokenizers/json_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is known ---- */

/* A step as JSON. A step of the file is this one when each of its keys is here, with the same value or with null, which
 * stands for any; and none of those that are not null lacks. */
struct known {
    const char *json;
    bool needed; /* it has to be there, and the needed ones in this order; else it changes nothing after the cleaning */
};

#define SPLIT(pattern)                                                                                                 \
    "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" pattern "\"}, \"behavior\": \"Removed\", \"invert\": true}"
#define CLIP_WORDS "'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+"
#define CLIP_TOKENS "<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|"
#define SPACES_TO_MARKS "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\u2581\"}"
#define WHITE_TO_SPACE "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\s+\"}, \"content\": \" \"}"
#define OUTER_SPACES "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\A +| +\\\\z\"}, \"content\": \"\"}"
#define DOUBLE_SPACE(to) "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \"" to "\"}"
#define METASPACE(more) "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"str_rep\": null" more "}"

static const struct known clip_normalizers[] = {
    {"{\"type\": \"NFC\"}", true},
    {WHITE_TO_SPACE, true},
    {"{\"type\": \"Lowercase\"}", true},
    {NULL, false},
};
static const struct known clip_splits[] = {
    {SPLIT(CLIP_WORDS), false},
    {SPLIT(CLIP_TOKENS CLIP_WORDS), false},
    {"{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": null, \"use_regex\": null}", true},
    {NULL, false},
};
static const struct known siglip_normalizers[] = {
    {"{\"type\": \"Precompiled\", \"precompiled_charsmap\": null}", false},
    {"{\"type\": \"Lowercase\"}", false},
    {"{\"type\": \"Strip\", \"strip_left\": null, \"strip_right\": null}", false},
    {WHITE_TO_SPACE, false},
    {OUTER_SPACES, false},
    {SPACES_TO_MARKS, false},
    {DOUBLE_SPACE(" "), false},
    {DOUBLE_SPACE("\u2581"), false},
    {NULL, false},
};
static const struct known siglip_splits[] = {
    {"{\"type\": \"WhitespaceSplit\"}", false},
    {METASPACE(", \"add_prefix_space\": true"), false},
    {METASPACE(", \"add_prefix_space\": null, \"prepend_scheme\": \"always\", \"split\": null"), false},
    {METASPACE(", \"add_prefix_space\": null, \"prepend_scheme\": \"first\", \"split\": null"), false},
    {NULL, false},
};
static const struct known siglip2_normalizers[] = {
    {"{\"type\": \"Lowercase\"}", false},
    {SPACES_TO_MARKS, true},
    {NULL, false},
};
static const struct known siglip2_splits[] = {
    {"{\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, \"behavior\": \"MergedWithPrevious\", \"invert\": false}",
     false},
    {NULL, false},
};

static const struct {
    const struct vit_recipe *recipe;
    const struct known *normalizers, *splits;
} known[] = {
    {&vit_clip, clip_normalizers, clip_splits},
    {&vit_siglip, siglip_normalizers, siglip_splits},
    {&vit_siglip2, siglip2_normalizers, siglip2_splits},
};

/* ---- Normalizer and pre_tokenizer ---- */

static bool is_known(const json_t *part, const char *text)
{
    json_t *step = json_loads(text, 0, NULL), *value;
    bool same = json_is_object(part) && step;
    const char *key;
    json_object_foreach((json_t *)part, key, value)
    {
        json_t *expected = json_object_get(step, key);
        same = same && expected && (json_is_null(expected) || json_equal(value, expected));
    }
    json_object_foreach(step, key, value) same = same && (json_is_null(value) || json_object_get(part, key));
    json_decref(step);
    return same;
}

static vit_status refuse(const char *what, const json_t *part, const char *why, struct vit_error *err)
{
    char *text = json_dumps(part, JSON_COMPACT | JSON_ENCODE_ANY);
    vit_status status = vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %.160s%s: %s", what, text ? text : "",
                                 text && strlen(text) > 160 ? "..." : "", why);
    free(text);
    return status;
}

const json_t *vit_json_part(const json_t *part, const char *members, size_t i)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    if (type && strcmp(type, "Sequence") == 0)
        return json_array_get(json_object_get(part, members), i);
    return i == 0 && !json_is_null(part) ? part : NULL;
}

static const struct known *next_needed(const struct known *steps)
{
    while (steps->json && !steps->needed)
        steps++;
    return steps;
}

static vit_status check_steps(const json_t *root, const char *what, const char *members, const struct known *steps,
                              struct vit_error *err)
{
    const json_t *whole = json_object_get(root, what), *part;
    const struct known *needed = next_needed(steps);
    for (size_t i = 0; (part = vit_json_part(whole, members, i)); i++) {
        const struct known *step = steps;
        while (step->json && !is_known(part, step->json))
            step++;
        if (!step->json || (step->needed && step != needed))
            return refuse(what, part, step->json ? "not in this place" : "not understood", err);
        needed = step->needed ? next_needed(step + 1) : needed;
    }
    return needed->json ? refuse(what, whole, "it lacks a step of the recipe", err) : VIT_OK;
}

/* ---- post_processor ---- */

/* The token of a step of a template; -1: it is none. */
static int template_token(const json_t *processor, const json_t *step)
{
    const char *name = json_string_value(json_object_get(json_object_get(step, "SpecialToken"), "id"));
    const json_t *ids =
        json_object_get(name ? json_object_get(json_object_get(processor, "special_tokens"), name) : NULL, "ids");
    const json_t *id = json_array_size(ids) == 1 ? json_array_get(ids, 0) : NULL;
    return json_is_integer(id) ? (int)json_integer_value(id) : -1;
}

static int roberta_token(const json_t *processor, const char *key)
{
    const json_t *id = json_array_get(json_object_get(processor, key), 1);
    return json_is_integer(id) ? (int)json_integer_value(id) : -1;
}

static bool is_recipes_template(const struct vit_tokenizer *t, const json_t *processor)
{
    const json_t *single = json_object_get(processor, "single");
    size_t begin = t->begin >= 0, n = json_array_size(single);
    return n == begin + 2 && (!begin || template_token(processor, json_array_get(single, 0)) == t->begin) &&
           json_object_get(json_array_get(single, begin), "Sequence") &&
           template_token(processor, json_array_get(single, begin + 1)) == t->end;
}

static vit_status check_ends(const struct vit_tokenizer *t, const json_t *root, struct vit_error *err)
{
    const json_t *processor = json_object_get(root, "post_processor");
    const char *type = json_string_value(json_object_get(processor, "type"));
    if (!processor || json_is_null(processor))
        return VIT_OK;
    bool right = false;
    if (type && strcmp(type, "RobertaProcessing") == 0)
        right = roberta_token(processor, "cls") == t->begin && roberta_token(processor, "sep") == t->end;
    else if (type && strcmp(type, "TemplateProcessing") == 0)
        right = is_recipes_template(t, processor);
    return right ? VIT_OK : refuse("post_processor", processor, "other tokens around a text than the recipe's", err);
}

/* ---- Cutting and filling up: how far is the caller's to say ---- */

static vit_status check_side(const struct vit_tokenizer *t, const json_t *root, const char *what, struct vit_error *err)
{
    const json_t *part = json_object_get(root, what), *fill = json_object_get(part, "pad_id");
    const char *side = json_string_value(json_object_get(part, "direction"));
    if (side && strcmp(side, "Right") != 0)
        return refuse(what, part, "only on the right", err);
    if (fill && t->fill >= 0 && json_integer_value(fill) != t->fill)
        return refuse(what, part, "not the recipe's token", err);
    return VIT_OK;
}

vit_status vit_json_parts_check(const struct vit_tokenizer *t, const json_t *root, struct vit_error *err)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].recipe != t->recipe)
            continue;
        VIT_TRY(check_steps(root, "normalizer", "normalizers", known[i].normalizers, err));
        VIT_TRY(check_steps(root, "pre_tokenizer", "pretokenizers", known[i].splits, err));
    }
    VIT_TRY(check_ends(t, root, err));
    VIT_TRY(check_side(t, root, "truncation", err));
    return check_side(t, root, "padding", err);
}
