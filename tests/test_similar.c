/* test_similar.c: `vit similar`: against plain loops over all rows; hostile arrays; the output formats. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/npy.h"
#include "tests/program.h"
#include "vit/base/half.h"

#define BEE "samples/bee.jpg"

enum { WIDTH = 384 }; /* of the model that came with vit */

/* ---- Arrays ---- */

/* Numbers as good as random ones, in -1 .. 1. */
static float next_number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1;
}

static float *make_rows(size_t n, size_t width)
{
    uint32_t state = 7;
    float *rows = malloc(n * width * sizeof *rows);
    cr_assert(rows);
    for (size_t i = 0; i < n * width; i++)
        rows[i] = next_number(&state);
    return rows;
}

/* Writes a header of this text, and n bytes behind it. The caller frees the path. */
static char *write_array(const char *folder, const char *name, int version, const char *text, const void *bytes,
                         size_t n)
{
    char *path;
    cr_assert(asprintf(&path, "%s/%s", folder, name) > 0);
    FILE *file = fopen(path, "wb");
    size_t length = strlen(text);
    cr_assert(file);
    fwrite("\x93NUMPY", 1, 6, file);
    const unsigned char prefix[] = {(unsigned char)version, 0, length & 255, (unsigned char)(length >> 8), 0, 0};
    fwrite(prefix, 1, version == 1 ? 4 : 6, file);
    fwrite(text, 1, length, file);
    fwrite(bytes, 1, n, file);
    cr_assert_eq(fclose(file), 0);
    return path;
}

static char *write_rows(const char *folder, const char *name, const float *rows, size_t n, size_t width)
{
    char text[128];
    snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }\n", n, width);
    return write_array(folder, name, 1, text, rows, n * width * sizeof *rows);
}

/* The features of the bee, which are what a search for it compares with. */
static float *embed_bee(const char *folder)
{
    char out[128], message[NPY_MESSAGE_MAX];
    struct npy array;
    snprintf(out, sizeof out, "%s/bee.npy", folder);
    struct program p = RUN("embed", BEE, "-o", out);
    program_expect(&p, 0, NULL);
    program_free(&p);
    cr_assert(npy_read(&array, out, message), "%s", message);
    cr_assert_eq(array.count, WIDTH);
    return array.data;
}

/* ---- What must come out ---- */

static double cosine(const float *a, const float *b, size_t n)
{
    long double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (long double)a[i] * b[i];
        aa += (long double)a[i] * a[i];
        bb += (long double)b[i] * b[i];
    }
    return isfinite((double)bb) && bb > 0 ? (double)(ab / sqrtl(aa * bb)) : NAN;
}

struct ranked {
    size_t row;
    double cosine;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    double p = isnan(x->cosine) ? -2 : x->cosine, q = isnan(y->cosine) ? -2 : y->cosine;
    return p != q ? (p < q) - (p > q) : (x->row > y->row) - (x->row < y->row);
}

static struct ranked *rank_all(const float *query, const float *rows, size_t n, size_t width)
{
    struct ranked *all = calloc(n, sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = (struct ranked){i, cosine(query, rows + i * width, width)};
    qsort(all, n, sizeof *all, by_rank);
    return all;
}

static double cosine_of(const struct ranked *all, size_t n, size_t row)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].row == row)
            return all[i].cosine;
    cr_assert_fail("there is no row %zu", row);
    return NAN;
}

