/* test_options.c: what the command line accepts, what it refuses and how, and that the help tells the truth. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/program.h"

#define BEE "samples/bee.jpg"

static void expect_refused(const char *part, const char *const *arguments)
{
    struct program p = { .arguments = arguments };
    program_run(&p);
    program_expect(&p, 2, part);
    cr_assert_str_empty(p.out, "stdout holds data: %s", p.out);
    program_free(&p);
}

#define REFUSED(part, ...) expect_refused(part, (const char *const[]){ __VA_ARGS__, NULL })

Test(options, program_alone_prints_usage_as_an_error)
{
    struct program p = { .arguments = (const char *const[]){ NULL } };
    program_run(&p);
    program_expect(&p, 2, "Usage:");
    cr_assert_str_empty(p.out);
    program_free(&p);
}

Test(options, help_is_data)
{
    const char *const ways[][3] = { { "--help" }, { "-h" }, { "help" }, { "help", "classify" },
                                    { "classify", "--help" }, { "info", "-h" }, { "convert", "--help" } };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct program p = { .arguments = ways[i] };
        program_run(&p);
        program_expect(&p, 0, NULL);
        cr_assert(strstr(p.out, "Usage:") && strstr(p.out, ways[i][1] ? "--help " : "classify"), "%s", p.out);
        cr_assert_str_empty(p.err);
        program_free(&p);
    }
}

Test(options, help_fits_a_terminal_of_80_columns)
{
    const char *const commands[] = { "help", "classify", "embed", "similar", "info", "convert", "bench" };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct program p = RUN(commands[i], i == 0 ? NULL : "--help");
        program_expect(&p, 0, NULL);
        for (char *line = strtok(p.out, "\n"); line; line = strtok(NULL, "\n"))
            cr_assert(strlen(line) <= 80, "%zu columns: %s", strlen(line), line);
        program_free(&p);
    }
}

Test(options, version_names_everything)
{
    const char *const ways[][3] = { { "--version" }, { "-V" }, { "version" }, { "classify", "--version" } };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct program p = { .arguments = ways[i] };
        program_run(&p);
        program_expect(&p, 0, NULL);
        cr_assert(strstr(p.out, "vit ") && strstr(p.out, "commit ") && strstr(p.out, "oneDNN ")
                      && strstr(p.out, "instruction set "), "%s", p.out);
        program_free(&p);
    }
}

/* An argument that every option of the help takes, by the way the help shows its argument. */
static const char *some_argument(const char *shown, char *room)
{
    if (strcmp(shown, "M") == 0 || strcmp(shown, "F") == 0)
        return "/tmp/vit-no-such-file";
    if (strcmp(shown, "P") == 0)
        return "0.5";
    if (strcmp(shown, "R,G,B") == 0)
        return "0.5,0.5,0.5";
    if (shown[0] == 'N')
        return "1";
    memcpy(room, shown, strcspn(shown, "|")); /* the first of the words */
    room[strcspn(shown, "|")] = '\0';
    return room;
}

/* Tries one line of the help, "  -k, --top-k N|all   ..."; --help after it ends the parsing before anything is done. */
static void try_option(const char *command, const char *line)
{
    char name[64], argument[64] = "", room[64], attached[192];
    const char *dashes = strstr(line, "--");
    cr_assert(dashes && sscanf(dashes, "%63s", name) == 1, "%s", line);
    if (dashes[strlen(name) + 1] != ' ')
        sscanf(dashes + strlen(name), " %63[^ \n]", argument);
    const char *value = argument[0] ? some_argument(argument, room) : NULL;
    snprintf(attached, sizeof attached, "%s%s%s", name, value ? "=" : "", value ? value : "");
    struct program p = RUN(command, attached, "--help");
    program_expect(&p, 0, NULL);
    program_free(&p);
    if (value) {
        p = RUN(command, name, value, "--help");
        program_expect(&p, 0, NULL);
        program_free(&p);
    }
    if (line[2] == '-' && line[3] != '-') {
        char letter[] = { '-', line[3], '\0' };
        p = RUN(command, letter, value ? value : "--help", "--help");
        program_expect(&p, 0, NULL);
        program_free(&p);
    }
}

Test(options, every_option_of_the_help_is_accepted)
{
    const char *const commands[] = { "classify", "embed", "similar", "info", "convert", "bench" };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct program help = RUN(commands[i], "--help");
        program_expect(&help, 0, NULL);
        int n = 0;
        for (char *line = strtok(help.out, "\n"); line; line = strtok(NULL, "\n")) {
            if (strncmp(line, "  -", 3) == 0 || strncmp(line, "      --", 8) == 0) {
                try_option(commands[i], line);
                n++;
            }
        }
        cr_assert(n >= 5, "only %d options of %s found", n, commands[i]);
        program_free(&help);
    }
}

