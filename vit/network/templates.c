/* templates.c: templates by name, from a file, or as they are given. */
#include "vit/network/templates.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/file.h"
#include "vit/base/limits.h"

/* The two sets that OpenAI published with CLIP for ImageNet; the second gives nearly the accuracy of the first. */
static const char *const imagenet_80[] = {"a bad photo of a {}.",
                                          "a photo of many {}.",
                                          "a sculpture of a {}.",
                                          "a photo of the hard to see {}.",
                                          "a low resolution photo of the {}.",
                                          "a rendering of a {}.",
                                          "graffiti of a {}.",
                                          "a bad photo of the {}.",
                                          "a cropped photo of the {}.",
                                          "a tattoo of a {}.",
                                          "the embroidered {}.",
                                          "a photo of a hard to see {}.",
                                          "a bright photo of a {}.",
                                          "a photo of a clean {}.",
                                          "a photo of a dirty {}.",
                                          "a dark photo of the {}.",
                                          "a drawing of a {}.",
                                          "a photo of my {}.",
                                          "the plastic {}.",
                                          "a photo of the cool {}.",
                                          "a close-up photo of a {}.",
                                          "a black and white photo of the {}.",
                                          "a painting of the {}.",
                                          "a painting of a {}.",
                                          "a pixelated photo of the {}.",
                                          "a sculpture of the {}.",
                                          "a bright photo of the {}.",
                                          "a cropped photo of a {}.",
                                          "a plastic {}.",
                                          "a photo of the dirty {}.",
                                          "a jpeg corrupted photo of a {}.",
                                          "a blurry photo of the {}.",
                                          "a photo of the {}.",
                                          "a good photo of the {}.",
                                          "a rendering of the {}.",
                                          "a {} in a video game.",
                                          "a photo of one {}.",
                                          "a doodle of a {}.",
                                          "a close-up photo of the {}.",
                                          "a photo of a {}.",
                                          "the origami {}.",
                                          "the {} in a video game.",
                                          "a sketch of a {}.",
                                          "a doodle of the {}.",
                                          "a origami {}.",
                                          "a low resolution photo of a {}.",
                                          "the toy {}.",
                                          "a rendition of the {}.",
                                          "a photo of the clean {}.",
                                          "a photo of a large {}.",
                                          "a rendition of a {}.",
                                          "a photo of a nice {}.",
                                          "a photo of a weird {}.",
                                          "a blurry photo of a {}.",
                                          "a cartoon {}.",
                                          "art of a {}.",
                                          "a sketch of the {}.",
                                          "a embroidered {}.",
                                          "a pixelated photo of a {}.",
                                          "itap of the {}.",
                                          "a jpeg corrupted photo of the {}.",
                                          "a good photo of a {}.",
                                          "a plushie {}.",
                                          "a photo of the nice {}.",
                                          "a photo of the small {}.",
                                          "a photo of the weird {}.",
                                          "the cartoon {}.",
                                          "art of the {}.",
                                          "a drawing of the {}.",
                                          "a photo of the large {}.",
                                          "a black and white photo of a {}.",
                                          "the plushie {}.",
                                          "a dark photo of a {}.",
                                          "itap of a {}.",
                                          "graffiti of the {}.",
                                          "a toy {}.",
                                          "itap of my {}.",
                                          "a photo of a cool {}.",
                                          "a photo of a small {}.",
                                          "a tattoo of the {}.",
                                          NULL};
static const char *const imagenet_7[] = {"itap of a {}.",
                                         "a bad photo of the {}.",
                                         "a origami {}.",
                                         "a photo of the large {}.",
                                         "a {} in a video game.",
                                         "art of the {}.",
                                         "a photo of the small {}.",
                                         NULL};
static const char *const usual[] = {"This is a photo of {}.", NULL};

static vit_status add(struct vit_templates *templates, const char *text, size_t length, struct vit_error *err)
{
    if (templates->n == VIT_LIMIT_TEMPLATES)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "more than %d templates", VIT_LIMIT_TEMPLATES);
    char **grown = realloc(templates->texts, (size_t)(templates->n + 1) * sizeof *grown);
    if (!grown)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for templates");
    templates->texts = grown;
    grown[templates->n] = strndup(text, length);
    if (!grown[templates->n])
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for templates");
    if (!strstr(grown[templates->n++], "{}"))
        return vit_fail(err, VIT_ERR_DECODE, "\"%.200s\": no {}, where the name of a class goes",
                        templates->texts[templates->n - 1]);
    return VIT_OK;
}

static vit_status add_set(struct vit_templates *templates, const char *const *set, struct vit_error *err)
{
    for (; *set; set++)
        VIT_TRY(add(templates, *set, strlen(*set), err));
    return VIT_OK;
}

static vit_status add_lines(struct vit_templates *templates, const char *text, size_t size, struct vit_error *err)
{
    if (memchr(text, '\0', size))
        return vit_fail(err, VIT_ERR_DECODE, "not a text file");
    for (int number = 1; *text; number++) {
        size_t length = strcspn(text, "\n"), kept = length > 0 && text[length - 1] == '\r' ? length - 1 : length;
        vit_status status = add(templates, text, kept, err);
        if (status != VIT_OK)
            return vit_context(err, status, "line %d", number);
        text += length + (text[length] == '\n');
    }
    return VIT_OK;
}

static vit_status add_file(struct vit_templates *templates, const char *path, struct vit_error *err)
{
    void *text = NULL;
    size_t size;
    vit_status status = vit_file_load(path, VIT_LIMIT_TEMPLATE_FILE, &text, &size, err);
    if (status == VIT_OK)
        status = add_lines(templates, text, size, err);
    free(text);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "template %s: has no {}, and as a file", path);
}

static vit_status add_word(struct vit_templates *templates, const char *word, struct vit_error *err)
{
    if (strstr(word, "{}"))
        return add(templates, word, strlen(word), err);
    if (strcmp(word, "imagenet-80") == 0)
        return add_set(templates, imagenet_80, err);
    if (strcmp(word, "imagenet-7") == 0)
        return add_set(templates, imagenet_7, err);
    return add_file(templates, word, err);
}

vit_status vit_templates_load(struct vit_templates *templates, const char *const *words, int n, struct vit_error *err)
{
    *templates = (struct vit_templates){0};
    if (n == 0)
        return add_set(templates, usual, err);
    for (int i = 0; i < n; i++)
        VIT_TRY(add_word(templates, words[i], err));
    return VIT_OK;
}

void vit_templates_free(struct vit_templates *templates)
{
    for (int i = 0; i < templates->n; i++)
        free(templates->texts[i]);
    free(templates->texts);
    *templates = (struct vit_templates){0};
}

char *vit_templates_fill(const char *text, const char *name)
{
    size_t size = strlen(text) + 1;
    for (const char *at = text; (at = strstr(at, "{}")); at += 2)
        size += strlen(name);
    char *filled = malloc(size), *to = filled;
    for (const char *at; filled && (at = strstr(text, "{}")); text = at + 2) {
        to = (char *)mempcpy(to, text, (size_t)(at - text));
        to = stpcpy(to, name);
    }
    if (filled)
        strcpy(to, text);
    return filled;
}
