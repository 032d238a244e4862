/* test_embed.c: `vit embed`: the array, whole whenever the program ends, the names beside it, and the records. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/npy.h"
#include "tests/program.h"

#define BEE "samples/bee.jpg"
#define PIZZA "samples/pizza.jpg"

enum { SAMPLES = 12 };

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "no %s", path);
    size_t capacity = 1 << 22;
    char *bytes = calloc(1, capacity);
    cr_assert(bytes && fread(bytes, 1, capacity - 1, file) < capacity - 1);
    fclose(file);
    return bytes;
}

static struct npy read_array(const char *path)
{
    struct npy array;
    char message[NPY_MESSAGE_MAX];
    cr_assert(npy_read(&array, path, message), "%s", message);
    cr_assert_eq(array.type, NPY_F32);
    return array;
}

/* A file that is not there yet, in a folder of the test's own. */
struct place {
    char *folder, npy[128], names[128];
};

static struct place enter(void)
{
    struct place place = {.folder = folder_make()};
    snprintf(place.npy, sizeof place.npy, "%s/a.npy", place.folder);
    snprintf(place.names, sizeof place.names, "%s/a.files.txt", place.folder);
    return place;
}

static void expect_names(const char *path, const char *const *names)
{
    char *text = slurp(path), *at = text;
    for (int i = 0; names[i]; i++) {
        size_t n = strlen(names[i]);
        cr_assert(strncmp(at, names[i], n) == 0 && at[n] == '\n', "line %d is not %s:\n%s", i + 1, names[i], text);
        at += n + 1;
    }
    cr_assert_str_empty(at);
    free(text);
}

static void expect_numbers(const json_t *list, const float *values, size_t n)
{
    cr_assert_eq(json_array_size(list), n);
    for (size_t i = 0; i < n; i++)
        cr_assert_float_eq((float)json_number_value(json_array_get(list, i)), values[i], 0, "number %zu", i);
}

/* ---- The two forms ---- */

Test(embed, array_has_the_rows_of_the_records)
{
    struct place place = enter();
    struct program p = RUN("embed", "-b4", "samples", "-o", place.npy), records = RUN("embed", "-b4", "samples");
    program_expect(&p, 0, NULL);
    program_expect(&records, 0, NULL);
    cr_assert_str_empty(p.err, "%s", p.err);
    cr_assert_str_empty(p.out);
    struct npy array = read_array(place.npy);
    cr_assert_eq(array.n_dims, 2);
    cr_assert_eq(array.shape[0], SAMPLES);
    cr_assert_eq(program_lines(&records), SAMPLES);
    char *names = slurp(place.names), *line = strtok(names, "\n");
    for (int i = 0; i < SAMPLES; i++, line = strtok(NULL, "\n")) {
        json_t *record = program_json_line(&records, i);
        cr_assert_eq(json_object_size(record), 3);
        cr_assert_str_eq(json_string_value(json_object_get(record, "file")), line);
        cr_assert(json_is_null(json_object_get(record, "error")));
        expect_numbers(json_object_get(record, "embedding"), (float *)array.data + (size_t)i * array.shape[1],
                       array.shape[1]);
        json_decref(record);
    }
    cr_assert_null(line);
    free(names);
    npy_free(&array);
    program_free(&p), program_free(&records);
    folder_remove(place.folder);
}

