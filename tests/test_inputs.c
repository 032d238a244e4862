/* test_inputs.c: what PATHs stand for, in which order, and what a failing one does: nothing to the others. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/program.h"

#define BEE "samples/bee.jpg"
#define PIZZA "samples/pizza.jpg"

static const char *file_of(const json_t *record)
{
    return json_string_value(json_object_get(record, "file"));
}

/* The best class of a record; "" after a failure. */
static const char *best_of(const json_t *record)
{
    const json_t *best = json_array_get(json_object_get(record, "results"), 0);
    return best ? json_string_value(json_object_get(best, "label")) : "";
}

static const char *code_of(const json_t *record)
{
    const char *code = json_string_value(json_object_get(json_object_get(record, "error"), "code"));
    return code ? code : "";
}

/* The best class of a picture classified alone. The caller frees. */
static char *best_alone(const char *path)
{
    struct program p = RUN("classify", "-f", "jsonl", "-k1", path);
    program_expect(&p, 0, NULL);
    json_t *record = program_json_line(&p, 0);
    char *best = strdup(best_of(record));
    json_decref(record);
    program_free(&p);
    return best;
}

/* Runs jsonl over the folder and compares the file names, below the folder, in their order. */
static void expect_files(const char *folder, int status, const char *const *names, int n)
{
    struct program p = RUN("classify", "-v", "-f", "jsonl", "-k1", folder);
    program_expect(&p, status, NULL);
    cr_assert_eq(program_lines(&p), n, "%s", p.out);
    for (int i = 0; i < n; i++) {
        json_t *record = program_json_line(&p, i);
        const char *slash = strrchr(file_of(record), '/');
        cr_assert_str_eq(slash + 1, names[i]);
        json_decref(record);
    }
    program_free(&p);
}

Test(inputs, folder_stands_for_its_pictures_sorted_by_bytes)
{
    char *folder = folder_make();
    const char *const made[] = { "b.jpg", "a.JPG", "B.Jpeg", "\xC3\xA9.jpg", "z.jpeg",
                                 "notes.txt", "jpg", "x.gif", ".jpg" };
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        free(folder_link(folder, made[i], BEE));
    free(folder_link(folder, "sub.jpg", "samples")); /* a folder by a picture's name */
    const char *const names[] = { "B.Jpeg", "a.JPG", "b.jpg", "z.jpeg", "\xC3\xA9.jpg" };
    expect_files(folder, 0, names, 5);

    struct program p = RUN("classify", "-v", folder);
    program_expect(&p, 0, "5 inputs; 5 other entries");
    program_free(&p);
    folder_remove(folder);
}

static void make_folder(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(mkdir(path, 0777), 0, "%s", path);
}

/* A folder of class folders, with what a photographer's disk and a Mac leave in it. */
Test(inputs, folder_stands_for_its_subfolders_when_asked)
{
    char *folder = folder_make();
    const char *const folders[] = { "cat", "cat/young", "dog.jpg", ".thumbnails", "empty" };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        make_folder(folder, folders[i]);
    const char *const made[] = { "cat/young/1.jpg", "cat/2.jpg", "dog.jpg/3.jpg", "cat.jpg", ".thumbnails/1.jpg",
                                 "cat/._2.jpg", "cat/notes.txt" };
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        free(folder_link(folder, made[i], BEE));
    free(folder_link(folder, "dog.jpg/up", folder)); /* which would never end */
    free(folder_link(folder, "empty/cats", "samples"));

    struct program p = RUN("classify", "-k1", "-f", "jsonl", folder);
    program_expect(&p, 0, "3 subfolders left out; -r takes them, too");
    cr_expect_eq(program_lines(&p), 1);
    program_free(&p);
    p = RUN("classify", "-v", "-r", "-k1", "-f", "jsonl", folder);
    program_expect(&p, 0, "4 inputs; 5 other entries of folders skipped");
    const char *const names[] = { "cat.jpg", "cat/2.jpg", "cat/young/1.jpg", "dog.jpg/3.jpg" }; /* '.' before '/' */
    for (int i = 0; i < 4; i++) {
        json_t *record = program_json_line(&p, i);
        cr_assert_str_eq(file_of(record) + strlen(folder) + 1, names[i]);
        json_decref(record);
    }
    program_free(&p);
    folder_remove(folder);
}

