/* zip.c: the members of a zip archive: libzip over a file that is read by position. */
#include "weights/containers/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"

enum {
    DEFLATE_RATIO = 1032, /* the most that deflate can shrink, and room for the ends of tiny members */
    DEFLATE_SLACK = 1024
};

static zip_int64_t fill_stat(const struct vit_zip *zip, void *data, zip_uint64_t n)
{
    zip_stat_t *st = data;
    if (n < sizeof *st)
        return -1;
    zip_stat_init(st);
    st->size = (zip_uint64_t)zip->file->size;
    st->valid = ZIP_STAT_SIZE;
    return sizeof *st;
}

static zip_int64_t read_more(struct vit_zip *zip, void *data, zip_uint64_t n)
{
    uint64_t left = (uint64_t)(zip->file->size - zip->position);
    size_t take = (size_t)(n < left ? n : left);
    if (vit_file_read(zip->file, zip->position, data, take, &zip->io) != VIT_OK) {
        zip_error_set(&zip->error, ZIP_ER_READ, 0);
        return -1;
    }
    zip->position += (int64_t)take;
    return (zip_int64_t)take;
}

/* What libzip calls to read the archive. */
static zip_int64_t serve(void *context, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    struct vit_zip *zip = context;
    zip_int64_t offset;
    switch (command) {
    case ZIP_SOURCE_OPEN: zip->position = 0; return 0;
    case ZIP_SOURCE_READ: return read_more(zip, data, n);
    case ZIP_SOURCE_STAT: return fill_stat(zip, data, n);
    case ZIP_SOURCE_TELL: return zip->position;
    case ZIP_SOURCE_SEEK:
        offset = zip_source_seek_compute_offset((zip_uint64_t)zip->position, (zip_uint64_t)zip->file->size, data, n,
                                                &zip->error);
        if (offset < 0)
            return -1;
        zip->position = offset;
        return 0;
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&zip->error, data, n);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE: return 0;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, -1);
    default: zip_error_set(&zip->error, ZIP_ER_OPNOTSUPP, 0); return -1;
    }
}

/* The reading error where there was one, or libzip's own. */
static vit_status fail_with(const struct vit_zip *zip, zip_error_t *error, const char *what, struct vit_error *err)
{
    if (zip->io.status != VIT_OK)
        return vit_fail(err, zip->io.status, "%s: %s", what, zip->io.message);
    vit_status status = zip_error_code_zip(error) == ZIP_ER_MEMORY ? VIT_ERR_MEMORY : VIT_ERR_DECODE;
    return vit_fail(err, status, "%s: %s", what, zip_error_strerror(error));
}

static vit_status open_archive(struct vit_zip *zip, struct vit_error *err)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_function_create(serve, zip, &error);
    if (source)
        zip->archive = zip_open_from_source(source, ZIP_RDONLY, &error);
    vit_status status = VIT_OK;
    if (!zip->archive) {
        status = fail_with(zip, &error, "zip archive, damaged or truncated", err);
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return status;
}

/* What the members up to one have of the file, and what the deflated ones among them hold. */
struct totals {
    int64_t stored, inflated;
};

static vit_status check_totals(const struct vit_zip *zip, const char *name, const struct totals *totals,
                               struct vit_error *err)
{
    int64_t size = zip->file->size;
    if (totals->stored > size)
        return vit_fail(err, VIT_ERR_DECODE,
                        "member %.256s: the members up to it need %" PRId64 " bytes of a file of %" PRId64
                        ": they overlap",
                        name, totals->stored, size);
    if (totals->inflated / VIT_LIMIT_EXPANSION > size)
        return vit_fail(err, VIT_ERR_TOO_LARGE,
                        "member %.256s: the deflated members up to it hold %" PRId64
                        " bytes, more than %d times the file's %" PRId64,
                        name, totals->inflated, VIT_LIMIT_EXPANSION, size);
    return VIT_OK;
}

