/* report.h: what was decided while a checkpoint was opened, and why. */
#ifndef VIT_REPORT_H
#define VIT_REPORT_H

#include "vit/base/error.h"
#include "vit/base/options.h"

struct vit_report {
    int n_settings;
    struct vit_setting *settings;
    int n_ignored;
    char **ignored; /* tensors of the file without a use here */
    bool failed;    /* memory ran out */
};

/* Records a setting; a later one of the same name takes the place of the earlier. A failure shows in vit_report_check. */
void vit_report_set(struct vit_report *report, const char *name, const char *source, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void vit_report_ignore(struct vit_report *report, const char *tensor);

vit_status vit_report_check(const struct vit_report *report, struct vit_error *err);
void vit_report_free(struct vit_report *report);

#endif
