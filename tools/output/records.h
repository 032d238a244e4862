/* records.h: the result for one input, in the five output formats. */
#ifndef VIT_TOOLS_RECORDS_H
#define VIT_TOOLS_RECORDS_H

#include "tools/common/options.h"
#include "tools/output/output.h"

struct vit_record {
    const char *file;
    const struct vit_result *results; /* (n), best first */
    int n;
    const struct vit_error *err; /* NULL: it worked */
};

struct vit_records {
    struct vit_output *output;
    int format; /* VIT_FORMAT_ */
    int scores; /* enum vit_score */
    const struct vit_model *model; /* of the results */
    bool color;
    int columns; /* that text may take, labels being cut; 0: any */
    size_t n; /* written so far */
};

/* What stands before the first record, a record, and what stands after the last; each is flushed. A failed input has no
 * record in the text format. Errors, of the output: read (writing failed), memory. */
vit_status vit_records_begin(struct vit_records *records, struct vit_error *err);
vit_status vit_records_write(struct vit_records *records, const struct vit_record *record, struct vit_error *err);
vit_status vit_records_end(struct vit_records *records, struct vit_error *err);

/* Parts of a record in JSON: "file":"a.jpg", with the key given, and its bytes in base64 behind it where it is not UTF-8;
 * and the reason of a failure, or null. */
void vit_records_put_name(FILE *out, const char *key, const char *name);
void vit_records_put_error(FILE *out, const struct vit_error *err);

#endif
