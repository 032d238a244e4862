/* records.c: text for people; json, jsonl, csv and tsv for programs. */
#include "tools/output/records.h"

#include <string.h>

#include "tools/output/text.h"

/* ---- text ---- */

static void write_text(const struct vit_records *records, const struct vit_record *record)
{
    FILE *out = records->output->text;
    const char *bold = records->color ? "\033[1m" : "", *best = records->color ? "\033[32m" : "";
    const char *plain = records->color ? "\033[0m" : "";
    fputs(bold, out);
    vit_text_plain(out, record->file);
    fprintf(out, "%s\n", plain);
    for (int i = 0; i < record->n; i++) {
        double score = (double)record->results[i].score;
        fputs(i == 0 ? best : "", out);
        int used = records->scores == VIT_SCORE_LOGIT ? fprintf(out, "  %9.4f   ", score)
                                                       : fprintf(out, "  %6.2f%%   ", 100.0 * score);
        if (records->columns > used)
            vit_text_cut(out, record->results[i].label, records->columns - used);
        else
            vit_text_plain(out, record->results[i].label);
        fprintf(out, "%s\n", i == 0 ? plain : "");
    }
    if (record->n == 0)
        fputs("  no class reaches the threshold\n", out);
}

/* ---- json, jsonl ---- */

void vit_records_put_name(FILE *out, const char *key, const char *name)
{
    fprintf(out, "\"%s\":", key);
    vit_text_json(out, name);
    if (!vit_text_is_utf8(name)) {
        fprintf(out, ",\"%s_base64\":\"", key);
        vit_text_base64(out, name);
        putc('"', out);
    }
}

void vit_records_put_error(FILE *out, const struct vit_error *err)
{
    if (!err) {
        fputs("null", out);
        return;
    }
    fprintf(out, "{\"code\":\"%s\",\"message\":", vit_status_name(err->status));
    vit_text_json(out, err->message);
    putc('}', out);
}

static void write_json(const struct vit_records *records, const struct vit_record *record)
{
    FILE *out = records->output->text;
    putc('{', out);
    vit_records_put_name(out, "file", record->file);
    fputs(",\"results\":[", out);
    for (int i = 0; i < record->n; i++) {
        const struct vit_result *result = &record->results[i];
        const char *id = vit_model_label_id(records->model, result->index);
        fprintf(out, "%s{\"index\":%d", i ? "," : "", result->index);
        if (strcmp(id, result->label) != 0) { /* a model without ids answers with the label */
            fputs(",\"id\":", out);
            vit_text_json(out, id);
        }
        fputs(",\"label\":", out);
        vit_text_json(out, result->label);
        fputs(",\"score\":", out);
        vit_text_json_real(out, (double)result->score);
        putc('}', out);
    }
    fputs("],\"error\":", out);
    vit_records_put_error(out, record->err);
    putc('}', out);
}

/* ---- csv, tsv ---- */

static char separator(const struct vit_records *records)
{
    return records->format == VIT_FORMAT_CSV ? ',' : '\t';
}

static void write_header(const struct vit_records *records)
{
    static const char *const names[] = { "file", "rank", "index", "label", "score", "error" };
    for (int i = 0; i < 6; i++)
        fprintf(records->output->text, "%s%c", names[i], i < 5 ? separator(records) : '\n');
}

/* Of an input that failed, or of whose classes none reaches the threshold. */
static void write_empty_row(const struct vit_records *records, const struct vit_record *record)
{
    FILE *out = records->output->text;
    char error[VIT_ERROR_MAX + 32] = "";
    if (record->err)
        snprintf(error, sizeof error, "%s: %s", vit_status_name(record->err->status), record->err->message);
    vit_text_field(out, record->file, separator(records));
    for (int i = 0; i < 5; i++)
        putc(separator(records), out);
    vit_text_field(out, error, separator(records));
    putc('\n', out);
}

static void write_rows(const struct vit_records *records, const struct vit_record *record)
{
    FILE *out = records->output->text;
    char s = separator(records);
    for (int i = 0; i < record->n; i++) {
        const struct vit_result *result = &record->results[i];
        vit_text_field(out, record->file, s);
        fprintf(out, "%c%d%c%d%c", s, i + 1, s, result->index, s);
        vit_text_field(out, result->label, s);
        fprintf(out, "%c%.9g%c\n", s, (double)result->score, s);
    }
}

/* ---- Any format ---- */

vit_status vit_records_begin(struct vit_records *records, struct vit_error *err)
{
    records->n = 0;
    if (records->format == VIT_FORMAT_JSON)
        putc('[', records->output->text);
    else if (records->format == VIT_FORMAT_CSV || records->format == VIT_FORMAT_TSV)
        write_header(records);
    return vit_output_flush(records->output, err);
}

vit_status vit_records_write(struct vit_records *records, const struct vit_record *record, struct vit_error *err)
{
    FILE *out = records->output->text;
    switch (records->format) {
    case VIT_FORMAT_TEXT:
        if (!record->err)
            write_text(records, record);
        break;
    case VIT_FORMAT_JSON:
        fputs(records->n ? ",\n " : "\n ", out);
        write_json(records, record);
        break;
    case VIT_FORMAT_JSONL:
        write_json(records, record);
        putc('\n', out);
        break;
    default:
        if (record->n == 0)
            write_empty_row(records, record);
        else
            write_rows(records, record);
    }
    records->n++;
    return vit_output_flush(records->output, err);
}

vit_status vit_records_end(struct vit_records *records, struct vit_error *err)
{
    if (records->format == VIT_FORMAT_JSON)
        fputs("\n]\n", records->output->text);
    return vit_output_flush(records->output, err);
}