Test(embed, header_is_as_numpy_writes_it)
{
    struct place place = enter();
    struct program p = RUN("embed", BEE, "-o", place.npy);
    program_expect(&p, 0, NULL);
    char *bytes = slurp(place.npy);
    cr_assert_eq(memcmp(bytes, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, ", 62),
                 0);
    cr_assert_eq(bytes[127], '\n');
    cr_assert_eq(bytes[126], ' ');
    free(bytes);
    program_free(&p);
    folder_remove(place.folder);
}

Test(embed, names_lie_beside_files_of_any_name)
{
    static const char *const ways[][2] = {
        {"x.npy", "x.files.txt"}, {"x", "x.files.txt"}, {"x.npy.bin", "x.npy.bin.files.txt"}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *folder = folder_make(), out[128], names[128];
        snprintf(out, sizeof out, "%s/%s", folder, ways[i][0]);
        snprintf(names, sizeof names, "%s/%s", folder, ways[i][1]);
        struct program p = RUN("embed", "-f", "npy", BEE, "-o", out);
        program_expect(&p, 0, NULL);
        expect_names(names, (const char *const[]){BEE, NULL});
        program_free(&p);
        folder_remove(folder);
    }
}

Test(embed, name_of_the_file_says_the_form)
{
    char *folder = folder_make(), out[128];
    snprintf(out, sizeof out, "%s/x.jsonl", folder);
    struct program plain = RUN("embed", BEE), p = RUN("embed", BEE, "-o", out);
    program_expect(&p, 0, NULL);
    char *text = slurp(out);
    cr_assert_str_eq(text, plain.out);
    free(text);
    program_free(&p), program_free(&plain);
    folder_remove(folder);
}

/* ---- What is computed ---- */

static struct npy embed_bee(const struct place *place, const char *what, const char *normalize)
{
    struct program p = RUN("embed", BEE, "-o", place->npy, "--what", what, normalize);
    program_expect(&p, 0, NULL);
    program_free(&p);
    return read_array(place->npy);
}

static double length_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

Test(embed, tokens_hold_cls_and_mean)
{
    struct place place = enter();
    char message[CHECK_MESSAGE_MAX];
    struct npy tokens = embed_bee(&place, "tokens", NULL), cls = embed_bee(&place, "cls", NULL),
               mean = embed_bee(&place, "mean", NULL);
    cr_assert_eq(tokens.n_dims, 3);
    size_t T = tokens.shape[1], D = tokens.shape[2];
    cr_assert(cls.shape[1] == D && mean.shape[1] == D);
    cr_assert(check_f32(message, "cls", tokens.data, cls.data, D, 0), "%s", message); /* the first token */
    float *sum = calloc(D, sizeof *sum);
    for (size_t t = 1; t < T; t++)
        for (size_t d = 0; d < D; d++)
            sum[d] += ((float *)tokens.data)[t * D + d] / (float)(T - 1);
    cr_assert(check_f32(message, "mean", sum, mean.data, D, 1e-5), "%s", message);

    struct program p = RUN("embed", BEE, "--what", "tokens");
    program_expect(&p, 0, NULL);
    json_t *record = program_json_line(&p, 0), *list = json_object_get(record, "embedding");
    cr_assert_eq(json_array_size(list), T);
    expect_numbers(json_array_get(list, T - 1), (float *)tokens.data + (T - 1) * D, D);
    json_decref(record);
    program_free(&p);
    free(sum);
    npy_free(&tokens), npy_free(&cls), npy_free(&mean);
    folder_remove(place.folder);
}

Test(embed, lengths_are_one_when_asked_for)
{
    struct place place = enter();
    char message[CHECK_MESSAGE_MAX];
    struct npy plain = embed_bee(&place, "features", NULL), same = embed_bee(&place, "features", "--no-normalize"),
               unit = embed_bee(&place, "features", "--normalize");
    double length = length_of(plain.data, plain.count);
    cr_assert(check_npy(message, "--no-normalize", &same, &plain, 0), "%s", message);
    cr_assert_gt(fabs(length - 1), 0.1); /* of this model, which has no use for it */
    cr_assert_float_eq(length_of(unit.data, unit.count), 1, 1e-6);
    for (size_t i = 0; i < plain.count; i++)
        ((float *)plain.data)[i] /= (float)length;
    cr_assert(check_npy(message, "--normalize", &unit, &plain, 1e-6), "%s", message);
    npy_free(&plain), npy_free(&same), npy_free(&unit);
    folder_remove(place.folder);
}

/* ---- Failures, batches, streams ---- */

/* Of six inputs two are pictures; the array has those alone. */
static struct npy embed_mixed(const struct place *place, const char *batch, const char *streams)
{
    struct program p = RUN("embed", "-b", batch, "-t", streams, "--streams", streams, "-o", place->npy, "README.md",
                           BEE, "/tmp/vit-no-such-file.jpg", "Makefile", PIZZA, "/tmp/vit-no-such-file.jpg");
    program_expect(&p, 1, "4 of 6 inputs failed");
    program_expect(&p, 1, "vit: README.md: ");
    program_expect(&p, 1, "vit: /tmp/vit-no-such-file.jpg: cannot open");
    program_free(&p);
    expect_names(place->names, (const char *const[]){BEE, PIZZA, NULL});
    return read_array(place->npy);
}

Test(embed, batches_and_streams_change_nothing)
{
    struct place place = enter();
    char message[CHECK_MESSAGE_MAX];
    static const char *const batches[] = {"1", "2", "50"};
    struct npy first = embed_mixed(&place, "1", "1");
    cr_assert_eq(first.shape[0], 2);
    for (size_t i = 0; i < 3; i++) {
        struct npy one = embed_mixed(&place, batches[i], "1"), three = embed_mixed(&place, batches[i], "3");
        cr_assert(check_npy(message, "streams", &three, &one, 0), "%s", message);
        cr_assert(check_npy(message, "batches", &one, &first, 1e-5), "%s", message);
        npy_free(&one), npy_free(&three);
    }
    npy_free(&first);
    folder_remove(place.folder);
}

Test(embed, failure_is_a_record)
{
    struct program p = RUN("embed", "/tmp/vit-no-such-file.jpg", BEE);
    program_expect(&p, 1, NULL);
    cr_assert_null(strstr(p.err, "cannot open"), "%s", p.err);
    json_t *record = program_json_line(&p, 0);
    cr_assert(json_is_null(json_object_get(record, "embedding")));
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(record, "error"), "code")), "open");
    json_decref(record);
    cr_assert_eq(program_lines(&p), 2);
    program_free(&p);
}