Test(inputs, broken_link_in_a_folder_is_a_failure_that_says_so)
{
    char *folder = folder_make(), path[256];
    free(folder_link(folder, "a.jpg", BEE));
    snprintf(path, sizeof path, "%s/b.jpg", folder);
    cr_assert_eq(symlink("/tmp/vit-no-such-file", path), 0);
    snprintf(path, sizeof path, "%s/b.txt", folder);
    cr_assert_eq(symlink("/tmp/vit-no-such-file", path), 0);
    struct program p = RUN("classify", folder);
    program_expect(&p, 1, "b.jpg: broken link: No such file");
    cr_assert_null(strstr(p.err, "b.txt"), "%s", p.err);
    program_free(&p);
    folder_remove(folder);
}

Test(inputs, linked_folder_that_is_named_is_taken)
{
    char *folder = folder_make();
    char *link = folder_link(folder, "link", "samples");
    struct program p = RUN("classify", "-f", "csv", "-k1", link);
    program_expect(&p, 0, NULL);
    cr_assert_eq(program_lines(&p), 13, "%s", p.out);
    program_free(&p);
    free(link);
    folder_remove(folder);
}

/* The rest of stdin's tests: other names for it, and pipes that a shell makes. */
Test(inputs, pipes_are_read_to_their_end, .timeout = 60)
{
    char *bee = best_alone(BEE), *pizza = best_alone(PIZZA), script[256];
    const char *const pictures[] = { "cat " BEE " | \"$0\" classify -qfjsonl --tune off /dev/stdin",
                                     "\"$0\" classify -qfjsonl --tune off <(cat " BEE ") <(sleep 1; cat " PIZZA ")",
                                     "mkfifo f; cat " BEE " >f & \"$0\" classify -qfjsonl --tune off f" };
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        char *folder = folder_make();
        snprintf(script, sizeof script, "r=$PWD; cd %s; ln -s $r/samples; exec bash -c '%s' \"$r/$0\"", folder,
                 pictures[i]);
        struct program p = { ARGUMENTS("-c", script, VIT_PROGRAM), .executable = "/bin/bash" };
        program_run(&p);
        program_expect(&p, 0, NULL);
        json_t *record = program_json_line(&p, 0);
        cr_assert_str_eq(best_of(record), bee, "%s", pictures[i]);
        json_decref(record);
        if (program_lines(&p) > 1) {
            record = program_json_line(&p, 1);
            cr_assert_str_eq(best_of(record), pizza, "%s", pictures[i]);
            json_decref(record);
        }
        program_free(&p);
        folder_remove(folder);
    }
    free(bee), free(pizza);
}

Test(inputs, pipe_has_the_limit_of_files)
{
    struct program p = { ARGUMENTS("-c", "cat " BEE " | \"$0\" classify --max-file-size 1K /dev/stdin", VIT_PROGRAM),
                         .executable = "/bin/sh" };
    program_run(&p);
    program_expect(&p, 1, "/dev/stdin: ");
    program_free(&p);
}

Test(inputs, what_is_often_meant_is_answered_with_the_way_to_it)
{
    struct program p = RUN("classify", "https://example.com/a b.jpg?x=1&y=2");
    program_expect(&p, 1, "vit does not download: curl -L 'https://example.com/a b.jpg?x=1&y=2' | vit classify -");
    program_free(&p);
    char *folder = folder_make();
    char *names = folder_write(folder, "names", BEE "\n" PIZZA "\n"), *text = folder_write(folder, "text", "no name\n");
    p = (struct program){ ARGUMENTS("classify", "-"), .input = names };
    program_run(&p);
    program_expect(&p, 1, "-: names of files, not a picture: pipe them to xargs -d '\\n' vit classify");
    program_free(&p);
    p = (struct program){ ARGUMENTS("classify", "-"), .input = text };
    program_run(&p);
    program_expect(&p, 1, "-: not a picture");
    program_free(&p);
    free(names), free(text);
    folder_remove(folder);
}

Test(inputs, samples_come_in_order_and_mostly_right)
{
    struct program p = RUN("classify", "-f", "jsonl", "-k", "1", "samples/");
    program_expect(&p, 0, NULL);
    cr_assert_str_empty(p.err, "%s", p.err);
    char line[1024], file[128], label[256];
    FILE *truth = fopen("samples/SOURCES.tsv", "r");
    cr_assert(truth && fgets(line, sizeof line, truth)); /* the header */
    int right = 0, n = 0;
    while (fgets(line, sizeof line, truth)) {
        cr_assert_eq(sscanf(line, "%127[^\t]\t%*[^\t]\t%255[^\t]", file, label), 2, "%s", line);
        json_t *record = program_json_line(&p, n++);
        cr_assert_str_eq(file_of(record) + strlen("samples/"), file);
        right += strcmp(best_of(record), label) == 0;
        json_decref(record);
    }
    fclose(truth);
    cr_assert_eq(program_lines(&p), n);
    cr_assert(right >= 9 && n == 12, "%d of %d right\n%s", right, n, p.out);
    program_free(&p);
}