/* One member's entry, which is added to the totals. */
static vit_status check_member(struct vit_zip *zip, int i, struct totals *totals, struct vit_error *err)
{
    zip_stat_t st;
    if (zip_stat_index(zip->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW, &st) != 0)
        return fail_with(zip, zip_get_error(zip->archive), "zip archive", err);
    const char *name = st.name ? st.name : "";
    uint64_t file_size = (uint64_t)zip->file->size;
    if (st.encryption_method != ZIP_EM_NONE)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "member %.256s: it is encrypted", name);
    if (st.comp_method != ZIP_CM_STORE && st.comp_method != ZIP_CM_DEFLATE)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "member %.256s: compression method %d; stored (0) and deflated (8) are read", name,
                        st.comp_method);
    if (st.comp_size > file_size)
        return vit_fail(err, VIT_ERR_DECODE, "member %.256s: %" PRIu64 " bytes in a file of %" PRIu64, name,
                        (uint64_t)st.comp_size, file_size);
    if (st.comp_method == ZIP_CM_STORE ? st.size != st.comp_size
                                       : st.size > st.comp_size * DEFLATE_RATIO + DEFLATE_SLACK)
        return vit_fail(err, VIT_ERR_DECODE, "member %.256s: %" PRIu64 " bytes cannot hold the %" PRIu64 " it claims",
                        name, (uint64_t)st.comp_size, (uint64_t)st.size);
    bool deflated = st.comp_method == ZIP_CM_DEFLATE;
    totals->stored += (int64_t)st.comp_size;
    totals->inflated += deflated ? (int64_t)st.size : 0;
    zip->members[i] = (struct vit_zip_member){name, (int64_t)st.size, deflated, NULL};
    return check_totals(zip, name, totals, err);
}

static vit_status list_members(struct vit_zip *zip, struct vit_error *err)
{
    zip_int64_t n = zip_get_num_entries(zip->archive, 0);
    if (n <= 0)
        return vit_fail(err, VIT_ERR_DECODE, "an empty zip archive");
    if (n > 2 * VIT_LIMIT_TENSORS)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "a zip archive of %" PRId64 " members, at most %d are read", (int64_t)n,
                        2 * VIT_LIMIT_TENSORS);
    zip->members = calloc((size_t)n, sizeof *zip->members);
    if (!zip->members)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %" PRId64 " zip members", (int64_t)n);
    struct totals totals = {0, 0};
    zip->n_members = (int)n;
    for (int i = 0; i < n; i++)
        VIT_TRY(check_member(zip, i, &totals, err));
    int a, b;
    VIT_TRY(vit_index_sort(&zip->by_name, zip->members, sizeof *zip->members, (int)n, err));
    if (vit_index_twice(&zip->by_name, &a, &b))
        return vit_fail(err, VIT_ERR_DECODE, "two members (numbers %d and %d) have the name %.256s", a, b,
                        zip->members[a].name);
    return VIT_OK;
}

vit_status vit_zip_open(struct vit_zip **out, const struct vit_file *file, struct vit_error *err)
{
    *out = NULL;
    struct vit_zip *zip = calloc(1, sizeof *zip);
    if (!zip)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    zip->file = file;
    pthread_mutex_init(&zip->lock, NULL);
    zip_error_init(&zip->error);
    vit_status status = open_archive(zip, err);
    if (status == VIT_OK)
        status = list_members(zip, err);
    if (status != VIT_OK) {
        vit_zip_close(zip);
        return status;
    }
    *out = zip;
    return VIT_OK;
}

void vit_zip_close(struct vit_zip *zip)
{
    if (!zip)
        return;
    if (zip->archive)
        zip_discard(zip->archive);
    zip_error_fini(&zip->error);
    pthread_mutex_destroy(&zip->lock);
    for (int i = 0; i < zip->n_members; i++)
        free(zip->members[i].inflated);
    free(zip->members);
    vit_index_free(&zip->by_name);
    free(zip);
}

vit_status vit_zip_start(struct vit_zip_reader *reader, struct vit_zip *zip, int member, bool checked,
                         struct vit_error *err)
{
    pthread_mutex_lock(&zip->lock);
    zip->io.status = VIT_OK;
    *reader = (struct vit_zip_reader){.zip = zip, .member = &zip->members[member]};
    reader->checked = checked || reader->member->deflated;
    reader->file = zip_fopen_index(zip->archive, (zip_uint64_t)member, 0);
    if (!reader->file) {
        vit_status status = fail_with(zip, zip_get_error(zip->archive), "cannot be opened", err);
        return vit_context(err, status, "member %.256s", reader->member->name);
    }
    return VIT_OK;
}

static vit_status fail_read(const struct vit_zip_reader *reader, struct vit_error *err)
{
    vit_status status = fail_with(reader->zip, zip_file_get_error(reader->file), "reading", err);
    return vit_context(err, status, "member %.256s", reader->member->name);
}