Test(embed, nothing_that_loads_is_an_array_without_rows)
{
    struct place place = enter();
    struct program p = RUN("embed", "README.md", "-o", place.npy);
    program_expect(&p, 1, "README.md: ");
    struct npy array = read_array(place.npy);
    cr_assert(array.n_dims == 2 && array.shape[0] == 0 && array.shape[1] > 0);
    expect_names(place.names, (const char *const[]){NULL});
    npy_free(&array);
    program_free(&p);
    folder_remove(place.folder);
}

Test(embed, line_break_in_a_name_has_no_row)
{
    struct place place = enter();
    char *odd = folder_link(place.folder, "a\nb.jpg", BEE), *other = folder_link(place.folder, "a\rb.jpg", BEE);
    struct program p = RUN("embed", odd, BEE, other, "-o", place.npy);
    program_expect(&p, 1, "a\\nb.jpg: the name has a line break");
    expect_names(place.names, (const char *const[]){BEE, NULL});
    struct npy array = read_array(place.npy);
    cr_assert_eq(array.shape[0], 1);
    program_free(&p);
    p = RUN("embed", odd);
    program_expect(&p, 0, NULL);
    json_t *record = program_json_line(&p, 0);
    cr_assert_str_eq(json_string_value(json_object_get(record, "file")), odd);
    json_decref(record);
    npy_free(&array);
    program_free(&p);
    free(odd), free(other);
    folder_remove(place.folder);
}

/* ---- Where it goes ---- */

Test(embed, array_needs_a_file)
{
    struct program p = RUN("embed", "-f", "npy", BEE);
    program_expect(&p, 2, "--format npy needs a file");
    program_free(&p);
    p = RUN("embed", "-f", "npy", BEE, "-o", "-");
    program_expect(&p, 2, "--format npy needs a file");
    program_free(&p);
    char *folder = folder_make();
    setenv("PIPE", folder, 1);
    p = (struct program){
        ARGUMENTS("-c", "mkfifo $PIPE/x.npy; cat $PIPE/x.npy & \"$0\" embed " BEE " -o $PIPE/x.npy", VIT_PROGRAM),
        .executable = "/bin/sh"};
    program_run(&p);
    program_expect(&p, 2, "x.npy: .npy needs a file");
    program_free(&p);
    folder_remove(folder);
    p = RUN("embed", BEE, "-f", "npy", "-o", "/dev/full");
    program_expect(&p, 2, "/dev/full");
    program_free(&p);
}

