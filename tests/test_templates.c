/* test_templates.c: the sentences that names of classes are put into. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/program.h"
#include "vit/network/templates.h"

static struct vit_error err;

static struct vit_templates load(const char *const *words, int n)
{
    struct vit_templates templates;
    cr_assert_eq(vit_templates_load(&templates, words, n, &err), VIT_OK, "%s", err.message);
    return templates;
}

static void refuse(const char *word, const char *why)
{
    struct vit_templates templates;
    cr_expect_neq(vit_templates_load(&templates, &word, 1, &err), VIT_OK, "%s", word);
    cr_expect(strstr(err.message, why), "%s: %s", word, err.message);
    vit_templates_free(&templates);
}

Test(templates, none_is_that_of_hugging_faces_pipeline)
{
    struct vit_templates templates = load(NULL, 0);
    cr_expect_eq(templates.n, 1);
    cr_expect_str_eq(templates.texts[0], "This is a photo of {}.");
    vit_templates_free(&templates);
}

Test(templates, sets_by_name)
{
    const char *const words[] = {"imagenet-80", "a {}", "imagenet-7"};
    struct vit_templates templates = load(words, 3);
    cr_expect_eq(templates.n, 88);
    cr_expect_str_eq(templates.texts[0], "a bad photo of a {}.");
    cr_expect_str_eq(templates.texts[79], "a tattoo of the {}.");
    cr_expect_str_eq(templates.texts[80], "a {}");
    cr_expect_str_eq(templates.texts[87], "a photo of the small {}.");
    for (int i = 0; i < 80; i++)
        for (int k = 0; k < i; k++)
            cr_expect_str_neq(templates.texts[i], templates.texts[k]);
    vit_templates_free(&templates);
}

Test(templates, lines_of_a_file)
{
    char *folder = folder_make(), *path = folder_write(folder, "templates.txt", "a {}\r\nthe {}, not {}\n");
    const char *words[] = {path};
    struct vit_templates templates = load(words, 1);
    cr_expect_eq(templates.n, 2);
    cr_expect_str_eq(templates.texts[0], "a {}");
    cr_expect_str_eq(templates.texts[1], "the {}, not {}");
    vit_templates_free(&templates);
    free(folder_write(folder, "templates.txt", "a {}\n\nthe {}\n"));
    refuse(path, "line 2");
    free(path);
    folder_remove(folder);
}

Test(templates, refusals_name_what_is_missing)
{
    refuse("a photo", "a photo: has no {}, and as a file");
    refuse("/", "has no {}, and as a file");
}

Test(templates, names_are_filled_in)
{
    static const struct {
        const char *text, *name, *filled;
    } cases[] = {{"a {}.", "cat", "a cat."},
                 {"{}", "cat", "cat"},
                 {"{}{}", "ab", "abab"},
                 {"{} or no {}?", "tea", "tea or no tea?"},
                 {"a {}", "{}", "a {}"},
                 {"{ } {}", "x", "{ } x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *filled = vit_templates_fill(cases[i].text, cases[i].name);
        cr_expect_str_eq(filled, cases[i].filled);
        free(filled);
    }
}
