/* text.h: strings from outside (file names, labels, messages), written so that they cannot break what they are
 * written into. What is not UTF-8 shows its bytes (\xff) to people and keeps them in CSV and TSV; JSON, which cannot
 * hold it, gets U+FFFD, one for each ill-formed part, as in Python. */
#ifndef VIT_TOOLS_TEXT_H
#define VIT_TOOLS_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

bool vit_text_is_utf8(const char *s);

void vit_text_plain(FILE *out, const char *s);               /* for a terminal: control characters as \n, \x1b */
void vit_text_cut(FILE *out, const char *s, int columns);    /* the same, cut with "..." where it would be longer */
void vit_text_json(FILE *out, const char *s);                /* a JSON string, with its quotes */
void vit_text_field(FILE *out, const char *s, char separator); /* a CSV or TSV field, quoted where RFC 4180 wants it */
void vit_text_base64(FILE *out, const char *s);              /* the bytes themselves, in base64 */

void vit_text_json_real(FILE *out, double value); /* %.9g; null when it is not finite, which JSON cannot say */
void vit_text_thousands(FILE *out, int64_t n);    /* 5,717,416 */

#endif
