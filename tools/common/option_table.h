/* option_table.h: every option of every command, as the parser and the help read it. Private to options.c. */
#ifndef VIT_TOOLS_OPTION_TABLE_H
#define VIT_TOOLS_OPTION_TABLE_H

#include <stddef.h>

#include "tools/common/options.h"

enum vit_option_kind {
    SET,           /* bool = true; no argument */
    CLEAR,         /* bool = false; no argument */
    TEXT,          /* const char * */
    TEXTS,         /* struct vit_texts; may be given several times */
    COUNT,         /* int, 1 .. max */
    COUNT_OR_ALL,  /* the same; "all" is VIT_TOP_ALL */
    DECIMAL_SIZE,  /* int64_t, 1 .. max, with K, M or G for a thousand, a million, a thousand million */
    BINARY_SIZE,   /* int64_t, 1 .. max, with K, M or G for 2^10, 2^20, 2^30 */
    REAL,          /* double */
    CHOICE,        /* int: the place of the word in `argument` */
    COUNTS,        /* struct vit_list of COUNT */
    CHOICES,       /* struct vit_list of CHOICE */
    TRIPLE         /* struct vit_triple */
};

struct vit_option {
    const char *name;
    char letter;          /* or 0 */
    const char *argument; /* as the help shows it; of a CHOICE the words, with | between */
    unsigned commands;
    enum vit_option_kind kind;
    size_t field; /* in struct vit_options */
    int64_t max;
    const char *help;
};

extern const struct vit_option VIT_OPTIONS[];
extern const int VIT_N_OPTIONS;

/* What other programs have, and what to do here. */
struct vit_foreign {
    const char *word; /* or letter */
    unsigned commands;
    const char *hint;
};

extern const struct vit_foreign VIT_FOREIGN[];
extern const int VIT_N_FOREIGN;

#endif
