/* test_info.c: `vit info`, `vit convert`, and which model a command takes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/program.h"

#define BEE "samples/bee.jpg"
#define MODEL "weights/vit.safetensors"

Test(info, is_for_people)
{
    struct program p = RUN("info");
    program_expect(&p, 0, NULL);
    const char *const words[] = { MODEL, "architecture", "tokens", "encoder",
                                  "parameters", "in memory", "resize", "labels", "source" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        cr_assert(strstr(p.out, words[i]), "no %s in\n%s", words[i], p.out);
    cr_assert_null(strstr(p.out, "cls_token"));
    struct program tensors = RUN("info", "--tensors", MODEL);
    program_expect(&tensors, 0, NULL);
    cr_assert(strstr(tensors.out, "cls_token  [1, 1, "), "%s", tensors.out);
    program_free(&p);
    program_free(&tensors);
}

static size_t size_of(const json_t *object, const char *key)
{
    return json_array_size(json_object_get(object, key));
}

Test(info, json_holds_everything)
{
    struct program p = RUN("info", "-f", "json", "--tensors", "-m", MODEL);
    program_expect(&p, 0, NULL);
    json_t *info = program_json(&p);
    const json_t *config = json_object_get(info, "config"), *preprocess = json_object_get(info, "preprocess");
    cr_assert_eq(json_object_size(config), 26);
    cr_assert_eq(json_object_size(preprocess), 8);
    cr_assert_str_eq(json_string_value(json_object_get(config, "act")), "gelu_erf");
    cr_assert_eq(size_of(preprocess, "mean"), 3);
    cr_assert_eq((json_int_t)size_of(info, "labels"), json_integer_value(json_object_get(config, "classes")));
    cr_assert(json_is_object(json_object_get(info, "source")));

    json_int_t sum = 0;
    for (size_t i = 0; i < size_of(info, "tensors"); i++) {
        const json_t *tensor = json_array_get(json_object_get(info, "tensors"), i);
        json_int_t n = 1;
        for (size_t d = 0; d < size_of(tensor, "shape"); d++)
            n *= json_integer_value(json_array_get(json_object_get(tensor, "shape"), d));
        sum += n;
    }
    cr_assert(sum > 0);
    cr_assert_eq(sum, json_integer_value(json_object_get(info, "parameters")));
    /* Where there are tiles, f32 is three numbers in bf16 and bf16x2 is there at all. */
    const json_t *weight = json_object_get(info, "bytes_of_a_weight");
    json_int_t f32 = json_integer_value(json_object_get(weight, "f32")),
               two = json_integer_value(json_object_get(weight, "bf16x2"));
    cr_assert((f32 == 6 && two == 4) || (f32 == 4 && two == 0), "f32 takes %d, bf16x2 %d", (int)f32, (int)two);
    json_decref(info);
    program_free(&p);

    p = RUN("info", "-f", "json");
    program_expect(&p, 0, NULL);
    info = program_json(&p);
    cr_assert_null(json_object_get(info, "tensors"));
    json_decref(info);
    program_free(&p);
}

Test(info, takes_one_model)
{
    struct program p = RUN("info", MODEL, MODEL);
    program_expect(&p, 2, "name one model");
    program_free(&p);
    p = RUN("info", "-m", MODEL, MODEL);
    program_expect(&p, 2, "name one model");
    program_free(&p);
}

/* ---- Which model ---- */

Test(info, missing_or_damaged_model)
{
    char *folder = folder_make();
    char *cut = folder_copy(folder, "cut.safetensors", MODEL, 900), *empty = folder_write(folder, "empty", "");
    const char *const models[] = { cut, empty, "/tmp/vit-no-such-model" };
    const char *const commands[] = { "classify", "info" };
    for (size_t i = 0; i < 6; i++) {
        struct program p = RUN(commands[i % 2], "-m", models[i / 2], i % 2 ? "-ftext" : BEE);
        program_expect(&p, 2, models[i / 2]);
        cr_assert_str_empty(p.out);
        program_free(&p);
    }
    free(cut), free(empty);
    folder_remove(folder);
}