/* The k best of n. Near enough ones may stand in another order. */
static void expect_ranked(struct program *p, const struct ranked *want, size_t n, size_t k)
{
    program_expect(p, 0, NULL);
    cr_assert_eq((size_t)program_lines(p), k, "%d lines", program_lines(p));
    for (size_t i = 0; i < k; i++) {
        json_t *line = program_json_line(p, (int)i);
        size_t row = (size_t)json_integer_value(json_object_get(line, "row"));
        const json_t *got = json_object_get(line, "cosine");
        cr_assert_eq((size_t)json_integer_value(json_object_get(line, "rank")), i + 1);
        cr_assert_eq(json_is_null(got), isnan(want[i].cosine), "rank %zu", i + 1);
        if (!isnan(want[i].cosine)) {
            cr_assert_float_eq(json_number_value(got), want[i].cosine, 1e-9, "rank %zu", i + 1);
            cr_assert(row == want[i].row || fabs(cosine_of(want, n, row) - want[i].cosine) < 1e-12, "rank %zu: row %zu",
                      i + 1, row);
        } else {
            cr_assert_eq(row, want[i].row);
        }
        json_decref(line);
    }
    program_free(p);
}

/* Rows with lengths that f32 cannot square, ties, and rows without a direction. */
static void spoil(float *rows, const float *bee)
{
    for (int i = 0; i < WIDTH; i++) {
        rows[3 * WIDTH + i] = 0;
        rows[5 * WIDTH + i] = bee[i] * 1e-38f;
        rows[8 * WIDTH + i] = bee[i] * 1e36f;
        rows[9 * WIDTH + i] = -bee[i];
        rows[12 * WIDTH + i] = rows[14 * WIDTH + i] = rows[13 * WIDTH + i];
    }
    rows[700 * WIDTH + 5] = NAN;
    rows[701 * WIDTH + 6] = INFINITY;
    rows[702 * WIDTH] = -INFINITY;
}

Test(similar, ranks_as_plain_loops_do)
{
    enum { N = 3000 };
    char *folder = folder_make();
    float *bee = embed_bee(folder), *rows = make_rows(N, WIDTH);
    spoil(rows, bee);
    char *path = write_rows(folder, "a.npy", rows, N, WIDTH);
    struct ranked *want = rank_all(bee, rows, N, WIDTH);
    cr_assert(want[0].row == 8 || want[0].row == 5);
    cr_assert(isnan(want[N - 4].cosine) && !isnan(want[N - 5].cosine));
    static const char *const ways[][2] = {{"1", "1"},    {"5", "1"},   {"5", "3"},
                                          {"1000", "4"}, {"all", "1"}, {"all", "3"}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct program p = RUN("similar", path, BEE, "-fjsonl", "-k", ways[i][0], "-t", ways[i][1]);
        expect_ranked(&p, want, N, strcmp(ways[i][0], "all") == 0 ? N : (size_t)atoi(ways[i][0]));
    }
    free(bee), free(rows), free(want), free(path);
    folder_remove(folder);
}

Test(similar, reads_the_types_and_versions_of_numpy)
{
    enum { N = 50 };
    char *folder = folder_make();
    float *bee = embed_bee(folder), *rows = make_rows(N, WIDTH);
    double *wide = malloc(N * WIDTH * sizeof *wide);
    uint16_t *half = malloc(N * WIDTH * sizeof *half);
    cr_assert(vit_narrow(half, rows, VIT_F16, N * WIDTH));
    vit_widen(rows, half, VIT_F16, N * WIDTH);
    for (size_t i = 0; i < N * WIDTH; i++)
        wide[i] = rows[i];
    struct ranked *want = rank_all(bee, rows, N, WIDTH);
    const struct {
        int version;
        const char *type;
        const void *bytes;
        size_t size;
    } ways[] = {
        {1, "<f4", rows, 4}, {2, "<f4", rows, 4}, {3, "<f4", rows, 4}, {1, "<f2", half, 2}, {1, "<f8", wide, 8}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char text[128];
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (50, 384), }  \n", ways[i].type);
        char *path = write_array(folder, "a.npy", ways[i].version, text, ways[i].bytes, N * WIDTH * ways[i].size);
        struct program p = RUN("similar", path, BEE, "-fjsonl", "-kall");
        expect_ranked(&p, want, N, N);
        free(path);
    }
    free(bee), free(rows), free(want), free(wide), free(half);
    folder_remove(folder);
}