Test(inputs, empty_folders_are_nothing)
{
    char *folder = folder_make();
    struct program p = RUN("classify", folder);
    program_expect(&p, 2, "nothing to classify");
    program_free(&p);
    p = RUN("classify", folder, BEE);
    program_expect(&p, 0, "no .jpg, .jpeg, .png or .bmp in this folder");
    program_free(&p);
    p = RUN("classify", "-q", folder, BEE);
    program_expect(&p, 0, NULL);
    cr_assert_str_empty(p.err, "%s", p.err);
    program_free(&p);
    folder_remove(folder);
}

Test(inputs, stdin_is_a_picture)
{
    struct program p = { ARGUMENTS("classify", "-f", "json", "-", PIZZA), .input = BEE };
    program_run(&p);
    program_expect(&p, 0, NULL);
    json_t *records = program_json(&p);
    char *bee = best_alone(BEE), *pizza = best_alone(PIZZA);
    cr_assert_eq(json_array_size(records), 2);
    cr_assert_str_eq(file_of(json_array_get(records, 0)), "-");
    cr_assert_str_eq(best_of(json_array_get(records, 0)), bee);
    cr_assert_str_eq(best_of(json_array_get(records, 1)), pizza);
    free(bee);
    free(pizza);
    json_decref(records);
    program_free(&p);
}

Test(inputs, stdin_that_is_no_picture)
{
    struct program p = RUN("classify", "-f", "jsonl", "-"); /* nothing */
    program_expect(&p, 1, NULL);
    json_t *record = program_json_line(&p, 0);
    cr_assert_str_eq(code_of(record), "empty");
    json_decref(record);
    program_free(&p);

    p = (struct program){ ARGUMENTS("classify", "-f", "jsonl", "--max-file-size", "1K", "-"), .input = BEE };
    program_run(&p);
    program_expect(&p, 1, NULL);
    record = program_json_line(&p, 0);
    cr_assert_str_eq(code_of(record), "too_large");
    json_decref(record);
    program_free(&p);
}

/* Good and bad inputs mixed, at one batch size and number of streams: each record holds what its input alone would give. */
static void expect_mixed(const char *batch, const char *streams, const char *const *files, const char *const *codes, const char *const *best)
{
    struct program p = RUN("classify", "-f", "jsonl", "-k1", "-b", batch, "-t", streams, "--streams", streams, files[0],
                           files[1], files[2], files[3], files[4], files[5]);
    program_expect(&p, 1, "4 of 6 inputs failed");
    cr_assert_eq(program_lines(&p), 6, "%s", p.out);
    for (int i = 0; i < 6; i++) {
        json_t *record = program_json_line(&p, i);
        cr_assert_str_eq(file_of(record), files[i]);
        cr_assert_str_eq(code_of(record), codes[i], "batch %s: %s", batch, files[i]);
        cr_assert_str_eq(best_of(record), best[i], "batch %s: %s", batch, files[i]);
        cr_assert_eq(json_is_null(json_object_get(record, "error")), codes[i][0] == '\0');
        json_decref(record);
    }
    program_free(&p);
}

Test(inputs, failures_do_not_touch_their_neighbours)
{
    char *folder = folder_make();
    char *text = folder_write(folder, "text.jpg", "This is no picture, whatever its name says.\n");
    char *empty = folder_write(folder, "empty.jpg", ""), *cut = folder_copy(folder, "cut.jpg", PIZZA, 9000);
    char *bee = best_alone(BEE), *pizza = best_alone(PIZZA);
    const char *const files[] = { BEE, text, empty, "/tmp/vit-no-such-file.jpg", PIZZA, cut };
    const char *const codes[] = { "", "unsupported", "empty", "open", "", "decode" };
    const char *const best[] = { bee, "", "", "", pizza, "" };
    const char *const batches[] = { "1", "2", "4", "50" };
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        expect_mixed(batches[i], "1", files, codes, best);
        expect_mixed(batches[i], "3", files, codes, best);
    }
    free(text), free(empty), free(cut), free(bee), free(pizza);
    folder_remove(folder);
}

