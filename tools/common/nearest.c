/* nearest.c: edit distance, for the hint after an unknown command or option. */
#include "tools/common/nearest.h"

#include <string.h>

enum { WORD_MAX = 40 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's distance: the fewest insertions, deletions and replacements that make b of a. Only the last row of the
 * table of prefixes is kept. */
static int distance(const char *a, const char *b)
{
    int row[WORD_MAX + 1];
    int n = (int)strlen(b);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

void vit_nearest_offer(struct vit_nearest *nearest, const char *known)
{
    size_t length = strlen(nearest->word);
    if (length > WORD_MAX || strlen(known) > WORD_MAX)
        return;
    int d = distance(nearest->word, known);
    int enough = length < 4 ? 1 : (int)length / 3 + 1;
    if (d > enough || (nearest->best && d >= nearest->distance))
        return;
    nearest->best = known;
    nearest->distance = d;
}