Test(similar, finds_what_was_embedded)
{
    char *folder = folder_make(), out[128];
    snprintf(out, sizeof out, "%s/a.npy", folder);
    struct program p = RUN("embed", "samples", "-o", out);
    program_expect(&p, 0, NULL);
    program_free(&p);
    p = (struct program){ARGUMENTS("similar", out, "-", "-k2"), .input = BEE};
    program_run(&p);
    program_expect(&p, 0, NULL);
    cr_assert_eq(strncmp(p.out, "   1.0000   samples/bee.jpg\n", 28), 0, "%s", p.out);
    cr_assert_eq(program_lines(&p), 2);
    cr_assert_str_empty(p.err, "%s", p.err);
    program_free(&p);
    p = RUN("embed", "samples", "-o", out, "--what", "mean");
    program_free(&p);
    p = RUN("similar", out, BEE, "-k1", "--what", "mean");
    cr_assert_str_eq(p.out, "   1.0000   samples/bee.jpg\n");
    program_free(&p);
    folder_remove(folder);
}

/* The nearest of texts to a text is itself. */
Test(similar, compares_with_a_text)
{
    char *folder = folder_make(), out[128];
    snprintf(out, sizeof out, "%s/a.npy", folder);
    struct program p = RUN("embed", "-m", "tests/words/hf_clip", "--text", "tests/words/texts.txt", "-o", out);
    program_expect(&p, 0, NULL);
    program_free(&p);
    p = RUN("similar", "-m", "tests/words/hf_clip", out, "--text", "it's 2 dogs!", "-k1", "-fcsv");
    program_expect(&p, 0, NULL);
    char *line = strchr(p.out, '\n') + 1;
    cr_assert_eq(strncmp(line, "1,2,it's 2 dogs!,", 17), 0, "%s", line);
    cr_assert_float_eq(strtod(line + 17, NULL), 1, 1e-6);
    program_free(&p);
    p = RUN("similar", "-m", "tests/words/hf_clip", out, "--text", "\xFF");
    program_expect(&p, 2, "UTF-8");
    program_free(&p);
    p = RUN(
        "similar", "-m", "tests/words/hf_clip", out, "--text",
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen");
    program_expect(&p, 0, "1 text is longer than the text tower takes");
    program_free(&p);
    folder_remove(folder);
}

/* ---- Forms ---- */

static struct program find(const char *path, const char *format)
{
    return RUN("similar", path, BEE, "-k2", "-f", format);
}

Test(similar, every_form_says_the_same)
{
    char *folder = folder_make();
    float *bee = embed_bee(folder), *rows = make_rows(3, WIDTH);
    memcpy(rows + WIDTH, bee, WIDTH * sizeof *bee);
    char *path = write_rows(folder, "a.npy", rows, 3, WIDTH), want[512];
    free(folder_write(folder, "a.files.txt", "x.jpg\na, \"b\"\t.jpg\nlast.jpg"));
    struct program json = find(path, "json"), lines = find(path, "jsonl"), csv = find(path, "csv"),
                   tsv = find(path, "tsv"), text = find(path, "text");
    json_t *array = program_json(&json);
    cr_assert_eq(json_array_size(array), 2);
    for (int i = 0; i < 2; i++) {
        json_t *line = program_json_line(&lines, i);
        cr_assert(json_equal(line, json_array_get(array, (size_t)i)));
        cr_assert_eq(json_object_size(line), 4);
        json_decref(line);
    }
    const json_t *second = json_array_get(array, 1);
    int row = (int)json_integer_value(json_object_get(second, "row"));
    const char *name = json_string_value(json_object_get(second, "file"));
    double value = json_number_value(json_object_get(second, "cosine"));
    cr_assert_str_eq(name, row == 0 ? "x.jpg" : "last.jpg");
    snprintf(want, sizeof want, "rank,row,file,cosine\n1,1,\"a, \"\"b\"\"\t.jpg\",1\n2,%d,%s,%.9g\n", row, name, value);
    cr_assert_str_eq(csv.out, want);
    snprintf(want, sizeof want, "rank\trow\tfile\tcosine\n1\t1\t\"a, \"\"b\"\"\t.jpg\"\t1\n2\t%d\t%s\t%.9g\n", row,
             name, value);
    cr_assert_str_eq(tsv.out, want);
    snprintf(want, sizeof want, "   1.0000   a, \"b\"\\t.jpg\n  %7.4f   %s\n", value, name);
    cr_assert_str_eq(text.out, want);
    json_decref(array);
    program_free(&json), program_free(&lines), program_free(&csv), program_free(&tsv), program_free(&text);
    free(bee), free(rows), free(path);
    folder_remove(folder);
}

Test(similar, names_may_be_missing_but_not_some)
{
    char *folder = folder_make();
    float *rows = make_rows(3, WIDTH);
    char *path = write_rows(folder, "a.npy", rows, 3, WIDTH);
    struct program p = find(path, "json");
    json_t *array = program_json(&p);
    cr_assert(json_is_null(json_object_get(json_array_get(array, 0), "file")));
    json_decref(array);
    program_free(&p);
    p = find(path, "text");
    cr_assert(strstr(p.out, "   row "), "%s", p.out);
    program_free(&p);
    static const char *const wrong[][2] = {{"a\nb\n", "a.files.txt: 2 lines for an array of 3 rows"},
                                           {"a\nb\nc\n\n", "a.files.txt: 4 lines for an array of 3 rows"},
                                           {"", "a.files.txt: 0 lines for an array of 3 rows"}};
    for (size_t i = 0; i < 3; i++) {
        free(folder_write(folder, "a.files.txt", wrong[i][0]));
        p = find(path, "text");
        program_expect(&p, 2, wrong[i][1]);
        program_free(&p);
    }
    free(rows), free(path);
    folder_remove(folder);
}

/* ---- Refusals ---- */

static void expect_refused(const char *path, const char *message)
{
    struct program p = RUN("similar", path, BEE);
    program_expect(&p, 2, message);
    program_expect(&p, 2, path);
    cr_assert_str_empty(p.out);
    program_free(&p);
}

Test(similar, hostile_arrays_are_refused)
{
    static const struct {
        const char *text, *message;
    } headers[] = {
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 384), }\n", "Fortran's order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (768,), }\n", "an array of 1 dimension, expected 2"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 12, 32), }\n", "an array of 3 dimensions, expected 2"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 384), }\n", "an array of I32"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 384), }\n", "big-endian"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 384), }\n", "Python objects"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), }\n", "3 rows of 384 numbers (F32) do not fit"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 384), }\n", "do not fit into"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 384), }\n", "64-bit integer"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 384), }\n", "64-bit integer"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 384), }\n", "has no rows"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }\n", "rows of 0 numbers"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807), }\n",
         "rows of 9223372036854775807"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 192), }\n", "has rows of 192 numbers, and "},
        {"{'descr': '<f4', 'fortran_order': False, }\n", "a key is missing"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 384), ", "numpy header"},
    };
    char *folder = folder_make();
    float *rows = make_rows(2, WIDTH);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char *path = write_array(folder, "a.npy", 1, headers[i].text, rows, 2 * WIDTH * sizeof *rows);
        expect_refused(path, headers[i].message);
        free(path);
    }
    char *path = write_array(folder, "a.npy", 9, headers[0].text, rows, 100);
    expect_refused(path, "numpy format version 9");
    free(path);
    path = folder_write(folder, "a.npy", "");
    expect_refused(path, "the file is empty");
    free(path);
    path = folder_write(folder, "a.npy", "\x93NUMPY\x01");
    expect_refused(path, "reach beyond the file's 7 bytes");
    free(path);
    expect_refused(folder, "a folder, not a file");
    expect_refused(BEE, "not a numpy array");
    free(rows);
    folder_remove(folder);
}

