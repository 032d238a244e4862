/* test_records.c: the output formats, read back by other readers. */
#include <criterion/criterion.h>
#include <math.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/program.h"

#define BEE "samples/bee.jpg"

Test(records, json_is_an_array_of_the_lines_of_jsonl)
{
    struct program whole = RUN("classify", "-f", "json", "-b", "5", "samples", "/tmp/vit-no-such-file");
    struct program lines = RUN("classify", "-f", "jsonl", "-b", "5", "samples", "/tmp/vit-no-such-file");
    program_expect(&whole, 1, NULL);
    program_expect(&lines, 1, NULL);
    json_t *array = program_json(&whole);
    cr_assert_eq(json_array_size(array), 13);
    cr_assert_eq(program_lines(&lines), 13);
    for (int i = 0; i < 13; i++) {
        json_t *line = program_json_line(&lines, i);
        cr_assert(json_equal(line, json_array_get(array, (size_t)i)), "record %d", i);
        json_decref(line);
    }
    json_decref(array);
    program_free(&whole);
    program_free(&lines);
}

/* The scores of one record, which must be sorted; returns their sum. */
static double check_results(const json_t *results, size_t n)
{
    double sum = 0, last = INFINITY;
    cr_assert_eq(json_array_size(results), n);
    for (size_t i = 0; i < n; i++) {
        const json_t *result = json_array_get(results, i);
        double score = json_number_value(json_object_get(result, "score"));
        cr_assert(score <= last, "rank %zu", i + 1);
        cr_assert(json_is_integer(json_object_get(result, "index")));
        cr_assert(json_is_string(json_object_get(result, "label")));
        cr_assert_eq(json_string_value(json_object_get(result, "id"))[0], 'n'); /* of WordNet */
        cr_assert_eq(json_object_size(result), 4);
        last = score;
        sum += score;
    }
    return sum;
}

static size_t count_classes(void)
{
    struct program p = RUN("info", "-f", "json");
    program_expect(&p, 0, NULL);
    json_t *info = program_json(&p);
    size_t n = (size_t)json_integer_value(json_object_get(json_object_get(info, "config"), "classes"));
    json_decref(info);
    program_free(&p);
    return n;
}

Test(records, top_k_counts_to_all)
{
    size_t classes = count_classes();
    const struct {
        const char *k;
        size_t n;
    } cases[] = { { "1", 1 }, { "5", 5 }, { "all", classes }, { "1000000", classes } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct program p = RUN("classify", "-f", "jsonl", "-k", cases[i].k, BEE);
        program_expect(&p, 0, NULL);
        json_t *record = program_json_line(&p, 0);
        cr_assert_eq(json_object_size(record), 3); /* file, results, error */
        double sum = check_results(json_object_get(record, "results"), cases[i].n);
        cr_assert(cases[i].n < classes || fabs(sum - 1) < 1e-4, "probabilities sum to %g", sum);
        json_decref(record);
        program_free(&p);
    }
}

Test(records, scores_and_threshold_go_together)
{
    struct program all = RUN("classify", "-f", "jsonl", "-kall", "--scores", "logit", BEE);
    program_expect(&all, 0, NULL);
    json_t *record = program_json_line(&all, 0), *results = json_object_get(record, "results");
    check_results(results, count_classes());
    double third = json_number_value(json_object_get(json_array_get(results, 2), "score"));
    char threshold[64];
    snprintf(threshold, sizeof threshold, "%.9g", third - 1e-4);
    struct program some = RUN("classify", "-f", "jsonl", "-kall", "--scores=logit", "--threshold", threshold, BEE);
    program_expect(&some, 0, NULL);
    json_t *kept = program_json_line(&some, 0);
    check_results(json_object_get(kept, "results"), 3);
    json_decref(record);
    json_decref(kept);
    program_free(&all);
    program_free(&some);

    struct program none = RUN("classify", "-f", "jsonl", "--threshold", "1", BEE);
    program_expect(&none, 0, NULL);
    record = program_json_line(&none, 0);
    check_results(json_object_get(record, "results"), 0);
    cr_assert(json_is_null(json_object_get(record, "error")));
    json_decref(record);
    program_free(&none);
}

/* Reads one field of RFC 4180 at *text, moving it behind the separator or line end. The caller frees. */
static char *read_field(const char **text, char separator)
{
    char *field = calloc(1, strlen(*text) + 1), *end = field;
    const char *t = *text;
    if (*t == '"') {
        for (t++; *t && !(*t == '"' && t[1] != '"'); t++) {
            t += *t == '"';
            *end++ = *t;
        }
        cr_assert_eq(*t++, '"');
    } else {
        while (*t && *t != separator && *t != '\n')
            *end++ = *t++;
    }
    cr_assert(*t == separator || *t == '\n', "field ends in %d", *t);
    *text = t + 1;
    return field;
}