Test(embed, mistakes_leave_the_array_alone)
{
    struct place place = enter();
    free(folder_write(place.folder, "a.npy", "precious"));
    struct program p = RUN("embed", "-m", "/tmp/vit-no-such-model", BEE, "-o", place.npy);
    program_expect(&p, 2, "/tmp/vit-no-such-model");
    program_free(&p);
    p = RUN("embed", "--normalize", "--no-normalize", BEE, "-o", place.npy);
    program_expect(&p, 2, "--normalize and --no-normalize: give one of them");
    program_free(&p);
    p = RUN("embed", "-o", place.npy);
    program_expect(&p, 2, "nothing to embed: name pictures or folders");
    program_free(&p);
    p = RUN("embed", "--text", "README.md", "-o", place.npy);
    program_expect(&p, 2, "has no text tower");
    program_free(&p);
    p = RUN("embed", "--text", "README.md", BEE);
    program_expect(&p, 2, "--text takes the place of pictures");
    program_free(&p);
    p = RUN("embed", "--text", "README.md", "--what", "cls");
    program_expect(&p, 2, "goes without --what");
    program_free(&p);
    p = RUN("embed", "-f", "npy", "-o", "x.jpg", BEE);
    program_expect(&p, 2, "this is the name of a picture");
    program_free(&p);
    char *text = slurp(place.npy);
    cr_assert_str_eq(text, "precious");
    free(text);
    folder_remove(place.folder);
}

/* ---- Ends ---- */

static char *make_many(int n)
{
    char *folder = folder_make(), name[32];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%04d.jpg", i);
        free(folder_link(folder, name, BEE));
    }
    return folder;
}

/* The array as it is while somebody may write to it: the header, and then the rows that it counts, which are there. */
static struct npy read_growing(const struct place *place, FILE *file)
{
    char header[129] = "", whole[128];
    size_t rows, width;
    cr_assert_eq(fread(header, 1, 128, file), 128);
    cr_assert_eq(sscanf(strchr(header + 10, '('), "(%zu, %zu)", &rows, &width), 2, "%s", header + 10);
    float *values = malloc(rows * width * sizeof *values + 1);
    cr_assert_eq(fread(values, width * sizeof *values, rows, file), rows, "the header counts %zu rows", rows);
    snprintf(whole, sizeof whole, "%s/whole.npy", place->folder);
    FILE *copy = fopen(whole, "wb");
    cr_assert(copy && fwrite(header, 1, 128, copy) == 128);
    cr_assert_eq(fwrite(values, width * sizeof *values, rows, copy), rows);
    fclose(copy);
    free(values);
    return read_array(whole);
}

/* What is left is sound: the rows that the header counts are there, each is the bee's, and each has its name, in order.
 * Returns how many; -1: the file is as it was made, empty. */
static int check_left(const struct place *place, const struct npy *bee, const char *inputs)
{
    struct stat status;
    if (stat(place->npy, &status) != 0 || status.st_size == 0)
        return -1;
    FILE *file = fopen(place->npy, "rb");
    cr_assert(file);
    struct npy array = read_growing(place, file);
    fclose(file);
    cr_assert_eq(array.shape[1], bee->count);
    FILE *names = fopen(place->names, "r");
    cr_assert(names);
    for (size_t i = 0; i < array.shape[0]; i++) {
        char line[160] = "", name[160];
        cr_assert(fgets(line, sizeof line, names), "%zu rows, %zu names", array.shape[0], i);
        snprintf(name, sizeof name, "%s/%04zu.jpg\n", inputs, i);
        cr_assert_str_eq(line, name);
        cr_assert_eq(memcmp((float *)array.data + i * bee->count, bee->data, bee->count * sizeof(float)), 0, "row %zu",
                     i);
    }
    fclose(names);
    int rows = (int)array.shape[0];
    npy_free(&array);
    return rows;
}

Test(embed, array_is_sound_whenever_it_is_killed)
{
    enum { MANY = 2000 };
    struct place place = enter(), alone = enter();
    char *inputs = make_many(MANY);
    struct program p = RUN("embed", "-b3", BEE, BEE, BEE, "-o", alone.npy);
    program_expect(&p, 0, NULL);
    program_free(&p);
    struct npy bee = read_array(alone.npy);
    bee.count /= 3;
    int between = 0;
    for (int i = 0; i < 8; i++) {
        unlink(place.npy), unlink(place.names);
        p = (struct program){ARGUMENTS("embed", "-b3", "-t1", inputs, "-o", place.npy)};
        program_start(&p);
        while (check_left(&place, &bee, inputs) < 1 + 3 * i) /* it is sound to who reads it meanwhile, too */
            usleep(500);
        usleep((useconds_t)(rand() % 20000));
        kill(p.pid, SIGKILL);
        program_wait(&p);
        int rows = check_left(&place, &bee, inputs);
        between += rows > 0 && rows < MANY;
        cr_assert(rows == MANY || rows % 3 == 0, "%d rows", rows);
        program_free(&p);
    }
    cr_assert_gt(between, 0, "it was never killed at work");
    npy_free(&bee);
    folder_remove(inputs), folder_remove(place.folder), folder_remove(alone.folder);
}