#define REFUSED(message, ...)                                                                                          \
    do {                                                                                                               \
        struct program p_ = RUN("similar", __VA_ARGS__);                                                               \
        program_expect(&p_, 2, message);                                                                               \
        program_free(&p_);                                                                                             \
    } while (0)

Test(similar, what_cannot_be_meant_is_refused)
{
    char *folder = folder_make();
    float *rows = make_rows(2, WIDTH);
    char *path = write_rows(folder, "a.npy", rows, 2, WIDTH);
    REFUSED("name an array of features", "--duplicates", "0.9");
    REFUSED("what should be compared", path);
    REFUSED("give one of these", path, BEE, "--duplicates", "0.9");
    REFUSED("give one of these", path, BEE, "--text", "a bee");
    REFUSED("name one picture, not 2", path, BEE, BEE);
    REFUSED("samples: a folder; name one picture", path, "samples");
    REFUSED("--duplicates 0: expected a cosine", path, "--duplicates", "0");
    REFUSED("--duplicates 1.5: expected a cosine", path, "--duplicates", "1.5");
    REFUSED("has no text tower", path, "--text", "a bee");
    REFUSED("this is the name of a picture", path, BEE, "-o", "x.jpg");
    struct program p = RUN("similar", path, "README.md");
    program_expect(&p, 1, "README.md: ");
    cr_assert_str_empty(p.out);
    program_free(&p);
    free(rows), free(path);
    folder_remove(folder);
}

