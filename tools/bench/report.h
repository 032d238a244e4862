/* report.h: what was measured, as Markdown, CSV and JSON. */
#ifndef VIT_TOOLS_BENCH_REPORT_H
#define VIT_TOOLS_BENCH_REPORT_H

#include <jansson.h>

#include "tools/bench/run.h"

struct vit_bench_report {
    FILE *out;
    int format; /* VIT_BENCH_ */
    enum vit_tune tune;
    bool quiet; /* no notes */
    int n;      /* records so far */
};

/* begin, then one kind of record as often as there are runs, then end. Nothing is flushed. */
void vit_bench_report_begin(struct vit_bench_report *report);
void vit_bench_report_run(struct vit_bench_report *report, const struct vit_bench_run *run);
void vit_bench_report_profile(struct vit_bench_report *report, const struct vit_bench_run *run);
void vit_bench_report_stages(struct vit_bench_report *report, const struct vit_bench_run *run);
void vit_bench_report_end(struct vit_bench_report *report);

/* What the runs' shares of the peak are shares of, and oneDNN's best product beside it: a table for people, after the
 * runs. */
void vit_bench_report_peaks(const struct vit_bench_report *report, const struct vit_bench_run *runs, int n);

/* What the start of each run took, in time and memory: a table for people, after the runs. */
void vit_bench_report_starts(const struct vit_bench_report *report, const struct vit_bench_run *runs, int n);

/* What a reader of the numbers must know: a machine that was busy or grew slower. In Markdown a line of the
 * report, else on stderr. */
void vit_bench_report_notes(const struct vit_bench_report *report, const struct vit_bench_run *run);
void vit_bench_note(const struct vit_bench_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The record of a run as JSON; the caller frees. NULL: out of memory. */
json_t *vit_bench_run_json(const struct vit_bench_run *run);

/* ---- The parts of a record ---- */

/* Whether this is the first record; in JSON writes what separates it from the one before. */
bool vit_bench_begin_record(struct vit_bench_report *report);

/* "key":value, with a comma behind; a value that is not finite is null. */
void vit_bench_put_text(FILE *out, const char *key, const char *value);
void vit_bench_put_real(FILE *out, const char *key, double value);
void vit_bench_put_summary(FILE *out, const char *key, const struct vit_summary *summary);

/* ,value of CSV; one that is not finite is left out. */
void vit_bench_put_csv_real(FILE *out, double value);
void vit_bench_put_csv_summary(FILE *out, const struct vit_summary *summary);

/* value | of Markdown, in milliseconds, with three digits at least; one that is not finite is "-". */
void vit_bench_put_ms(FILE *out, double ms);

/* The value of the quantile q, or NAN where so few samples do not tell. */
double vit_bench_quantile(const struct vit_summary *summary, double q);

/* Digits behind the point so that milliseconds show three at least. */
int vit_bench_decimals(double ms);

/* The fields that tell configurations apart: | in Markdown behind each, ,"" in JSON, commas in CSV. */
void vit_bench_put_name(FILE *out, const struct vit_bench_run *run);
void vit_bench_put_configuration(FILE *out, const struct vit_bench_run *run);
#define VIT_BENCH_CSV_CONFIGURATION "model,arch,image_size,batch,threads,precision,tune,streams"
void vit_bench_put_csv_configuration(FILE *out, const struct vit_bench_run *run);

const char *vit_bench_tune_name(enum vit_tune tune);

#endif