Test(options, unknown_words_get_a_hint)
{
    REFUSED("did you mean classify?", "clasify", BEE);
    REFUSED("vit classify samples/bee.jpg", BEE);
    REFUSED("unknown command xyzzy", "xyzzy");
    REFUSED("unknown command xyzzy", "help", "xyzzy");
    REFUSED("did you mean --threads?", "classify", "--thraeds", "2", BEE);
    REFUSED("did you mean --image-size, --batch-size, --max-file-size?", "classify", "--size", "9", BEE);
    REFUSED("did you mean --max-pixels?", "classify", "--pixels", "9", BEE);
    REFUSED("unknown option --zzzzzz", "classify", "--zzzzzz", BEE);
    REFUSED("unknown option -z", "classify", "-z", BEE);
    REFUSED("--tensors is not an option of this command", "classify", "--tensors", BEE);
    REFUSED("-k is not an option of this command", "info", "-k", "1");
}

Test(options, what_other_programs_have_gets_a_hint)
{
    REFUSED("did you mean --format json?", "classify", "--json", BEE);
    REFUSED("did you mean --format csv?", "bench", "--csv");
    REFUSED("--device; vit computes on the CPU", "classify", "--device", "cuda", BEE);
    REFUSED("-i; pictures and folders are named without an option", "classify", "-i", BEE);
    REFUSED("--image; pictures and folders are named without an option", "classify", "--image", BEE);
    REFUSED("hf download google/vit-base-patch16-224 --local-dir vit-base-patch16-224", "classify", "-m",
            "google/vit-base-patch16-224", BEE);
    REFUSED("hf download google/vit --local-dir vit", "info", "https://huggingface.co/google/vit");
    REFUSED("curl -LO 'https://example.com/x.pth'", "convert", "https://example.com/x.pth", "-o", "x.safetensors");
    REFUSED("vit: tests/nothing: cannot open: No such file", "classify", "-m", "tests/nothing", BEE);
}

/* As getopt_long takes them. */
Test(options, beginning_of_a_name_is_enough_when_it_is_of_one)
{
    struct program whole = RUN("classify", "-f", "csv", "--top-k", "2", "--batch-size", "3", "samples");
    struct program p = RUN("classify", "--form=csv", "--top", "2", "--batch", "3", "samples");
    program_expect(&p, 0, NULL);
    cr_assert_str_eq(p.out, whole.out);
    program_free(&p), program_free(&whole);
    REFUSED("--thr is ambiguous: --threshold, --threads", "classify", "--thr", "2", BEE);
    REFUSED("--quiet takes no argument", "classify", "--qui=yes", BEE);
    REFUSED("unknown option --", "classify", "--=5", BEE);
}

Test(options, numbers_are_strict)
{
    REFUSED("--top-k 0: expected a whole number from 1 to 1000000, or all", "classify", "-k", "0", BEE);
    REFUSED("--top-k -1:", "classify", "-k-1", BEE);
    REFUSED("--top-k 5x:", "classify", "-k5x", BEE);
    REFUSED("--top-k :", "classify", "--top-k=", BEE);
    REFUSED("--top-k  5:", "classify", "-k", " 5", BEE);
    REFUSED("--threads 99999: expected a whole number from 1 to 4096", "classify", "-t", "99999", BEE);
    REFUSED("--batch-size 99999999999999999999:", "classify", "-b", "99999999999999999999", BEE);
    REFUSED("--max-pixels 1X:", "classify", "--max-pixels", "1X", BEE);
    REFUSED("--max-file-size 9999999999G:", "classify", "--max-file-size=9999999999G", BEE);
    REFUSED("--threshold nan: expected a number", "classify", "--threshold", "nan", BEE);
    REFUSED("--threshold 0x1: expected a number", "classify", "--threshold", "0x1", BEE);
    REFUSED("--threshold 50: a probability is at most 1", "classify", "--threshold", "50", BEE);
    REFUSED("--format xml: expected one of text|json|jsonl|csv|tsv", "classify", "-f", "xml", BEE);
    REFUSED("--format js:", "classify", "-f", "js", BEE);
    REFUSED("--scores probs:", "classify", "--scores=probs", BEE);
    REFUSED("--top-k needs an argument: N|all", "classify", BEE, "-k");
    REFUSED("--quiet takes no argument", "classify", "--quiet=yes", BEE);
}

Test(options, nothing_to_classify)
{
    REFUSED("nothing to classify", "classify");
    REFUSED("nothing to classify", "classify", "-k", "3");
    REFUSED("nothing to classify", "classify", "--");
    REFUSED("stdin can be given only once", "classify", "-", BEE, "-");
}