/* The header never counts rows that could not be written. */
Test(embed, array_is_sound_when_the_disk_is_full)
{
    struct place place = enter(), alone = enter();
    char *inputs = make_many(40), script[512];
    struct program p = RUN("embed", "-b3", BEE, BEE, BEE, "-o", alone.npy);
    program_expect(&p, 0, NULL);
    program_free(&p);
    struct npy bee = read_array(alone.npy);
    bee.count /= 3;
    snprintf(script, sizeof script, "trap '' XFSZ; ulimit -f 32; exec \"$0\" embed --tune off -b3 %s -o %s", inputs,
             place.npy);
    p = (struct program){ARGUMENTS("-c", script, VIT_PROGRAM), .executable = "/bin/bash"};
    program_run(&p);
    program_expect(&p, 2, "cannot write to ");
    int rows = check_left(&place, &bee, inputs);
    cr_assert(rows > 0 && rows < 40 && rows % 3 == 0, "%d rows", rows);
    program_free(&p);
    p = RUN("similar", place.npy, BEE, "-k1"); /* as many names as rows */
    program_expect(&p, 0, NULL);
    npy_free(&bee);
    program_free(&p);
    folder_remove(inputs), folder_remove(place.folder), folder_remove(alone.folder);
}

static void interrupt(const char *streams)
{
    struct place place = enter(), alone = enter();
    char *inputs = make_many(2000);
    struct program p = RUN("embed", "-b2", BEE, BEE, "-o", alone.npy);
    program_expect(&p, 0, NULL);
    program_free(&p);
    struct npy bee = read_array(alone.npy);
    bee.count /= 2;
    p = (struct program){ARGUMENTS("embed", "-b2", "-t", streams, "--streams", streams, inputs, "-o", place.npy)};
    program_start(&p);
    while (check_left(&place, &bee, inputs) < 4)
        usleep(500);
    kill(p.pid, SIGINT);
    program_wait(&p);
    program_expect(&p, 130, "interrupted: ");
    int done = atoi(strstr(p.err, "interrupted: ") + strlen("interrupted: "));
    cr_assert_eq(check_left(&place, &bee, inputs), done, "%s", p.err);
    struct npy array = read_array(place.npy); /* nothing is behind the last row */
    cr_assert(array.shape[0] >= 4 && array.shape[0] < 2000);
    npy_free(&array), npy_free(&bee);
    program_free(&p);
    folder_remove(inputs), folder_remove(place.folder), folder_remove(alone.folder);
}

Test(embed, interrupted_at_work_keeps_what_is_done)
{
    interrupt("1");
    interrupt("3");
}

/* ---- Texts ---- */

static struct npy golden(const char *folder, const char *name)
{
    char path[128], message[NPY_MESSAGE_MAX];
    struct npy array;
    snprintf(path, sizeof path, "tests/words/%s/%s.npy", folder, name);
    cr_assert(npy_read(&array, path, message), "%s", message);
    return array;
}

static void divide_by_lengths(struct npy *array)
{
    size_t width = array->shape[1];
    for (size_t i = 0; i < array->shape[0]; i++) {
        float *row = (float *)array->data + i * width, length = (float)length_of(row, width);
        for (size_t j = 0; j < width; j++)
            row[j] /= length;
    }
}

/* Pictures and texts by the same model, against those of its library; of length 1 unless asked for otherwise. */
static void expect_goldens(const char *folder)
{
    struct place place = enter();
    char model[64], message[CHECK_MESSAGE_MAX];
    snprintf(model, sizeof model, "tests/words/%s", folder);
    struct npy want = golden(folder, "texts");
    struct program p = RUN("embed", "-m", model, "--text", "tests/words/texts.txt", "--no-normalize", "-o", place.npy);
    program_expect(&p, 0, NULL);
    struct npy got = read_array(place.npy);
    cr_assert(check_npy(message, folder, &got, &want, 5e-6), "%s", message);
    npy_free(&got);
    program_free(&p);

    divide_by_lengths(&want);
    p = RUN("embed", "-m", model, "--text", "tests/words/texts.txt", "-o", place.npy);
    program_expect(&p, 0, NULL);
    got = read_array(place.npy);
    cr_assert(check_npy(message, folder, &got, &want, 5e-6), "%s", message);
    npy_free(&got), npy_free(&want);
    program_free(&p);

    want = golden(folder, "images");
    divide_by_lengths(&want);
    p = RUN("embed", "-m", model, "tests/families/picture.png", "tests/goldens/tiny/picture.png", BEE,
            "--no-autorotate", "-o", place.npy);
    program_expect(&p, 0, NULL);
    got = read_array(place.npy);
    cr_assert(check_npy(message, folder, &got, &want, 5e-6), "%s", message);
    npy_free(&got), npy_free(&want);
    program_free(&p);
    folder_remove(place.folder);
}

