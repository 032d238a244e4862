/* report.c: settings with their origin, and the tensors left aside. */
#include "weights/canonical/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(struct vit_report *report, void *array, int n, size_t size)
{
    void *grown = realloc(array, ((size_t)n + 1) * size);
    if (!grown)
        report->failed = true;
    return grown;
}

static void clear(struct vit_setting *setting)
{
    free(setting->name);
    free(setting->value);
    free(setting->source);
}

static struct vit_setting *place(struct vit_report *report, const char *name)
{
    for (int i = 0; i < report->n_settings; i++) {
        if (strcmp(report->settings[i].name, name) == 0) {
            clear(&report->settings[i]);
            return &report->settings[i];
        }
    }
    struct vit_setting *grown = grow(report, report->settings, report->n_settings, sizeof *grown);
    if (!grown)
        return NULL;
    report->settings = grown;
    return &grown[report->n_settings++];
}

void vit_report_set(struct vit_report *report, const char *name, const char *source, const char *format, ...)
{
    struct vit_setting fresh = {strdup(name), NULL, strdup(source)};
    va_list args;
    va_start(args, format);
    if (vasprintf(&fresh.value, format, args) < 0)
        fresh.value = NULL;
    va_end(args);
    struct vit_setting *at = fresh.name && fresh.value && fresh.source ? place(report, name) : NULL;
    if (at) {
        *at = fresh;
    } else {
        clear(&fresh);
        report->failed = true;
    }
}

void vit_report_ignore(struct vit_report *report, const char *tensor)
{
    char *copy = strdup(tensor);
    char **grown = copy ? grow(report, report->ignored, report->n_ignored, sizeof *grown) : NULL;
    if (!grown) {
        free(copy);
        report->failed = true;
        return;
    }
    report->ignored = grown;
    grown[report->n_ignored++] = copy;
}

vit_status vit_report_check(const struct vit_report *report, struct vit_error *err)
{
    return report->failed ? vit_fail(err, VIT_ERR_MEMORY, "out of memory for the report") : VIT_OK;
}

void vit_report_free(struct vit_report *report)
{
    for (int i = 0; i < report->n_settings; i++)
        clear(&report->settings[i]);
    for (int i = 0; i < report->n_ignored; i++)
        free(report->ignored[i]);
    free(report->settings);
    free(report->ignored);
    *report = (struct vit_report){0};
}
