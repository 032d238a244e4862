/* test_readme.c: every vit command of the README is run; what those of a console block print is compared with what the
 * README shows there. A line of dots stands for any number of lines; numbers may differ by 0.02, since a score's last digits
 * depend on the CPU. */
#include <ctype.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LINES = 2000, LINE = 4096 };

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

/* Whether both lines are the same but for numbers that are close. */
static bool same_line(const char *got, const char *want)
{
    while (*got && *want) {
        if (isdigit((unsigned char)*got) && isdigit((unsigned char)*want)) {
            char *got_end, *want_end;
            if (fabs(strtod(got, &got_end) - strtod(want, &want_end)) > 0.02)
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

/* The README's build/vit is the program under test. */
static char *run(const char *command)
{
    static const char name[] = "build/vit ";
    char line[LINE];
    cr_assert(strncmp(command, name, strlen(name)) == 0, "not a vit command: %s", command);
    snprintf(line, sizeof line, "env -u VIT_MODEL -u VIT_OPS -u VIT_TRACE XDG_CACHE_HOME=/dev/null " VIT_PROGRAM " %s 2>/dev/null",
             command + strlen(name));
    FILE *pipe = popen(line, "r");
    char *output = read_stream(pipe);
    int status = pclose(pipe);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s: wait status %d", line, status);
    return output;
}

static void check(const char *command, char **want, int n_want)
{
    static char *got[LINES];
    char *output = run(command), *copy = strdup(output);
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
    char *text = read_stream(file), command[LINE];
    fclose(file);
    int n = 0;
    for (char *at = text; (at = strstr(at, "`build/vit ")) != NULL; n++) {
        size_t length = strcspn(at + 1, "`");
        cr_assert_lt(length, sizeof command);
        snprintf(command, sizeof command, "%.*s", (int)length, at + 1);
        free(run(command));
        at += length;
    }
    cr_assert_geq(n, 8, "only %d commands found in README.md", n);
    free(text);
}

Test(readme, commands_print_what_it_shows)
{
    static char *lines[LINES];
    FILE *file = fopen("README.md", "r");
    char *text = read_stream(file);
    fclose(file);
    int n = split(text, lines), n_commands = 0;
    bool inside = false;
    for (int i = 0; i < n; i++) {
        if (strncmp(lines[i], "```", 3) == 0)
            inside = strcmp(lines[i], "```console") == 0;
        if (!inside || strncmp(lines[i], "$ ", 2) != 0)
            continue;
        int first = i + 1, end = first;
        while (end < n && strncmp(lines[end], "$ ", 2) != 0 && strcmp(lines[end], "```") != 0)
            end++;
        check(lines[i] + 2, lines + first, end - first);
        n_commands++;
    }
    cr_assert_geq(n_commands, 8, "only %d commands found in README.md", n_commands);
    free(text);
}