Test(embed, texts_and_pictures_meet_in_one_space)
{
    expect_goldens("hf_clip");
    expect_goldens("hf_siglip2");
    expect_goldens("open_clip");
}

Test(embed, lines_are_texts)
{
    struct place place = enter();
    char *text = folder_write(place.folder, "texts", "a red bus\r\nno \xFF text\n\nb\rroken\na red bus");
    struct program p = RUN("embed", "-m", "tests/words/hf_clip", "--text", text, "-o", place.npy);
    program_expect(&p, 1, "no \\xff text: not UTF-8");
    program_expect(&p, 1, "b\\rroken: a carriage return within a line");
    program_expect(&p, 1, "2 of 5 inputs failed");
    expect_names(place.names, (const char *const[]){"a red bus", "", "a red bus", NULL});
    struct npy array = read_array(place.npy);
    cr_assert_eq(array.shape[0], 3);
    cr_assert_eq(memcmp(array.data, (float *)array.data + 2 * array.shape[1], array.shape[1] * sizeof(float)), 0);
    program_free(&p);

    p = (struct program){ARGUMENTS("embed", "-m", "tests/words/hf_clip", "--text", "-"), .input = text};
    program_run(&p);
    program_expect(&p, 1, NULL);
    cr_assert_eq(program_lines(&p), 5);
    json_t *record = program_json_line(&p, 4);
    cr_assert_str_eq(json_string_value(json_object_get(record, "text")), "a red bus");
    expect_numbers(json_object_get(record, "embedding"), array.data, array.shape[1]);
    json_decref(record);
    npy_free(&array);
    program_free(&p);
    free(text);
    folder_remove(place.folder);
}

Test(embed, more_texts_than_go_at_once)
{
    enum { MANY = 2500 };
    struct place place = enter();
    char *text = calloc(MANY, 16), *at = text;
    for (int i = 0; i < MANY; i++)
        at += sprintf(at, "number %d\n", i % 7);
    char *path = folder_write(place.folder, "texts", text);
    struct program p = RUN("embed", "-m", "tests/words/hf_clip", "--text", path, "-o", place.npy);
    program_expect(&p, 0, NULL);
    char *names = slurp(place.names);
    cr_assert_str_eq(names, text);
    struct npy array = read_array(place.npy);
    cr_assert_eq(array.shape[0], MANY);
    char message[CHECK_MESSAGE_MAX];
    for (size_t i = 7; i < MANY; i++)
        cr_assert(check_f32(message, "row", (float *)array.data + i * array.shape[1],
                            (float *)array.data + i % 7 * array.shape[1], array.shape[1], 1e-6),
                  "%s", message);
    npy_free(&array);
    program_free(&p);
    free(text), free(path), free(names);
    folder_remove(place.folder);
}

Test(embed, texts_that_are_none)
{
    char *folder = folder_make();
    char *empty = folder_write(folder, "empty", "");
    struct program p = RUN("embed", "-m", "tests/words/hf_clip", "--text", empty);
    program_expect(&p, 2, "empty: no texts");
    program_free(&p);
    p = RUN("embed", "-m", "tests/words/hf_clip", "--text", "/tmp/vit-no-such-file");
    program_expect(&p, 2, "--text /tmp/vit-no-such-file: cannot open");
    program_free(&p);
    p = RUN("embed", "-m", "tests/words/hf_clip", "--text", BEE);
    program_expect(&p, 2, "not a text");
    program_free(&p);
    p = RUN("embed", "-m", "tests/words/hf_clip", "--text", folder);
    program_expect(&p, 2, "cannot read");
    program_free(&p);
    free(empty);
    folder_remove(folder);
}