/* At the end: libzip compares the checksum when it is asked for more. */
static vit_status check_end(const struct vit_zip_reader *reader, struct vit_error *err)
{
    char byte;
    zip_int64_t more = zip_fread(reader->file, &byte, 1);
    if (more < 0)
        return fail_read(reader, err);
    if (more > 0)
        return vit_fail(err, VIT_ERR_DECODE, "member %.256s: it holds more than the %" PRId64 " bytes it claims",
                        reader->member->name, reader->member->size);
    return VIT_OK;
}

vit_status vit_zip_next(void *context, void *dst, size_t n, struct vit_error *err)
{
    struct vit_zip_reader *reader = context;
    if (n > (uint64_t)(reader->member->size - reader->position))
        return vit_fail(err, VIT_ERR_DECODE, "member %.256s: truncated: %zu bytes wanted at %" PRId64 " of %" PRId64,
                        reader->member->name, n, reader->position, reader->member->size);
    for (size_t done = 0; done < n;) {
        zip_int64_t got = zip_fread(reader->file, (char *)dst + done, n - done);
        if (got < 0)
            return fail_read(reader, err);
        if (got == 0)
            return vit_fail(err, VIT_ERR_DECODE, "member %.256s: it ends after %" PRId64 " of %" PRId64 " bytes",
                            reader->member->name, reader->position, reader->member->size);
        done += (size_t)got;
        reader->position += got;
    }
    return reader->checked && reader->position == reader->member->size ? check_end(reader, err) : VIT_OK;
}

static vit_status seek(struct vit_zip_reader *reader, int64_t position, struct vit_error *err)
{
    if (zip_fseek(reader->file, position, SEEK_SET) != 0)
        return fail_read(reader, err);
    reader->position = position;
    return VIT_OK;
}

/* libzip computes the checksum of the bytes that are read in order from the first on. That takes longer than reading
 * them, so the first byte comes last. */
static vit_status read_stored(struct vit_zip_reader *reader, int64_t begin, char *dst, size_t n, struct vit_error *err)
{
    if (begin > 0) {
        VIT_TRY(seek(reader, begin, err));
        return vit_zip_next(reader, dst, n, err);
    }
    if (n > 1) {
        VIT_TRY(seek(reader, 1, err));
        VIT_TRY(vit_zip_next(reader, dst + 1, n - 1, err));
        VIT_TRY(seek(reader, 0, err));
    }
    return vit_zip_next(reader, dst, 1, err);
}

/* Deflated bytes can only be reached through those before them: who reads a part keeps the whole for the next part. */
static vit_status read_deflated(struct vit_zip_reader *reader, int64_t begin, void *dst, size_t n,
                                struct vit_error *err)
{
    struct vit_zip_member *m = reader->member;
    if (n == (size_t)m->size)
        return vit_zip_next(reader, dst, n, err);
    if (!m->inflated) {
        void *whole = malloc((size_t)m->size);
        if (!whole)
            return vit_fail(err, VIT_ERR_MEMORY, "member %.256s: out of memory for its %" PRId64 " bytes", m->name,
                            m->size);
        vit_status status = vit_zip_next(reader, whole, (size_t)m->size, err);
        if (status != VIT_OK) {
            free(whole);
            return status;
        }
        m->inflated = whole;
    }
    memcpy(dst, (const char *)m->inflated + begin, n);
    return VIT_OK;
}

vit_status vit_zip_read_at(struct vit_zip *zip, int member, int64_t begin, void *dst, size_t n, struct vit_error *err)
{
    const struct vit_zip_member *m = &zip->members[member];
    if (begin < 0 || begin > m->size || n > (uint64_t)(m->size - begin))
        return vit_fail(err, VIT_ERR_DECODE, "member %.256s: %zu bytes at %" PRId64 " are beyond its %" PRId64, m->name,
                        n, begin, m->size);
    if (n == 0)
        return VIT_OK; /* and libzip 1.7 crashes on a seek in an empty member */
    struct vit_zip_reader reader;
    vit_status status = vit_zip_start(&reader, zip, member, false, err);
    if (status == VIT_OK)
        status = reader.member->deflated ? read_deflated(&reader, begin, dst, n, err)
                                         : read_stored(&reader, begin, dst, n, err);
    vit_zip_finish(&reader);
    return status;
}

void vit_zip_finish(struct vit_zip_reader *reader)
{
    if (reader->file)
        zip_fclose(reader->file);
    if (reader->zip)
        pthread_mutex_unlock(&reader->zip->lock);
    *reader = (struct vit_zip_reader){0};
}
