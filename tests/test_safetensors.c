/* The safetensors reader and writer: round trips, and everything that must be refused. */
#include <sys/stat.h>

#include "tests/scratch.h"

static struct scratch scratch;
#define path scratch.path

static void enter_folder(void)
{
    scratch_enter(&scratch, "m.safetensors");
}

static void leave_folder(void)
{
    scratch_leave(&scratch);
}

TestSuite(safetensors, .init = enter_folder, .fini = leave_folder);

/* A file of this header and n_data bytes 0, 1, 2, ... */
static size_t write_file(const char *header, size_t n_data)
{
    uint8_t bytes[4096] = {0};
    size_t n = strlen(header);
    cr_assert(8 + n + n_data <= sizeof bytes);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> 8 * i);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < n_data; i++)
        bytes[8 + n + i] = (uint8_t)i;
    scratch_write(path, bytes, 8 + n + n_data);
    return 8 + n + n_data;
}

#define REFUSED(header, n_data, status, ...) (write_file(header, n_data), SCRATCH_REFUSED(path, status, __VA_ARGS__))

Test(safetensors, reads)
{
    write_file("{\"__metadata__\":{\"format\":\"pt\"},"
               "\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
               "\"a \\u00e9\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]},"
               "\"none\":{\"dtype\":\"F32\",\"shape\":[3,0],\"data_offsets\":[12,12]}}   ",
               20);
    struct vit_source *source;
    struct vit_error err;
    cr_assert_eq(vit_source_open(&source, path, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_source_n_tensors(source), 3);
    cr_assert_str_eq(vit_source_container(source), "safetensors");
    cr_assert_str_eq(vit_source_path(source), path);
    cr_assert_str_eq(vit_source_metadata(source, "format"), "pt");
    cr_assert_null(vit_source_metadata(source, "other"));
    cr_assert_eq(vit_source_find(source, "c"), -1);
    cr_assert_eq(vit_source_find(source, "none"), 2);

    int i = vit_source_find(source, "a \xc3\xa9");
    cr_assert_eq(i, 1);
    const struct vit_tensor *t = vit_source_tensor(source, i);
    cr_assert(t->dtype == VIT_I64 && t->n_dims == 0 && vit_tensor_count(t) == 1);
    uint8_t data[12];
    cr_assert_eq(vit_source_read(source, i, data, &err), VIT_OK);
    cr_assert(data[0] == 12 && data[7] == 19);

    t = vit_source_tensor(source, 0);
    cr_assert(t->dtype == VIT_F16 && t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3);
    cr_assert_eq(vit_source_read(source, 0, data, &err), VIT_OK);
    cr_assert(data[0] == 0 && data[11] == 11);
    cr_assert_eq(vit_source_read(source, 2, NULL, &err), VIT_OK);
    vit_source_close(source);
}

Test(safetensors, refuses)
{
#define T(name, dtype, shape, offsets)                                                                                 \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
    REFUSED("{" T("w", "F32", "[2]", "[0,8]") "}", 7, VIT_ERR_DECODE, "truncated", " 8 ", " 7");
    REFUSED("{" T("w", "F32", "[2]", "[0,8]") "}", 9, VIT_ERR_DECODE, "trailing", " 8 ", " 9");
    REFUSED("{" T("w", "F32", "[2]", "[0,4]") "}", 4, VIT_ERR_DECODE, "tensor w", "[0, 4]", "8 bytes");
    REFUSED("{" T("w", "F32", "[2]", "[8,0]") "}", 8, VIT_ERR_DECODE, "tensor w", "[8, 0]");
    REFUSED("{" T("w", "F32", "[1]", "[-4,0]") "}", 8, VIT_ERR_DECODE, "tensor w", "[-4, 0]");
    REFUSED("{" T("w", "F32", "[1]", "[4,8]") "}", 8, VIT_ERR_DECODE, "tensor w", "begins at 4", "ends at 0");
    REFUSED("{" T("v", "F32", "[2]", "[0,8]") "," T("w", "F32", "[2]", "[4,12]") "}", 12, VIT_ERR_DECODE, "tensor w",
            "begins at 4", "ends at 8");
    REFUSED("{" T("v", "F32", "[1]", "[0,4]") "," T("w", "F32", "[1]", "[8,12]") "}", 12, VIT_ERR_DECODE, "tensor w",
            "begins at 8", "ends at 4");
    REFUSED("{" T("w", "F32", "[1]", "[0,4]") "," T("w", "F32", "[1]", "[4,8]") "}", 8, VIT_ERR_DECODE, "duplicate");
    REFUSED("{" T("w", "F8_E4M3", "[4]", "[0,4]") "}", 4, VIT_ERR_UNSUPPORTED, "tensor w", "F8_E4M3");
    REFUSED("{" T("w", "F32", "[-1]", "[0,4]") "}", 4, VIT_ERR_DECODE, "tensor w", "-1");
    REFUSED("{" T("w", "F32", "[1.0]", "[0,4]") "}", 4, VIT_ERR_DECODE, "tensor w", "shape");
    REFUSED("{" T("w", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, VIT_ERR_DECODE, "tensor w", "overflows");
    REFUSED("{" T("w", "F64", "[2305843009213693952]", "[0,0]") "}", 0, VIT_ERR_DECODE, "tensor w", "overflow");
    REFUSED("{" T("w", "F32", "[18446744073709551617]", "[0,4]") "}", 4, VIT_ERR_DECODE, "header");
    REFUSED("{" T("w", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, VIT_ERR_UNSUPPORTED, "tensor w", "9", "8");
    REFUSED("{" T("w", "F32", "[1]", "[0,4,8]") "}", 4, VIT_ERR_UNSUPPORTED, "tensor w", "data_offsets");
    REFUSED("{" T("w", "F32", "[1]", "[4]") "}", 4, VIT_ERR_DECODE, "tensor w", "data_offsets");
    REFUSED("{" T("", "F32", "[1]", "[0,4]") "}", 4, VIT_ERR_DECODE, "name of 0 bytes");
    REFUSED("{" T("a\\u001b[2J", "F32", "[1]", "[0,4]") "}", 4, VIT_ERR_DECODE, "control character 0x1b");
    REFUSED("{" T("w\\u0000x", "F32", "[1]", "[0,4]") "}", 4, VIT_ERR_DECODE, "header");
    REFUSED("{\"w\":3}", 0, VIT_ERR_DECODE, "tensor w");
    REFUSED("{\"w\":{}}", 0, VIT_ERR_DECODE, "tensor w", "dtype");
    REFUSED("{\"__metadata__\":{\"a\":1}," T("w", "F32", "[1]", "[0,4]") "}", 4, VIT_ERR_DECODE, "__metadata__", "a");
    REFUSED("{}", 0, VIT_ERR_DECODE, "no tensors");
    REFUSED("{" T("w", "F32", "[1]", "[0,4]"), 4, VIT_ERR_DECODE, "header");
    REFUSED("{" T("w", "F32", "[1]", "[0,4]") "}}", 4, VIT_ERR_DECODE, "header");
#undef T
}

Test(safetensors, limits)
{
    char header[2048] = "{\"";
    memset(header + 2, 'n', 1025);
    strcpy(header + 2 + 1025, "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}");
    REFUSED(header, 4, VIT_ERR_TOO_LARGE, "1025", "1024");

    strcpy(header, "{\"w\":");
    memset(header + 5, '[', 64);
    header[69] = '\0';
    REFUSED(header, 4, VIT_ERR_TOO_LARGE, "deeper than 64");

    uint8_t bytes[16] = {1, 0xe1, 0xf5, 5, 0, 0, 0, 0, '{'}; /* 100000001 */
    struct vit_source *source;
    struct vit_error err;
    scratch_write(path, bytes, sizeof bytes);
    cr_assert_eq(vit_source_open(&source, path, &err), VIT_ERR_TOO_LARGE);
    cr_expect(strstr(err.message, "100000001") && strstr(err.message, "100000000"), "%s", err.message);
}

/* n times "part" in an array, which is no header, but must not get as far. */
static void expect_json_refused(const char *part, size_t n, const char *word)
{
    size_t length = strlen(part), size = 8 + 6 + n * length + 4;
    char *bytes = malloc(size), *at = mempcpy(bytes, &(uint64_t){size - 8}, 8);
    at = mempcpy(at, "{\"a\":[", 6);
    for (size_t i = 0; i < n; i++)
        at = mempcpy(at, part, length);
    memcpy(at, "0]} ", 4);
    scratch_write(path, bytes, size);
    free(bytes);
    SCRATCH_REFUSED(path, word ? VIT_ERR_TOO_LARGE : VIT_ERR_DECODE, word ? word : "tensor a");
}

Test(safetensors, json_has_few_values_for_its_bytes)
{
    expect_json_refused("{},", 1000000, "1000002 objects and arrays in 3000010 bytes");
    expect_json_refused("{},", 3500000, "more than 4194304 values");
    expect_json_refused("{},", 3000, "3002 objects");
    expect_json_refused("0,", 4500000, "more than 4194304 values");
    expect_json_refused("\"{{[\\\"\",", 1000000, NULL); /* brackets in strings are none */
    expect_json_refused("[1, 2, 3],", 100000, NULL);
}

Test(safetensors, every_cut_is_refused)
{
    size_t n = write_file("{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
    struct vit_source *source;
    struct vit_error err;
    for (size_t cut = n; cut-- > 0;) {
        cr_assert_eq(truncate(path, (off_t)cut), 0);
        cr_assert_neq(vit_source_open(&source, path, &err), VIT_OK, "cut to %zu bytes", cut);
        cr_assert_null(source);
    }
    cr_assert_eq(err.status, VIT_ERR_EMPTY);
}

Test(safetensors, a_change_while_open_is_an_error)
{
    static const char header[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    write_file(header, 8);
    struct vit_source *source;
    struct vit_error err;
    uint8_t data[8];
    cr_assert_eq(vit_source_open(&source, path, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(truncate(path, 20), 0);
    cr_assert_eq(vit_source_read(source, 0, data, &err), VIT_ERR_READ);
    cr_expect(strstr(err.message, "tensor w"), "%s", err.message);
    vit_source_close(source);

    write_file(header, 8);
    cr_assert_eq(vit_source_open(&source, path, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(utimensat(-1, path, (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
    cr_assert_eq(vit_source_read(source, 0, data, &err), VIT_ERR_READ);
    vit_source_close(source);
}

/* ---- Writer ---- */

static const struct vit_tensor written[] = {
    {.name = "blocks.2.w", .dtype = VIT_F32, .n_dims = 2, .shape = {2, 2}},
    {.name = "blocks.10.w", .dtype = VIT_F32, .n_dims = 1, .shape = {3}},
    {.name = "flag", .dtype = VIT_BOOL, .n_dims = 1, .shape = {1}},
    {.name = "half \"\\ \xc3\xa9", .dtype = VIT_BF16, .n_dims = 0},
    {.name = "index", .dtype = VIT_I64, .n_dims = 2, .shape = {1, 1}},
    {.name = "nothing", .dtype = VIT_F32, .n_dims = 1, .shape = {0}},
};
enum { N_WRITTEN = sizeof written / sizeof *written };

/* Tensor i's bytes are all i + 1; *context is the tensor at which to fail. */
static vit_status give_tensor(void *context, int i, void *dst, struct vit_error *err)
{
    if (i == *(const int *)context)
        return vit_fail(err, VIT_ERR_READ, "tensor %s: made to fail", written[i].name);
    memset(dst, i + 1, (size_t)vit_tensor_count(&written[i]) * vit_dtype_size(written[i].dtype));
    return VIT_OK;
}

static vit_status write_content(bool force, int fail_at, struct vit_error *err)
{
    const struct vit_metadata metadata[] = {{"format", "pt"}, {"vit.config", "{\"a\":1}"}};
    struct vit_safetensors_content content = {N_WRITTEN, written, 2, metadata, give_tensor, &fail_at};
    return vit_safetensors_write(path, force, &content, err);
}

Test(safetensors, what_is_written_reads_back)
{
    struct vit_error err;
    cr_assert_eq(write_content(false, -1, &err), VIT_OK, "%s", err.message);
    uint8_t first[2048], second[2048];
    size_t n = scratch_read(path, first, sizeof first);
    cr_expect_eq((first[0] | first[1] << 8) % 8, 0, "the data is not aligned");
    cr_assert_eq(write_content(true, -1, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(scratch_read(path, second, sizeof second), n);
    cr_assert_eq(memcmp(first, second, n), 0, "the same content gave other bytes");

    struct vit_source *source;
    cr_assert_eq(vit_source_open(&source, path, &err), VIT_OK, "%s", err.message);
    static const int order[] = {4, 1, 0, 5, 3, 2}; /* by type, then by name */
    cr_assert_eq(vit_source_n_tensors(source), N_WRITTEN);
    cr_assert_str_eq(vit_source_metadata(source, "vit.config"), "{\"a\":1}");
    for (int i = 0; i < N_WRITTEN; i++) {
        const struct vit_tensor *t = vit_source_tensor(source, i), *want = &written[order[i]];
        cr_assert_str_eq(t->name, want->name);
        cr_assert(t->dtype == want->dtype && t->n_dims == want->n_dims);
        cr_assert_eq(memcmp(t->shape, want->shape, sizeof t->shape), 0);
        uint8_t data[16];
        cr_assert_eq(vit_source_read(source, i, data, &err), VIT_OK);
        for (size_t j = 0; j < (size_t)vit_tensor_count(t) * vit_dtype_size(t->dtype); j++)
            cr_assert_eq(data[j], order[i] + 1);
    }
    vit_source_close(source);
}

Test(safetensors, an_existing_file_needs_force)
{
    struct vit_error err;
    scratch_write(path, "mine", 4);
    uint8_t bytes[8];
    cr_assert_eq(write_content(false, -1, &err), VIT_ERR_OPEN);
    cr_expect(strstr(err.message, path) && strstr(err.message, "exists"), "%s", err.message);
    cr_assert(scratch_read(path, bytes, sizeof bytes) == 4 && memcmp(bytes, "mine", 4) == 0);
    cr_assert_eq(write_content(true, 3, &err), VIT_ERR_READ, "a failing tensor");
    cr_assert(scratch_read(path, bytes, sizeof bytes) == 4 && memcmp(bytes, "mine", 4) == 0);
    cr_assert_eq(write_content(true, -1, &err), VIT_OK);
    cr_assert_eq(scratch_read(path, bytes, sizeof bytes), 8);
}

Test(safetensors, links_are_followed)
{
    struct vit_error err;
    char link[128];
    struct stat st;
    snprintf(link, sizeof link, "%s/link", scratch.folder);
    cr_assert_eq(write_content(false, -1, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(symlink("m.safetensors", link), 0);
    cr_assert_eq(stat(path, &st), 0);
    ino_t old = st.st_ino;
    const struct vit_safetensors_content content = {N_WRITTEN, written, 0, NULL, give_tensor, &(int){-1}};
    cr_expect_eq(vit_safetensors_write(link, false, &content, &err), VIT_ERR_OPEN);
    cr_assert_eq(vit_safetensors_write(link, true, &content, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(lstat(link, &st), 0);
    cr_expect(S_ISLNK(st.st_mode), "the link was replaced");
    cr_assert_eq(lstat(path, &st), 0);
    cr_expect(S_ISREG(st.st_mode) && st.st_ino != old, "the file was not replaced");
    unlink(path);
    cr_expect_eq(vit_safetensors_write(link, true, &content, &err), VIT_ERR_OPEN);
    cr_expect(strstr(err.message, "leads to no file"), "%s", err.message);
    unlink(link);
}

Test(safetensors, a_failed_write_leaves_nothing)
{
    struct vit_error err;
    cr_assert_eq(write_content(false, 0, &err), VIT_ERR_READ);
    cr_expect(strstr(err.message, "blocks.2.w"), "%s", err.message);
    struct stat st;
    cr_assert_neq(stat(path, &st), 0); /* and leave_folder finds it empty */
}

Test(safetensors, names_are_unique_and_utf8)
{
    struct vit_tensor two[] = {written[0], written[0]};
    int never = -1;
    struct vit_safetensors_content content = {2, two, 0, NULL, give_tensor, &never};
    struct vit_error err;
    cr_assert_eq(vit_safetensors_write(path, false, &content, &err), VIT_ERR_DECODE);
    cr_expect(strstr(err.message, "blocks.2.w"), "%s", err.message);
    char bad[] = "\xff";
    two[1].name = bad;
    cr_assert_neq(vit_safetensors_write(path, false, &content, &err), VIT_OK);
}