/* ---- Groups ---- */

static size_t first_of(const size_t *parent, size_t row)
{
    return parent[row] == row ? row : first_of(parent, parent[row]);
}

/* Rows that come in families of 3, near each other, and in chains, whose ends are far from each other. All but the
 * first `used` numbers of a row are 0, which makes it fast to compare them here. */
static float *make_families(size_t n, size_t width, size_t used)
{
    uint32_t state = 99;
    float *rows = calloc(n * width, sizeof *rows);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < used; j++) {
            float number = next_number(&state);
            bool near = i >= 10 && i % 3 == 0, chained = i >= 1 && i % 7 == 0;
            rows[i * width + j] = near      ? 3 * rows[(i - 10) * width + j] + 0.1f * number
                                  : chained ? rows[(i - 1) * width + j] + 0.2f * number
                                            : number;
        }
    memset(rows + 2 * width, 0, width * sizeof *rows);
    rows[4 * width] = NAN;
    memcpy(rows + (n - 1) * width, rows + width, width * sizeof *rows);
    return rows;
}

/* The number of the group of each row, from 1 on by the first rows; 0: it is in none. */
static int *group_all(const float *rows, size_t n, size_t width, size_t used, double least)
{
    size_t *parent = malloc(n * sizeof *parent);
    int *groups = calloc(n, sizeof *groups), *sizes = calloc(n, sizeof *sizes), count = 0;
    for (size_t i = 0; i < n; i++)
        parent[i] = i;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (cosine(rows + i * width, rows + j * width, used) >= least) {
                size_t a = first_of(parent, i), b = first_of(parent, j);
                parent[a > b ? a : b] = a > b ? b : a;
            }
    for (size_t i = 0; i < n; i++)
        sizes[first_of(parent, i)]++;
    for (size_t i = 0; i < n; i++) {
        size_t first = first_of(parent, i);
        groups[i] = sizes[first] == 1 ? 0 : first == i ? ++count : groups[first];
    }
    free(parent), free(sizes);
    return groups;
}