static void expect_fields(const char **text, char separator, const char *const fields[6])
{
    for (int i = 0; i < 6; i++) {
        char *field = read_field(text, separator);
        cr_assert(!fields[i] || strcmp(field, fields[i]) == 0, "field %d: \"%s\", expected \"%s\"", i, field,
                  fields[i]);
        free(field);
    }
}

/* One good picture with a name that needs every quote, one that fails. */
static void check_table(const char *format, char separator)
{
    char *folder = folder_make();
    char *odd = folder_link(folder, "a, \"b\"\t\nc.jpg", BEE);
    struct program p = RUN("classify", "-k2", "-f", format, odd, "/tmp/vit-no-such-file");
    program_expect(&p, 1, NULL);
    const char *text = p.out;
    expect_fields(&text, separator, (const char *const[]){ "file", "rank", "index", "label", "score", "error" });
    expect_fields(&text, separator, (const char *const[]){ odd, "1", NULL, NULL, NULL, "" });
    expect_fields(&text, separator, (const char *const[]){ odd, "2", NULL, NULL, NULL, "" });
    cr_assert_eq(strncmp(strrchr(text, separator) + 1, "open: ", 6), 0, "%s", text);
    expect_fields(&text, separator, (const char *const[]){ "/tmp/vit-no-such-file", "", "", "", "", NULL });
    cr_assert_str_empty(text);
    program_free(&p);
    free(odd);
    folder_remove(folder);
}

/* A picture without a class above the threshold has a row, too; and names keep their bytes. */
static void check_rows(const char *format, char separator)
{
    char *folder = folder_make();
    char *first = folder_link(folder, "\xfe.jpg", BEE), *second = folder_link(folder, "\xff\xc3.jpg", BEE);
    struct program p = RUN("classify", "--threshold", "1", "-f", format, first, second);
    program_expect(&p, 0, NULL);
    const char *text = strchr(p.out, '\n') + 1;
    expect_fields(&text, separator, (const char *const[]){ first, "", "", "", "", "" });
    expect_fields(&text, separator, (const char *const[]){ second, "", "", "", "", "" });
    cr_assert_str_empty(text);
    program_free(&p);
    free(first), free(second);
    folder_remove(folder);
}

Test(records, every_picture_has_a_row)
{
    check_rows("csv", ',');
    check_rows("tsv", '\t');
}

Test(records, csv)
{
    check_table("csv", ',');
}

Test(records, tsv)
{
    check_table("tsv", '\t');
}

static void expect_name(const char *name, const char *shown, const char *base64)
{
    char *folder = folder_make();
    free(folder_link(folder, name, BEE));
    struct program p = RUN("classify", "-f", "json", folder);
    program_expect(&p, 0, NULL);
    json_t *records = program_json(&p);
    const json_t *record = json_array_get(records, 0);
    const char *file = json_string_value(json_object_get(record, "file"));
    cr_assert_str_eq(strrchr(file, '/') + 1, shown);
    const char *coded = json_string_value(json_object_get(record, "file_base64"));
    cr_assert_eq(coded != NULL, base64 != NULL);
    if (base64) /* the folder's name is random but as long as a multiple of three bytes */
        cr_assert_str_eq(coded + strlen("/tmp/vit-test-XXXXXX/") / 3 * 4, base64);
    json_decref(records);
    program_free(&p);
    folder_remove(folder);
}

Test(records, odd_file_names_survive)
{
    expect_name("two words.jpg", "two words.jpg", NULL);
    expect_name("new\nline.jpg", "new\nline.jpg", NULL);
    expect_name("q\"u'o\\te.jpg", "q\"u'o\\te.jpg", NULL);
    expect_name("\x01\x1b.jpg", "\x01\x1b.jpg", NULL);
    expect_name("-k.jpg", "-k.jpg", NULL);
    expect_name("\xF0\x9F\x90\x9D.jpg", "\xF0\x9F\x90\x9D.jpg", NULL);
}

