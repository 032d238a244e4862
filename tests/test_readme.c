/* test_readme.c: every vit command of the README is run; what those of a console block print is compared with what the
 * README shows there. A line of dots stands for any number of lines; numbers may differ by 0.02, since a score's last
 * digits depend on the CPU. The pictures at its top are compared too, and so is the model that it fetches. */
#include <ctype.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/check.h"
#include "tests/program.h"
#include "tests/vit_b16.h"

enum { LINES = 2000, LINE = 4096 };

static const double LOGITS_TOL = 2e-6; /* PyTorch's own f32 is 7e-7 from f64 here */

static int split(char *text, char **lines)
{
    int n = 0;
    for (char *at = text; *at && n < LINES;) {
        lines[n++] = at;
        at += strcspn(at, "\n");
        if (*at)
            *at++ = '\0';
    }
    return n;
}

static char *read_stream(FILE *file)
{
    size_t n = 0, capacity = 1 << 20;
    char *text = malloc(capacity + 1);
    cr_assert(file && text);
    n = fread(text, 1, capacity, file);
    text[n] = '\0';
    return text;
}

/* Whether both lines are the same but for numbers that are close and have about as many digits: zeros at the end of a
 * score are not written. */
static bool same_line(const char *got, const char *want)
{
    while (*got && *want) {
        if (isdigit((unsigned char)*got) && isdigit((unsigned char)*want)) {
            char *got_end, *want_end;
            if (fabs(strtod(got, &got_end) - strtod(want, &want_end)) > 0.02)
                return false;
            if (labs((got_end - got) - (want_end - want)) > 2)
                return false;
            got = got_end;
            want = want_end;
        } else if (*got++ != *want++) {
            return false;
        }
    }
    return *got == *want;
}

static bool same_lines(char **got, int n_got, char **want, int n_want)
{
    if (n_want == 0)
        return n_got == 0;
    if (strcmp(want[0], "...") == 0) {
        for (int skip = 0; skip <= n_got; skip++)
            if (same_lines(got + skip, n_got - skip, want + 1, n_want - 1))
                return true;
        return false;
    }
    return n_got > 0 && same_line(got[0], want[0]) && same_lines(got + 1, n_got - 1, want + 1, n_want - 1);
}

/* A folder in which the README's commands find what they name: the tree, the program under test as build/vit, and in
 * vit-b16 the model that one downloads. Freed and removed by folder_remove. */
static char *make_workplace(bool with_vit_b16)
{
    static const char *const parts[] = {"README.md", "samples", "tests", "tools"};
    char *folder = folder_make(), path[LINE];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(folder_link(folder, parts[i], parts[i]));
    snprintf(path, sizeof path, "%s/build", folder);
    cr_assert_eq(mkdir(path, 0777), 0);
    free(folder_link(folder, "build/vit", VIT_PROGRAM));
    if (with_vit_b16) {
        snprintf(path, sizeof path, "%s/vit-b16", folder);
        cr_assert_eq(mkdir(path, 0777), 0);
        vit_b16_write(path);
    }
    return folder;
}

/* What the command prints in the folder. Only vit and the script of `make run` are run. */
static char *run(const char *folder, const char *command)
{
    char line[LINE];
    cr_assert(strncmp(command, "build/vit ", 10) == 0 || strcmp(command, "tools/run.sh build/vit") == 0,
              "not a vit command: %s", command);
    snprintf(line, sizeof line, "cd %s && exec env -u VIT_MODEL -u VIT_OPS -u VIT_TRACE XDG_CACHE_HOME=/dev/null %s "
             "2>/dev/null", folder, command);
    FILE *pipe = popen(line, "r");
    char *output = read_stream(pipe);
    int status = pclose(pipe);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s: wait status %d", line, status);
    return output;
}

static void check(const char *folder, const char *command, char **want, int n_want)
{
    static char *got[LINES];
    char *output = run(folder, command), *copy = strdup(output);
    int n_got = split(output, got);
    cr_expect(same_lines(got, n_got, want, n_want), "%s\nprinted:\n%s\nwhere the README shows:\n%s ...", command, copy,
              n_want ? want[0] : "nothing");
    free(copy);
    free(output);
}

