/* messages.c: one line on stderr. */
#include "tools/output/messages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/output/text.h"

void vit_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message;
    int length = vasprintf(&message, format, args);
    va_end(args);
    fputs("vit: ", stderr);
    vit_text_plain(stderr, length < 0 ? "out of memory" : message);
    putc('\n', stderr);
    if (length >= 0)
        free(message);
}

void vit_say_cut(int n)
{
    if (n > 0)
        vit_say("%d text%s longer than the text tower takes, and cut", n, n == 1 ? " is" : "s are");
}