Test(records, file_names_that_are_not_utf8)
{
    expect_name("\xff.jpg", "\xEF\xBF\xBD.jpg", "/y5qcGc=");
    expect_name("a\xC3.jpg", "a\xEF\xBF\xBD.jpg", "YcMuanBn");
    expect_name("\xED\xA0\x80.jpg", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD.jpg", "7aCALmpwZw=="); /* a surrogate */
    expect_name("\xE2\x82.jpg", "\xEF\xBF\xBD.jpg", "4oIuanBn");                                /* one part, cut */
    expect_name("\xC0\xAF.jpg", "\xEF\xBF\xBD\xEF\xBF\xBD.jpg", "wK8uanBn");                    /* overlong */
}

Test(records, model_without_ids_has_none_in_json)
{
    struct program p = RUN("classify", "-m", "tests/families/hf_vit", "-f", "jsonl", "-k1", BEE);
    program_expect(&p, 0, NULL);
    json_t *record = program_json_line(&p, 0);
    const json_t *result = json_array_get(json_object_get(record, "results"), 0);
    cr_assert_eq(json_object_size(result), 3);
    cr_assert_null(json_object_get(result, "id"));
    json_decref(record);
    program_free(&p);
}

/* What classify writes to a terminal of so many columns. The caller frees. */
static char *on_terminal(unsigned short columns, const char *labels)
{
    int master, slave;
    struct winsize size = { .ws_row = 24, .ws_col = columns };
    if (openpty(&master, &slave, NULL, NULL, &size) != 0)
        cr_skip_test("there are no pseudo-terminals here");
    struct program p = { ARGUMENTS("classify", "-m", "tests/families/hf_vit", "--labels", labels, "-k", "4", BEE),
                         VARIABLES("NO_COLOR=1"), .output_fd = slave };
    program_run(&p);
    program_expect(&p, 0, NULL);
    char *text = calloc(1, 4096);
    cr_assert(read(master, text, 4095) > 0);
    close(master), close(slave);
    program_free(&p);
    return text;
}

/* hf_vit has seven classes; the four best are those of the labels below that are longer than a letter, and f. */
Test(records, labels_are_cut_at_the_edge_of_a_terminal_only)
{
    char *folder = folder_make();
    char *labels = folder_write(folder, "labels", "a\nabcdefghijklmnopqrstuvwxyz\n\xE8\x9C\x9C\xE8\x9C\x82\xE8\x9C\x9C"
                                "\xE8\x9C\x82\xE8\x9C\x9C\xE8\x9C\x82\nd\n0123456789\nf\ng\n");
    char *narrow = on_terminal(22, labels);
    cr_assert(strstr(narrow, "%   abcdefg...\r\n"), "%s", narrow);
    cr_assert(strstr(narrow, "%   0123456789\r\n"), "%s", narrow);
    cr_assert(strstr(narrow, "%   \xE8\x9C\x9C\xE8\x9C\x82\xE8\x9C\x9C...\r\n"), "%s", narrow);
    char *wide = on_terminal(80, labels), *tiny = on_terminal(5, labels);
    cr_assert(strstr(wide, "%   abcdefghijklmnopqrstuvwxyz\r\n"), "%s", wide);
    cr_assert(strstr(tiny, "%   abcdefghijklmnopqrstuvwxyz\r\n"), "%s", tiny);
    struct program p = RUN("classify", "-m", "tests/families/hf_vit", "--labels", labels, "-k", "7", BEE);
    cr_assert(strstr(p.out, "%   abcdefghijklmnopqrstuvwxyz\n"), "%s", p.out);
    program_free(&p);
    free(narrow), free(wide), free(tiny), free(labels);
    folder_remove(folder);
}

Test(records, leading_dash_needs_no_folder)
{
    char *folder = folder_make();
    char *link = folder_link(folder, "-k.jpg", BEE);
    struct program p = RUN("classify", "-f", "jsonl", "--", "-k.jpg");
    program_expect(&p, 1, NULL); /* it is a file, which is not here */
    cr_assert(strstr(p.out, "\"file\":\"-k.jpg\""), "%s", p.out);
    program_free(&p);
    free(link);
    folder_remove(folder);
}

Test(records, text_is_for_people)
{
    char *folder = folder_make();
    free(folder_link(folder, "a\x1b[31m\n.jpg", BEE));
    free(folder_link(folder, "b\xff\xc3\xc2\x9b\xc3\xa9.jpg", BEE));
    struct program p = RUN("classify", "-k3", folder);
    program_expect(&p, 0, NULL);
    cr_assert_eq(program_lines(&p), 8, "%s", p.out);
    cr_assert(strstr(p.out, "/b\\xff\\xc3\\xc2\\x9b\xc3\xa9.jpg\n"), "%s", p.out);
    cr_assert(strstr(p.out, "/a\\x1b[31m\\n.jpg\n"), "%s", p.out); /* nothing that a terminal would obey */
    cr_assert(strstr(p.out, "%   "), "%s", p.out);
    program_free(&p);
    p = RUN("classify", "--threshold", "1", BEE);
    program_expect(&p, 0, NULL);
    cr_assert(strstr(p.out, "no class reaches the threshold"), "%s", p.out);
    program_free(&p);
    folder_remove(folder);
}