/* Commands within the text, between backquotes. */
Test(readme, commands_in_the_text_work)
{
    FILE *file = fopen("README.md", "r");
    char *text = read_stream(file), *folder = make_workplace(false), command[LINE];
    fclose(file);
    int n = 0;
    for (char *at = text; (at = strstr(at, "`build/vit ")) != NULL; n++) {
        size_t length = strcspn(at + 1, "`");
        cr_assert_lt(length, sizeof command);
        snprintf(command, sizeof command, "%.*s", (int)length, at + 1);
        free(run(folder, command));
        at += length;
    }
    cr_assert_geq(n, 2, "only %d commands found in README.md", n);
    folder_remove(folder);
    free(text);
}

Test(readme, commands_print_what_it_shows)
{
    static char *lines[LINES];
    FILE *file = fopen("README.md", "r");
    char *text = read_stream(file), *folder = make_workplace(true);
    fclose(file);
    int n = split(text, lines), n_commands = 0;
    bool inside = false;
    for (int i = 0; i < n; i++) {
        if (strncmp(lines[i], "```", 3) == 0)
            inside = strcmp(lines[i], "```console") == 0;
        if (!inside || strncmp(lines[i], "$ ", 2) != 0)
            continue;
        char *command = lines[i] + 2;
        for (size_t length; length = strlen(command), command[length - 1] == '\\' && i + 1 < n; i++)
            memmove(command + length - 1, lines[i + 1], strlen(lines[i + 1]) + 1); /* over the backslash */
        int first = i + 1, end = first;
        while (end < n && strncmp(lines[end], "$ ", 2) != 0 && strcmp(lines[end], "```") != 0)
            end++;
        check(folder, command, lines + first, end - first);
        n_commands++;
    }
    cr_assert_geq(n_commands, 15, "only %d commands found in README.md", n_commands);
    folder_remove(folder);
    free(text);
}

/* ---- The ViT-B/16 that it fetches ---- */

Test(readme, vit_b16_answers_as_timm)
{
    char *folder = make_workplace(true), message[CHECK_MESSAGE_MAX];
    char *output = run(folder, "build/vit classify -m vit-b16 -f csv --scores logit -k all tests/families/picture.png");
    static float got[1000];
    static char *lines[LINES];
    int n = split(output, lines);
    cr_assert_eq(n, 1001, "%d lines", n);
    for (int i = 1; i < n; i++) {
        int index, at;
        cr_assert_eq(sscanf(lines[i], "tests/families/picture.png,%*d,%d,%n", &index, &at), 1, "%s", lines[i]);
        cr_assert(index >= 0 && index < 1000, "%s", lines[i]);
        char *end = strrchr(lines[i], ','); /* of the score; the error behind it is empty */
        *end = '\0';
        got[index] = strtof(strrchr(lines[i], ',') + 1, NULL);
    }
    struct npy want;
    cr_assert(npy_read(&want, "tests/goldens/vit_b16/logits.npy", message), "%s", message);
    cr_assert_eq(want.count, 1000);
    cr_expect(check_f32(message, "logits", got, want.data, want.count, LOGITS_TOL), "%s", message);
    npy_free(&want);
    folder_remove(folder);
    free(output);
}

/* ---- The pictures at its top, which tools/front.py draws ---- */

/* Every class and score that vit prints is in the picture. */
static void check_drawn(const char *folder, const char *name)
{
    static char *lines[LINES];
    char command[LINE], path[LINE];
    snprintf(command, sizeof command, "build/vit classify -k 3 samples/%s.jpg", name);
    snprintf(path, sizeof path, "tools/front/%s.svg", name);
    FILE *file = fopen(path, "r");
    char *svg = read_stream(file), *output = run(folder, command);
    fclose(file);
    int n = split(output, lines);
    cr_assert_eq(n, 4, "%s: %d lines", command, n);
    for (int i = 1; i < n; i++) {
        char label[LINE], drawn[2 * LINE];
        double score, other;
        cr_assert_eq(sscanf(lines[i], "%lf%% %[^,\n]", &score, label), 2, "%s", lines[i]);
        snprintf(drawn, sizeof drawn, ">%s</text>", label);
        const char *at = strstr(svg, drawn);
        cr_assert(at, "%s lacks %s", path, label);
        cr_assert_eq(sscanf(at + strlen(drawn), "%*[^>]>%lf%%", &other), 1, "%s has no score of %s", path, label);
        cr_expect(fabs(score - other) <= 0.02, "%s: %s has %g, not %g", path, label, score, other);
    }
    free(svg);
    free(output);
}

Test(readme, pictures_show_what_vit_answers)
{
    static const char *const names[] = {"bee", "pizza", "sports-car", "elephant"};
    char *folder = make_workplace(false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_drawn(folder, names[i]);
    folder_remove(folder);
}