Test(options, may_stand_anywhere_and_be_joined)
{
    struct program plain = RUN("classify", "-f", "csv", "-k", "2", BEE);
    program_expect(&plain, 0, NULL);
    cr_assert_eq(program_lines(&plain), 3, "%s", plain.out);
    struct program p[] = {
        RUN("classify", BEE, "--format=csv", "--top-k=2"),
        RUN("classify", "-fcsv", BEE, "-qk2"),
        RUN("classify", "-k", "all", "--top-k", "2", "-f", "csv", "--", BEE),
        RUN("classify", "-qvf", "csv", "-k2", "--max-pixels", "90K", "--max-file-size", "1M", BEE),
    };
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
        program_expect(&p[i], 0, NULL);
        cr_assert_str_eq(p[i].out, plain.out, "way %zu", i);
        program_free(&p[i]);
    }
    program_free(&plain);
}

Test(options, environment_is_checked)
{
    const char *const arguments[] = { "classify", BEE, NULL };
    struct program p = { .arguments = arguments, VARIABLES("VIT_OPS=fast") };
    program_run(&p);
    program_expect(&p, 2, "VIT_OPS=fast: only ref is known");
    program_free(&p);

    p = (struct program){ .arguments = arguments, VARIABLES("VIT_TRACE=/tmp/vit-no-such-folder") };
    program_run(&p);
    program_expect(&p, 2, "VIT_TRACE=/tmp/vit-no-such-folder: not a folder");
    program_free(&p);
}

static void expect_threads(const char *variable, const char *option, const char *said)
{
    struct program p = { ARGUMENTS("classify", "-v", BEE, option), VARIABLES(variable) };
    program_run(&p);
    program_expect(&p, 0, said);
    program_free(&p);
}

Test(options, threads_come_from_the_option_then_from_openmp)
{
    expect_threads("OMP_NUM_THREADS=1", "-t2", " 2 threads");
    expect_threads("OMP_NUM_THREADS=1", NULL, " 1 thread,");
    expect_threads("OMP_NUM_THREADS=1,2", NULL, " 1 thread,");
    expect_threads("OMP_NUM_THREADS=0", NULL, " on "); /* invalid: ignored */
}

Test(options, too_many_threads_are_refused)
{
    REFUSED("4000 threads are too many for the", "classify", "-t", "4000", BEE);
    struct program p = { ARGUMENTS("classify", BEE), VARIABLES("OMP_NUM_THREADS=4000") };
    program_run(&p);
    program_expect(&p, 2, "4000 threads are too many for the");
    program_free(&p);
#ifndef __SANITIZE_ADDRESS__ /* which needs more than that for itself */
    p = (struct program){ ARGUMENTS("-c", "ulimit -v 400000; exec \"$0\" classify -t 60 " BEE, VIT_PROGRAM),
                          .executable = "/bin/sh" };
    program_run(&p);
    program_expect(&p, 2, "60 threads cannot be started");
    program_free(&p);
#endif
}

static char *classify_with(const char *const *templates)
{
    const char *arguments[16] = { "classify", "-m", "tests/words/hf_clip", "--classes", "cat,dog", "-fcsv", BEE };
    for (int i = 0; templates[i]; i++) {
        arguments[7 + 2 * i] = "--template";
        arguments[8 + 2 * i] = templates[i];
    }
    struct program p = { .arguments = arguments };
    program_run(&p);
    program_expect(&p, 0, NULL);
    char *out = strdup(p.out);
    program_free(&p);
    return out;
}

Test(options, template_is_given_several_times)
{
    char *folder = folder_make();
    char *file = folder_write(folder, "templates", "a {}\nthe red {}\n");
    char *both = classify_with((const char *const[]){ "a {}", "the red {}", NULL }),
         *same = classify_with((const char *const[]){ file, NULL }),
         *first = classify_with((const char *const[]){ "a {}", NULL });
    cr_assert_str_eq(both, same);
    cr_assert_neq(strcmp(both, first), 0);
    free(both), free(same), free(first), free(file);
    folder_remove(folder);
}

Test(options, classes_are_asked_for)
{
    REFUSED("tests/words/hf_clip has a text tower and no classes: name them, as in: vit classify -m tests/words/hf_clip "
            "--classes \"a cat,a dog\" PATH...", "classify", "-m", "tests/words/hf_clip", BEE);
    REFUSED("tests/families/open_clip gives features, no classes: vit embed -m tests/families/open_clip PATH... writes "
            "them; --head FILE brings a classifier", "classify", "-m", "tests/families/open_clip", BEE);
}

/* SigLIP scores each class by itself, CLIP all together. */
Test(options, scores_are_those_that_the_model_was_trained_for)
{
    static const char *const ways[][2] = { { "hf_siglip", "sigmoid" }, { "hf_clip", "prob" } };
    for (size_t i = 0; i < 2; i++) {
        char model[64];
        snprintf(model, sizeof model, "tests/words/%s", ways[i][0]);
        struct program p = RUN("classify", "-m", model, "--classes", "cat,dog", "-fcsv", BEE),
                       same = RUN("classify", "-m", model, "--classes", "cat,dog", "-fcsv", BEE, "--scores", ways[i][1]);
        program_expect(&p, 0, NULL);
        cr_assert_str_eq(p.out, same.out);
        program_free(&p), program_free(&same);
    }
}