static void expect_groups(size_t n, size_t width, size_t used, const char *least, const char *threads)
{
    char *folder = folder_make();
    float *rows = make_families(n, width, used);
    char *path = write_rows(folder, "a.npy", rows, n, width);
    int *want = group_all(rows, n, width, used, strtod(least, NULL)), *got = calloc(n, sizeof *got);
    struct program p = RUN("similar", path, "--duplicates", least, "-t", threads, "-fcsv");
    program_expect(&p, 0, "rows are near another");
    char *line = strtok(p.out, "\n");
    cr_assert_str_eq(line, "group,row,file");
    int group, row, last_group = 0, last_row = -1;
    while ((line = strtok(NULL, "\n"))) {
        cr_assert_eq(sscanf(line, "%d,%d,", &group, &row), 2, "%s", line);
        cr_assert(group == last_group ? row > last_row : group == last_group + 1, "%s", line);
        got[row] = last_group = group;
        last_row = row;
    }
    int grouped = 0;
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(got[i], want[i], "row %zu is in group %d, expected %d", i, got[i], want[i]);
        grouped += want[i] > 0;
    }
    cr_assert(grouped > 10 && grouped < (int)n);
    free(rows), free(path), free(want), free(got);
    program_free(&p);
    folder_remove(folder);
}

/* The widths make blocks of many rows and of few, so that there are several of both kinds. */
Test(similar, groups_are_those_of_plain_loops)
{
    expect_groups(700, 37, 37, "0.98", "1");
    expect_groups(3500, 20, 20, "0.97", "3");
    expect_groups(1500, 5000, 12, "0.99", "2");
    expect_groups(130, 1, 1, "0.5", "1");
}

/* Where products in f32 cannot tell: rows that are equal but for their lengths have a cosine of 1 exactly. */
Test(similar, equal_rows_reach_one)
{
    enum { PAIRS = 50, ODD = 37 };
    char *folder = folder_make();
    float *rows = make_rows(2 * PAIRS, ODD);
    for (size_t i = 0; i < PAIRS * ODD; i++)
        rows[PAIRS * ODD + i] = 4 * rows[i];
    char *path = write_rows(folder, "a.npy", rows, 2 * PAIRS, ODD);
    struct program p = RUN("similar", path, "--duplicates", "1", "-fjsonl");
    program_expect(&p, 0, "100 of 100 rows are near another, in groups: 50");
    program_free(&p);
    free(rows), free(path);
    folder_remove(folder);
}

Test(similar, groups_in_every_form)
{
    static const char names[] = "a\nb\nc\nd\n";
    static const float rows[] = {1, 0, 0, 1, 2, 0, 0.01f, 1};
    static const char *const want[][2] = {
        {"text", "group 1: 2 alike\n  a\n  c\ngroup 2: 2 alike\n  b\n  d\n"},
        {"csv", "group,row,file\n1,0,a\n1,2,c\n2,1,b\n2,3,d\n"},
        {"tsv", "group\trow\tfile\n1\t0\ta\n1\t2\tc\n2\t1\tb\n2\t3\td\n"},
        {"jsonl", "{\"group\":1,\"rows\":[{\"row\":0,\"file\":\"a\"},{\"row\":2,\"file\":\"c\"}]}\n"
                  "{\"group\":2,\"rows\":[{\"row\":1,\"file\":\"b\"},{\"row\":3,\"file\":\"d\"}]}\n"},
        {"json", "[\n {\"group\":1,\"rows\":[{\"row\":0,\"file\":\"a\"},{\"row\":2,\"file\":\"c\"}]},\n"
                 " {\"group\":2,\"rows\":[{\"row\":1,\"file\":\"b\"},{\"row\":3,\"file\":\"d\"}]}\n]\n"}};
    char *folder = folder_make();
    char *path = write_rows(folder, "a.npy", rows, 4, 2);
    free(folder_write(folder, "a.files.txt", names));
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct program p = RUN("similar", path, "--duplicates", "0.99", "-f", want[i][0]);
        program_expect(&p, 0, "4 of 4 rows are near another, in groups: 2");
        cr_assert_str_eq(p.out, want[i][1]);
        program_free(&p);
    }
    struct program p = RUN("similar", path, "--duplicates", "1", "-f", "csv", "-q"); /* equal but for their lengths */
    program_expect(&p, 0, NULL);
    cr_assert_str_eq(p.out, "group,row,file\n1,0,a\n1,2,c\n");
    cr_assert_str_empty(p.err);
    program_free(&p);
    free(path);
    folder_remove(folder);
}
