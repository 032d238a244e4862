/* test_rooms.c: the order of the folders: nothing includes upward, and no two files need each other. */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the bottom to the top. vit/vit.h is the door of the library: all of it that the tools may see. */
static const char *const rooms[] = {"vit/base",
                                    "patches",
                                    "weights/json",
                                    "weights/containers",
                                    "weights/tokenizers",
                                    "weights/canonical",
                                    "weights/settings",
                                    "weights/families",
                                    "weights",
                                    "vit/operators",
                                    "vit/onednn",
                                    "vit/kernels",
                                    "vit/choice",
                                    "vit/network",
                                    "vit",
                                    "tools/common",
                                    "tools/output",
                                    "tools/pictures",
                                    "tools/features",
                                    "tools/bench",
                                    "tools"};

enum { N_ROOMS = sizeof rooms / sizeof *rooms, MAX_UNITS = 400 };

static int room_of(const char *path)
{
    size_t n = (size_t)(strrchr(path, '/') - path);
    for (int i = 0; i < N_ROOMS; i++)
        if (strlen(rooms[i]) == n && strncmp(rooms[i], path, n) == 0)
            return i;
    cr_assert_fail("%s: its folder has no place in the order", path);
    return -1;
}

/* A unit is a header and its source; it needs those whose headers its source includes. */
static char units[MAX_UNITS][96];
static int n_units;
static bool needs[MAX_UNITS][MAX_UNITS];

static int unit_of(const char *path)
{
    int length = (int)(strrchr(path, '.') - path), i = 0;
    while (i < n_units && (strncmp(units[i], path, (size_t)length) != 0 || units[i][length] != '\0'))
        i++;
    cr_assert_lt(i, MAX_UNITS);
    if (i == n_units)
        snprintf(units[n_units++], sizeof *units, "%.*s", length, path);
    return i;
}

static void check_include(const char *path, const char *included)
{
    bool public = strcmp(included, "vit/vit.h") == 0, tool = strncmp(path, "tools/", 6) == 0;
    cr_expect(public || room_of(included) <= room_of(path), "%s includes %s, which is above it", path, included);
    cr_expect(!tool || public || strncmp(included, "tools/", 6) == 0, "%s includes %s: tools see vit/vit.h alone", path,
              included);
    int from = unit_of(path), to = unit_of(included);
    if (from != to && strcmp(strrchr(path, '.'), ".c") == 0)
        needs[from][to] = true;
}

static void read_includes(const char *path)
{
    char line[512], included[96];
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "#include \"%95[^\"]\"", included) == 1)
            check_include(path, included);
    fclose(file);
}

Test(rooms, nothing_includes_upward_and_no_circles)
{
    for (int i = 0; i < N_ROOMS; i++) {
        char pattern[96];
        glob_t found;
        snprintf(pattern, sizeof pattern, "%s/*.[ch]", rooms[i]);
        cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "%s: nothing there", pattern);
        for (size_t j = 0; j < found.gl_pathc; j++)
            read_includes(found.gl_pathv[j]);
        globfree(&found);
    }
    for (int k = 0; k < n_units; k++) /* what is needed at one remove, and so on */
        for (int i = 0; i < n_units; i++)
            for (int j = 0; needs[i][k] && j < n_units; j++)
                needs[i][j] |= needs[k][j];
    for (int i = 0; i < n_units; i++)
        cr_expect_not(needs[i][i], "%s needs itself by way of what it includes", units[i]);
    cr_expect_gt(n_units, 100);
}