Test(inputs, text_format_says_failures_on_stderr_only)
{
    struct program p = RUN("classify", "-q", "/tmp/vit-no-such-file.jpg", BEE);
    program_expect(&p, 1, "/tmp/vit-no-such-file.jpg: ");
    cr_assert_null(strstr(p.out, "no-such-file"), "%s", p.out);
    cr_assert(strstr(p.out, BEE));
    program_free(&p);
}

Test(inputs, limits_are_obeyed)
{
    struct program p = RUN("classify", "-f", "jsonl", "--max-pixels", "89400", BEE); /* 299 * 299 = 89401 */
    program_expect(&p, 1, NULL);
    json_t *record = program_json_line(&p, 0);
    cr_assert_str_eq(code_of(record), "too_large", "%s", p.out);
    json_decref(record);
    program_free(&p);
    p = RUN("classify", "--max-pixels", "89401", BEE);
    program_expect(&p, 0, NULL);
    program_free(&p);
}

Test(inputs, unreadable_folder_is_one_failure)
{
    if (geteuid() == 0)
        cr_skip_test("root may read every folder");
    char *folder = folder_make();
    cr_assert_eq(chmod(folder, 0300), 0);
    struct program p = RUN("classify", "-f", "jsonl", folder, BEE);
    program_expect(&p, 1, NULL);
    cr_assert_eq(program_lines(&p), 2);
    program_free(&p);
    cr_assert_eq(chmod(folder, 0700), 0);
    folder_remove(folder);
}

static void expect_in_order(const char *folder, const char *batch, const char *streams)
{
    char *bee = best_alone(BEE), *pizza = best_alone(PIZZA);
    struct program p = RUN("classify", "-f", "jsonl", "-k1", "-b", batch, "-t", "4", "--streams", streams, folder);
    program_expect(&p, 0, NULL);
    for (int i = 0; i < 60; i++) {
        json_t *record = program_json_line(&p, i);
        cr_assert_eq(atoi(strrchr(file_of(record), '/') + 1), i);
        cr_assert_str_eq(best_of(record), i % 3 ? bee : pizza);
        json_decref(record);
    }
    program_free(&p);
    free(bee), free(pizza);
}

Test(inputs, many_in_order)
{
    char *folder = folder_make();
    char name[32];
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "%03d.jpg", i);
        free(folder_link(folder, name, i % 3 ? BEE : PIZZA));
    }
    expect_in_order(folder, "7", "1");
    expect_in_order(folder, "1", "4");
    expect_in_order(folder, "7", "2");
    folder_remove(folder);
}

Test(inputs, streams_share_the_threads)
{
    struct program p = RUN("classify", "-t", "3", "--streams", "2", BEE);
    program_expect(&p, 2, "3 threads cannot be shared equally by 2 streams");
    program_free(&p);
    p = RUN("classify", "-v", "-t", "4", "--streams", "2", "-b", "3", "samples");
    program_expect(&p, 0, "2 streams of batches of 3, each on 2 threads");
    program_free(&p);
}

/* User and system seconds of children that have ended. */
static double children_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

Test(inputs, a_batch_larger_than_the_pictures_costs_nothing)
{
    double start = children_seconds();
    struct program p = RUN("classify", BEE);
    double alone = children_seconds() - start;
    program_expect(&p, 0, NULL);
    program_free(&p);
    p = RUN("classify", "-v", "-b", "256", BEE);
    program_expect(&p, 0, "1 stream of batches of 1,");
    program_free(&p);
    double batched = children_seconds() - start - alone;
    cr_assert(batched < 5 * alone + 0.2, "%.2f s, and %.2f s with -b 256", alone, batched);
}

/* A stream computes as a single one of its batch size and threads does. */
Test(inputs, streams_give_the_same_bytes)
{
    struct program one = RUN("classify", "-f", "jsonl", "-k", "all", "-b", "2", "-t", "1", "samples");
    struct program four = RUN("classify", "-f", "jsonl", "-k", "all", "-b", "2", "-t", "4", "--streams", "4", "samples");
    program_expect(&one, 0, NULL);
    program_expect(&four, 0, NULL);
    cr_assert_eq(strcmp(one.out, four.out), 0);
    program_free(&one), program_free(&four);
}
