/* listing.c: neighbours by their rank, and groups with their rows. */
#include "tools/features/listing.h"

#include <inttypes.h>

#include "tools/output/records.h"
#include "tools/output/text.h"

/* ---- The name of a row; its number where it has none ---- */

static void put_text_name(FILE *out, const struct vit_named_row *named)
{
    if (named->name)
        vit_text_plain(out, named->name);
    else
        fprintf(out, "row %" PRId64, named->row);
    putc('\n', out);
}

static void put_json_row(FILE *out, const struct vit_named_row *named)
{
    fprintf(out, "\"row\":%" PRId64 ",", named->row);
    if (named->name)
        vit_records_put_name(out, "file", named->name);
    else
        fputs("\"file\":null", out);
}

static void put_fields(FILE *out, const struct vit_named_row *named, char separator)
{
    fprintf(out, "%c%" PRId64 "%c", separator, named->row, separator);
    vit_text_field(out, named->name ? named->name : "", separator);
}

/* ---- What is around the objects of JSON, and between the fields of a table ---- */

static void begin_object(const struct vit_listing *listing, bool first)
{
    if (listing->format == VIT_FORMAT_JSON)
        fputs(first ? "[\n " : ",\n ", listing->output->text);
}

static void end_object(const struct vit_listing *listing)
{
    if (listing->format == VIT_FORMAT_JSONL)
        putc('\n', listing->output->text);
}

static void end_objects(const struct vit_listing *listing, bool none)
{
    if (listing->format == VIT_FORMAT_JSON)
        fputs(none ? "[\n]\n" : "\n]\n", listing->output->text);
}

static bool is_json(const struct vit_listing *listing)
{
    return listing->format == VIT_FORMAT_JSON || listing->format == VIT_FORMAT_JSONL;
}

static char separator(const struct vit_listing *listing)
{
    return listing->format == VIT_FORMAT_CSV ? ',' : '\t';
}

static void write_header(const struct vit_listing *listing, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        fprintf(listing->output->text, "%s%c", names[i], names[i + 1] ? separator(listing) : '\n');
}

/* ---- Neighbours ---- */

static void write_neighbour(const struct vit_listing *listing, int64_t i, const struct vit_neighbour *neighbour,
                            const struct vit_named_row *named)
{
    FILE *out = listing->output->text;
    if (listing->format == VIT_FORMAT_TEXT) {
        fprintf(out, "  %7.4f   ", neighbour->cosine);
        put_text_name(out, named);
    } else if (is_json(listing)) {
        begin_object(listing, i == 0);
        fprintf(out, "{\"rank\":%" PRId64 ",", i + 1);
        put_json_row(out, named);
        fputs(",\"cosine\":", out);
        vit_text_json_real(out, neighbour->cosine);
        putc('}', out);
        end_object(listing);
    } else {
        fprintf(out, "%" PRId64, i + 1);
        put_fields(out, named, separator(listing));
        fprintf(out, "%c%.9g\n", separator(listing), neighbour->cosine);
    }
}

vit_status vit_listing_neighbours(const struct vit_listing *listing, const struct vit_neighbour *neighbours,
                                  const struct vit_named_row *names, int64_t n, struct vit_error *err)
{
    if (listing->format == VIT_FORMAT_CSV || listing->format == VIT_FORMAT_TSV)
        write_header(listing, (const char *const[]){ "rank", "row", "file", "cosine", NULL });
    for (int64_t i = 0; i < n; i++)
        write_neighbour(listing, i, &neighbours[i], &names[i]);
    end_objects(listing, n == 0);
    return vit_output_flush(listing->output, err);
}

/* ---- Groups ---- */

/* One group of n rows. */
static void write_group(const struct vit_listing *listing, int64_t group, const struct vit_named_row *names, int64_t n)
{
    FILE *out = listing->output->text;
    if (listing->format == VIT_FORMAT_TEXT)
        fprintf(out, "%sgroup %" PRId64 ": %" PRId64 " alike%s\n", listing->color ? "\033[1m" : "", group + 1, n,
                listing->color ? "\033[0m" : "");
    if (is_json(listing)) {
        begin_object(listing, group == 0);
        fprintf(out, "{\"group\":%" PRId64 ",\"rows\":[", group + 1);
    }
    for (int64_t i = 0; i < n; i++) {
        if (listing->format == VIT_FORMAT_TEXT) {
            fputs("  ", out);
            put_text_name(out, &names[i]);
        } else if (is_json(listing)) {
            fputs(i ? ",{" : "{", out);
            put_json_row(out, &names[i]);
            putc('}', out);
        } else {
            fprintf(out, "%" PRId64, group + 1);
            put_fields(out, &names[i], separator(listing));
            putc('\n', out);
        }
    }
    if (is_json(listing)) {
        fputs("]}", out);
        end_object(listing);
    }
}

vit_status vit_listing_groups(const struct vit_listing *listing, const struct vit_member *members,
                              const struct vit_named_row *names, int64_t n, struct vit_error *err)
{
    if (listing->format == VIT_FORMAT_CSV || listing->format == VIT_FORMAT_TSV)
        write_header(listing, (const char *const[]){ "group", "row", "file", NULL });
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && members[end].group == members[first].group;)
            end++;
        write_group(listing, members[first].group, names + first, end - first);
    }
    end_objects(listing, n == 0);
    return vit_output_flush(listing->output, err);
}