Test(info, variable_names_the_model)
{
    const char *const arguments[] = { "info", NULL };
    struct program p = { .arguments = arguments, VARIABLES("VIT_MODEL=/tmp/vit-no-such-model") };
    program_run(&p);
    program_expect(&p, 2, "/tmp/vit-no-such-model");
    program_free(&p);

    p = (struct program){ .arguments = arguments, VARIABLES("VIT_MODEL=") }; /* as if unset */
    program_run(&p);
    program_expect(&p, 0, NULL);
    program_free(&p);

    p = (struct program){ ARGUMENTS("info", "-m", MODEL), VARIABLES("VIT_MODEL=/tmp/vit-no-such-model") };
    program_run(&p);
    program_expect(&p, 0, NULL); /* the option wins */
    program_free(&p);
}

/* A copy of the program at folder/bin/vit, with the libraries that lie beside the original within its reach. */
static char *copy_program(const char *folder)
{
    char *bin;
    cr_assert(asprintf(&bin, "%s/bin", folder) > 0 && mkdir(bin, 0700) == 0);
    char *copy = folder_copy(bin, "vit", VIT_PROGRAM, -1);
    cr_assert_eq(chmod(copy, 0700), 0);
    if (access("build/deps", F_OK) == 0) {
        free(folder_link(bin, "deps", "build/deps"));
        free(folder_link(folder, "deps", "build/deps"));
    }
    free(bin);
    return copy;
}

Test(info, model_is_found_beside_the_program)
{
    char *folder = folder_make();
    char *copy = copy_program(folder), *share, *vit;
    struct program p = { ARGUMENTS("info"), .executable = copy };
    program_run(&p);
    program_expect(&p, 2, "no model: give one with -m or VIT_MODEL");
    program_free(&p);

    cr_assert(asprintf(&share, "%s/share", folder) > 0 && mkdir(share, 0700) == 0);
    cr_assert(asprintf(&vit, "%s/share/vit", folder) > 0 && mkdir(vit, 0700) == 0);
    free(folder_link(vit, "vit.safetensors", MODEL));
    p = (struct program){ ARGUMENTS("info"), .executable = copy };
    program_run(&p);
    program_expect(&p, 0, NULL);
    program_free(&p);
    free(copy), free(share), free(vit);
    folder_remove(folder);
}

/* ---- convert ---- */

Test(info, convert_writes_an_equal_model_once)
{
    char *folder = folder_make(), *out;
    cr_assert(asprintf(&out, "%s/out.safetensors", folder) > 0);
    struct program p = RUN("convert", MODEL, "-o", out);
    program_expect(&p, 0, out);
    program_free(&p);
    p = RUN("convert", MODEL, "-o", out);
    program_expect(&p, 2, out); /* it exists */
    program_free(&p);
    p = RUN("convert", "-q", MODEL, "--force", "-o", out);
    program_expect(&p, 0, NULL);
    cr_assert_str_empty(p.err);
    program_free(&p);

    struct program before = RUN("classify", "-f", "jsonl", BEE), after = RUN("classify", "-f", "jsonl", BEE, "-m", out);
    program_expect(&before, 0, NULL);
    program_expect(&after, 0, NULL);
    cr_assert_str_eq(before.out, after.out);
    program_free(&before);
    program_free(&after);
    free(out);
    folder_remove(folder);
}

Test(info, convert_wants_one_checkpoint_and_a_target)
{
    struct program p = RUN("convert", MODEL);
    program_expect(&p, 2, "-o OUT.safetensors");
    program_free(&p);
    p = RUN("convert", "-o", "/tmp/vit-never-made.safetensors");
    program_expect(&p, 2, "name one checkpoint");
    program_free(&p);
    p = RUN("convert", MODEL, MODEL, "-o", "/tmp/vit-never-made.safetensors");
    program_expect(&p, 2, "name one checkpoint");
    program_free(&p);
}
