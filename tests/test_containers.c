/* One set of tensors in every container, written by the libraries that own the formats (make_containers.py), and what
 * must be refused of zip archives and shards. */
#include <pthread.h>
#include <zip.h>

#include "tests/scratch.h"

static struct scratch scratch;

static void enter_folder(void)
{
    scratch_enter(&scratch, "model");
}

static void leave_folder(void)
{
    scratch_leave(&scratch);
}

TestSuite(containers, .init = enter_folder, .fini = leave_folder);

#define FIXTURE(name) "tests/containers/" name

/* As SPEC of make_containers.py. */
static const struct vit_tensor spec[] = {
    {.name = "f32", .dtype = VIT_F32, .n_dims = 2, .shape = {2, 3}},
    {.name = "f16", .dtype = VIT_F16, .n_dims = 1, .shape = {3}},
    {.name = "bf16", .dtype = VIT_BF16, .n_dims = 2, .shape = {2, 2}},
    {.name = "f64", .dtype = VIT_F64, .n_dims = 1, .shape = {2}},
    {.name = "i64", .dtype = VIT_I64, .n_dims = 2, .shape = {3, 1}},
    {.name = "i32", .dtype = VIT_I32, .n_dims = 1, .shape = {2}},
    {.name = "i16", .dtype = VIT_I16, .n_dims = 1, .shape = {2}},
    {.name = "i8", .dtype = VIT_I8, .n_dims = 1, .shape = {3}},
    {.name = "u8", .dtype = VIT_U8, .n_dims = 1, .shape = {3}},
    {.name = "bool", .dtype = VIT_BOOL, .n_dims = 1, .shape = {3}},
    {.name = "scalar", .dtype = VIT_F32, .n_dims = 0},
    {.name = "empty", .dtype = VIT_F32, .n_dims = 2, .shape = {0, 3}},
    {.name = "transposed", .dtype = VIT_F32, .n_dims = 2, .shape = {3, 4}},
    {.name = "permuted", .dtype = VIT_F16, .n_dims = 3, .shape = {2, 3, 4}},
    {.name = "slice", .dtype = VIT_F32, .n_dims = 2, .shape = {2, 2}},
    {.name = "tail", .dtype = VIT_F32, .n_dims = 1, .shape = {2}},
};
enum { N_SPEC = sizeof spec / sizeof *spec };

/* The bytes of element k of tensor t. */
static void element(int t, int64_t k, uint8_t *bytes)
{
    enum vit_dtype dtype = spec[t].dtype;
    float f32 = (float)t + (float)k / 4;
    double f64 = f32;
    uint32_t bits;
    int64_t integer = dtype == VIT_BOOL ? k % 2 : 10 * t + k;
    memcpy(&bits, &f32, sizeof bits);
    if (dtype == VIT_F16 && bits) /* exact: the values are small normal numbers */
        bits = (bits >> 13) - (112u << 10);
    else if (dtype == VIT_BF16)
        bits >>= 16;
    switch (dtype) {
    case VIT_F32:
    case VIT_F16:
    case VIT_BF16: memcpy(bytes, &bits, vit_dtype_size(dtype)); break;
    case VIT_F64: memcpy(bytes, &f64, sizeof f64); break;
    default: memcpy(bytes, &integer, vit_dtype_size(dtype)); break;
    }
}

/* prefix: what stands before every name in the file */
static void check_tensor(const struct vit_source *source, const char *prefix, int t)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", prefix, spec[t].name);
    int i = vit_source_find(source, name);
    cr_assert_geq(i, 0, "%s lacks %s", vit_source_path(source), name);
    const struct vit_tensor *tensor = vit_source_tensor(source, i);
    cr_assert(tensor->dtype == spec[t].dtype && tensor->n_dims == spec[t].n_dims, "%s", spec[t].name);
    cr_assert_eq(memcmp(tensor->shape, spec[t].shape, sizeof tensor->shape), 0, "%s", spec[t].name);

    uint8_t data[128], expected[8];
    size_t size = vit_dtype_size(tensor->dtype), bytes = (size_t)vit_tensor_count(tensor) * size;
    cr_assert_lt(bytes, sizeof data);
    memset(data, 0xee, sizeof data);
    struct vit_error err;
    cr_assert_eq(vit_source_read(source, i, data, &err), VIT_OK, "%s", err.message);
    for (int64_t k = 0; k < vit_tensor_count(tensor); k++) {
        element(t, k, expected);
        cr_assert_eq(memcmp(data + (size_t)k * size, expected, size), 0, "%s: %s: element %ld", vit_source_path(source),
                     spec[t].name, (long)k);
    }
    cr_assert_eq(data[bytes], 0xee, "%s: written beyond its end", spec[t].name);
}

static void check_fixture(const char *path, const char *prefix, const char *container)
{
    struct vit_source *source;
    struct vit_error err;
    cr_assert_eq(vit_source_open(&source, path, &err), VIT_OK, "%s", err.message);
    cr_assert_str_eq(vit_source_container(source), container);
    cr_assert_eq(vit_source_n_tensors(source), N_SPEC);
    for (int t = 0; t < N_SPEC; t++)
        check_tensor(source, prefix, t);
    vit_source_close(source);
}

Test(containers, all_hold_the_same)
{
    check_fixture(FIXTURE("whole.safetensors"), "", "safetensors");
    check_fixture(FIXTURE("state.pt"), "", "torch zip");
    check_fixture(FIXTURE("protocol4.pt"), "", "torch zip");
    check_fixture(FIXTURE("wrapped.pt"), "module._orig_mod.", "torch zip");
    check_fixture(FIXTURE("legacy.pt"), "", "torch legacy");
    check_fixture(FIXTURE("wrapped_legacy.pt"), "module._orig_mod.", "torch legacy");
    check_fixture(FIXTURE("stored.npz"), "", "npz");
    check_fixture(FIXTURE("deflated.npz"), "", "npz");
    check_fixture(FIXTURE("model.safetensors.index.json"), "", "sharded");
    check_fixture(FIXTURE("pytorch_model.bin.index.json"), "", "sharded");
}

Test(containers, wrappers_are_opened_twice)
{
    struct vit_source *source;
    struct vit_error err;
    cr_assert_eq(vit_source_open(&source, FIXTURE("one.pt"), &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_source_n_tensors(source), 1);
    check_tensor(source, "", 0);
    vit_source_close(source);
}

Test(containers, foreign_content_is_refused)
{
    SCRATCH_REFUSED(FIXTURE("script.pt"), VIT_ERR_UNSUPPORTED, "TorchScript", "state_dict");
    SCRATCH_REFUSED(FIXTURE("module.pt"), VIT_ERR_UNSUPPORTED, "torch.nn.modules.linear.Linear", "state_dict");
    SCRATCH_REFUSED(FIXTURE("module_legacy.pt"), VIT_ERR_UNSUPPORTED, "module", "state_dict");
    SCRATCH_REFUSED(FIXTURE("float8.pt"), VIT_ERR_UNSUPPORTED, "tensor f8", "float8_e4m3fn");
    SCRATCH_REFUSED(FIXTURE("objects.npz"), VIT_ERR_UNSUPPORTED, "tensor a", "|O");
    SCRATCH_REFUSED(FIXTURE("big_endian.npz"), VIT_ERR_UNSUPPORTED, "tensor a", ">f4");
    SCRATCH_REFUSED(FIXTURE("bare.npy"), VIT_ERR_UNSUPPORTED, "npz");
}

/* ---- Damage ---- */

enum { MAX_FILE = 8192 };

static void check_cuts(const char *fixture, size_t last)
{
    uint8_t bytes[MAX_FILE];
    size_t n = scratch_read(fixture, bytes, sizeof bytes);
    scratch_write(scratch.path, bytes, n);
    cr_assert(scratch_read_all(scratch.path), "%s", fixture);
    for (size_t cut = n - last; cut-- > 0;) {
        cr_assert_eq(truncate(scratch.path, (off_t)cut), 0);
        struct vit_source *source;
        cr_assert_neq(vit_source_open(&source, scratch.path, NULL), VIT_OK, "%s cut to %zu bytes", fixture, cut);
    }
}

Test(containers, every_cut_is_refused)
{
    check_cuts(FIXTURE("whole.safetensors"), 0);
    check_cuts(FIXTURE("one.pt"), 0);
    check_cuts(FIXTURE("legacy.pt"), 0);
    check_cuts(FIXTURE("deflated.npz"), 0);
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* Changed bytes must give an error or tensors, and nothing that a sanitizer reports. VIT_FUZZ_ROUNDS runs longer. */
static void mutate(const char *fixture, uint32_t seed)
{
    uint8_t original[MAX_FILE], bytes[MAX_FILE];
    size_t n = scratch_read(fixture, original, sizeof original);
    const char *rounds = getenv("VIT_FUZZ_ROUNDS");
    int n_rounds = rounds ? atoi(rounds) : 200;
    for (int round = 0; round < n_rounds; round++) {
        static const uint8_t special[] = {0,   1,   0x7f, 0x80, 0xff, '(', ')', '}',
                                          '.', 'R', 'h',  'q',  '0',  '2', 't', 's'};
        memcpy(bytes, original, n);
        for (uint32_t changes = 1 + next_random(&seed) % 4; changes > 0; changes--) {
            uint32_t r = next_random(&seed);
            bytes[next_random(&seed) % n] = r & 0x100 ? (uint8_t)r : special[r % sizeof special];
        }
        scratch_write(scratch.path, bytes, n);
        scratch_read_all(scratch.path);
    }
}

Test(containers, survives_changed_bytes)
{
    mutate(FIXTURE("whole.safetensors"), 1);
    mutate(FIXTURE("wrapped.pt"), 2);
    mutate(FIXTURE("wrapped_legacy.pt"), 3);
    mutate(FIXTURE("stored.npz"), 4);
    mutate(FIXTURE("deflated.npz"), 5);
    mutate(FIXTURE("protocol4.pt"), 6);
}

/* Opens fixture with its copy of tensor f32 damaged, and reads that. */
static vit_status read_damaged(const char *fixture, struct vit_error *err)
{
    uint8_t bytes[MAX_FILE];
    size_t n = scratch_read(fixture, bytes, sizeof bytes);
    static const float f32[] = {0, 0.25f, 0.5f, 0.75f, 1, 1.25f};
    uint8_t *data = memmem(bytes, n, f32, sizeof f32);
    cr_assert_not_null(data);
    data[1] ^= 1;
    scratch_write(scratch.path, bytes, n);
    struct vit_source *source;
    cr_assert_eq(vit_source_open(&source, scratch.path, err), VIT_OK, "%s", err->message);
    float got[6];
    vit_status status = vit_source_read(source, vit_source_find(source, "f32"), got, err);
    vit_source_close(source);
    return status;
}

Test(containers, npz_checksums_are_compared_and_torch_ones_not)
{
    struct vit_error err;
    cr_assert_eq(read_damaged(FIXTURE("stored.npz"), &err), VIT_ERR_DECODE);
    cr_expect(strstr(err.message, "tensor f32") && strstr(err.message, "CRC"), "%s", err.message);
    cr_expect_eq(read_damaged(FIXTURE("one.pt"), &err), VIT_OK);
}

/* ---- Zip archives made to deceive ---- */

struct member {
    const char *name, *bytes;
    size_t n;
};

static void write_zip(const struct member *members, size_t n, bool deflated)
{
    unlink(scratch.path);
    int code;
    zip_t *zip = zip_open(scratch.path, ZIP_CREATE, &code);
    cr_assert_not_null(zip);
    for (size_t i = 0; i < n; i++) {
        zip_source_t *bytes = zip_source_buffer(zip, members[i].bytes, members[i].n, 0);
        zip_int64_t index = zip_file_add(zip, members[i].name, bytes, 0);
        cr_assert_geq(index, 0);
        cr_assert_eq(zip_set_file_compression(zip, (zip_uint64_t)index, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0),
                     0);
    }
    cr_assert_eq(zip_close(zip), 0);
}

/* Replaces every occurrence of a text in the file by another of the same length. */
static void patch(const void *from, const void *to, size_t length, int expected)
{
    uint8_t bytes[MAX_FILE * 2];
    size_t n = scratch_read(scratch.path, bytes, sizeof bytes);
    int found = 0;
    for (uint8_t *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), from, length)); at += length, found++)
        memcpy(at, to, length);
    cr_assert_eq(found, expected);
    scratch_write(scratch.path, bytes, n);
}

static void write_npz(const char *name, const char *header, size_t n_data, bool deflated)
{
    char bytes[MAX_FILE] = "\x93NUMPY\x01";
    size_t n = strlen(header);
    bytes[8] = (char)n;
    memcpy(bytes + 10, header, n);
    write_zip(&(struct member){name, bytes, 10 + n + n_data}, 1, deflated);
}

#define NPZ_REFUSED(header, n_data, status, ...)                                                                       \
    (write_npz("w.npy", header, n_data, false), SCRATCH_REFUSED(scratch.path, status, "tensor w", __VA_ARGS__))

Test(containers, npz_headers)
{
    static const char sound[] = "{\"shape\": (2L, 1), 'fortran_order': False , 'descr': '<f4',}  \n";
    write_npz("a/w.npy", sound, 8, true);
    struct vit_source *source;
    struct vit_error err;
    cr_assert_eq(vit_source_open(&source, scratch.path, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_source_find(source, "a/w"), 0);
    cr_assert_eq(vit_source_tensor(source, 0)->n_dims, 2);
    vit_source_close(source);

#define H(descr, shape) "{'descr': " descr ", 'fortran_order': False, 'shape': " shape "}"
    NPZ_REFUSED(sound, 7, VIT_ERR_DECODE, "8 bytes", "has 7");
    NPZ_REFUSED(sound, 9, VIT_ERR_DECODE, "8 bytes", "has 9");
    NPZ_REFUSED(H("'<U4'", "(2,)"), 8, VIT_ERR_UNSUPPORTED, "<U4");
    NPZ_REFUSED(H("'<c8'", "(2,)"), 8, VIT_ERR_UNSUPPORTED, "<c8");
    NPZ_REFUSED(H("[('a', '<f4')]", "(2,)"), 8, VIT_ERR_UNSUPPORTED, "structured");
    NPZ_REFUSED(H("'<f4'", "(-2,)"), 8, VIT_ERR_DECODE, "dimension 0");
    NPZ_REFUSED(H("'<f4'", "(99999999999999999999,)"), 8, VIT_ERR_DECODE, "dimension 0");
    NPZ_REFUSED(H("'<f4'", "(4294967296, 4294967296)"), 8, VIT_ERR_DECODE, "overflows");
    NPZ_REFUSED(H("'<f4'", "(1,1,1,1,1,1,1,1,1)"), 4, VIT_ERR_UNSUPPORTED, "8 dimensions");
    NPZ_REFUSED(H("'<f4'", "(2,"), 8, VIT_ERR_DECODE, "shape");
    NPZ_REFUSED(H("'<f4'", "2"), 8, VIT_ERR_DECODE, "shape");
    NPZ_REFUSED("{'descr': '<f4', 'descr': '<f4'}", 8, VIT_ERR_DECODE, "descr", "repeated");
    NPZ_REFUSED("{'descr': '<f4', 'x': 1}", 8, VIT_ERR_DECODE, "x", "unknown");
    NPZ_REFUSED("{'descr': '<f4', 'shape': (2,)}", 8, VIT_ERR_DECODE, "missing");
    NPZ_REFUSED(H("'<f4'", "(2,)") "x", 8, VIT_ERR_DECODE, "after");
    NPZ_REFUSED("{'descr", 8, VIT_ERR_DECODE, "header");
    NPZ_REFUSED("", 8, VIT_ERR_DECODE, "header");
#undef H
}

Test(containers, zip_members_that_lie)
{
    static const struct member two[] = {{"a.npy", "xxxx", 4}, {"b.npy", "yyyy", 4}};
    write_zip(two, 2, false);
    patch("b.npy", "a.npy", 5, 2);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_DECODE, "two members", "a.npy");

    static const struct member odd[] = {{"readme.txt", "x", 1}};
    write_zip(odd, 1, false);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_UNSUPPORTED, "neither");
    static const struct member mixed[] = {{"a.txt", "x", 1}, {"b.npy", "x", 1}};
    write_zip(mixed, 2, false);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_UNSUPPORTED, "a.txt");
    patch("a.txt", "a\033\n\177t", 5, 2);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_UNSUPPORTED, "a???t");

    /* 800 zeros deflate to a few bytes; the archive then says that they are 2^30. */
    static const char sound[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (800,)}";
    write_npz("w.npy", sound, 800, true);
    uint32_t size = 10 + (uint32_t)strlen(sound) + 800, huge = 1u << 30, more = size + 100, less = size - 100;
    patch(&size, &huge, 4, 2);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_DECODE, "w.npy", "1073741824");
    patch(&huge, &more, 4, 2);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_DECODE, "tensor w", "800 bytes", "has 900");
    write_npz("w.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (700,)}", 800, true);
    patch(&size, &less, 4, 2);
    cr_expect_not(scratch_read_all(scratch.path), "more data than the archive says");
    write_npz("w.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (900,)}", 800, true);
    patch(&size, &more, 4, 2);
    cr_expect_not(scratch_read_all(scratch.path), "less data than the archive says");
}

Test(containers, zip_members_that_overlap)
{
    /* The central directory's entry of b is given the offset of a: one member's bytes stand for both. */
    static char data[600];
    const struct member three[] = {{"a.npy", data, sizeof data}, {"b.npy", data, 4}, {"c.npy", data, 4}};
    write_zip(three, 3, false);
    uint8_t bytes[MAX_FILE];
    size_t n = scratch_read(scratch.path, bytes, sizeof bytes);
    uint8_t *entry = memmem(bytes, n, "PK\1\2", 4), *first = entry;
    for (int i = 0; i < 2; i++) {
        entry = memmem(entry + 4, n - (size_t)(entry + 4 - bytes), "PK\1\2", 4);
        cr_assert_not_null(entry);
        memcpy(entry + 16, first + 16, 12); /* checksum and both sizes */
        memcpy(entry + 42, first + 42, 4);  /* offset */
    }
    scratch_write(scratch.path, bytes, n);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_DECODE, "overlap", "b.npy");
}

/* ---- Deflated and strewn storages ---- */

static uint8_t *make_noise(size_t n)
{
    uint32_t state = 1;
    uint8_t *noise = malloc(n);
    for (size_t i = 0; i < n; i++)
        noise[i] = (uint8_t)(next_random(&state) >> 8);
    return noise;
}

/* Writes an entry of a state dict: n floats, stride apart, from offset on, of a storage "0" of n_floats. */
static char *put_view(char *at, int number, int n_floats, int offset, int n, int stride)
{
    at = mempcpy(at, "X\5\0\0\0", 5);
    at += sprintf(at, "w%04d", number);
    at = stpcpy(at, "ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nFloatStorage\nU\0010U\3cpuJ");
    at = stpcpy(mempcpy(at, &n_floats, 4), "tQJ");
    at = stpcpy(mempcpy(at, &offset, 4), "J");
    at = stpcpy(mempcpy(at, &n, 4), "\x85J");
    return stpcpy(mempcpy(at, &stride, 4), "\x85\x89" "ccollections\nOrderedDict\n)RtR");
}

enum { N_FLOATS = 1 << 22, N_VIEWS = 2000, VIEW = 16 };

/* A PyTorch archive of n_views views, the last floats of one storage 0, 1, ... 15, 0, ..., and of noise beside them. */
static void write_views(int n_views, int stride, bool deflated, size_t n_noise)
{
    char *pickle = malloc(64 + (size_t)n_views * 200), *at = stpcpy(pickle, "\x80\2}(");
    float *storage = malloc(N_FLOATS * sizeof *storage);
    uint8_t *noise = make_noise(n_noise);
    for (int i = 0; i < N_FLOATS; i++)
        storage[i] = (float)(i % VIEW);
    for (int i = 0; i < n_views; i++)
        at = put_view(at, i, N_FLOATS, N_FLOATS - 1 - (VIEW - 1) * stride - i, VIEW, stride);
    at = stpcpy(at, "u.");
    const struct member members[] = {{"a/data.pkl", pickle, (size_t)(at - pickle)},
                                     {"a/data/0", (const char *)storage, N_FLOATS * sizeof *storage},
                                     {"a/noise", (const char *)noise, n_noise}};
    write_zip(members, 3, deflated);
    free(pickle);
    free(storage);
    free(noise);
}

Test(containers, a_deflated_storage_is_inflated_once, .timeout = 8)
{
    write_views(N_VIEWS, 1, true, 1500000);
    struct vit_source *source;
    struct vit_error err;
    cr_assert_eq(vit_source_open(&source, scratch.path, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_source_n_tensors(source), N_VIEWS);
    for (int i = 0; i < N_VIEWS; i++) {
        float data[VIEW];
        cr_assert_eq(vit_source_read(source, i, data, &err), VIT_OK, "%s", err.message);
        for (int k = 0; k < VIEW; k++)
            cr_assert_eq(data[k], (float)((N_FLOATS - VIEW - i + k) % VIEW), "view %d, element %d", i, k);
    }
    vit_source_close(source);
}

Test(containers, a_few_bytes_do_not_stand_for_many)
{
    write_views(1, 1, true, 1000);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_TOO_LARGE, "a/data/0", "16 times");

    char pickle[20000];
    memset(pickle, '2', sizeof pickle);
    uint8_t *noise = make_noise(5000);
    const struct member members[] = {{"a/data.pkl", pickle, sizeof pickle}, {"a/noise", (const char *)noise, 5000}};
    write_zip(members, 2, true);
    free(noise);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_TOO_LARGE, "data.pkl holds 20000 bytes");

    write_views(1, 16, false, 1);
    cr_expect(scratch_read_all(scratch.path));
    write_views(1, N_FLOATS / VIEW, false, 1);
    struct vit_source *source;
    struct vit_error err;
    float data[VIEW];
    cr_assert_eq(vit_source_open(&source, scratch.path, &err), VIT_OK, "%s", err.message);
    cr_expect_eq(vit_source_read(source, 0, data, &err), VIT_ERR_TOO_LARGE);
    cr_expect(strstr(err.message, "tensor w0000: its 64 bytes are strewn over 15728644"), "%s", err.message);
    vit_source_close(source);
}

/* ---- Threads ---- */

static void *read_often(void *opened)
{
    const struct vit_source *source = opened;
    bool right = true;
    for (int round = 0; round < 300; round++) {
        float f32[6];
        vit_status status = vit_source_read(source, vit_source_find(source, "f32"), f32, NULL);
        right = right && status == VIT_OK && f32[5] == 1.25f;
    }
    return right ? opened : NULL;
}

static void read_by_threads(const char *fixture)
{
    struct vit_source *source;
    cr_assert_eq(vit_source_open(&source, fixture, NULL), VIT_OK);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, read_often, source), 0);
    for (int i = 0; i < 4; i++) {
        void *right;
        cr_assert_eq(pthread_join(threads[i], &right), 0);
        cr_expect_not_null(right, "%s, thread %d", fixture, i);
    }
    vit_source_close(source);
}

Test(containers, threads_may_read_at_once)
{
    read_by_threads(FIXTURE("state.pt"));
    read_by_threads(FIXTURE("stored.npz"));
    read_by_threads(FIXTURE("deflated.npz"));
    read_by_threads(FIXTURE("legacy.pt"));
}

/* ---- Shards ---- */

static void write_index(const char *map)
{
    char text[1024];
    int n = snprintf(text, sizeof text, "{\"weight_map\": %s}", map);
    scratch_write(scratch.path, text, (size_t)n);
}

#define INDEX_REFUSED(map, status, ...) (write_index(map), SCRATCH_REFUSED(scratch.path, status, __VA_ARGS__))

Test(containers, shards_lie_beside_their_index)
{
    INDEX_REFUSED("{\"w\": \"/etc/passwd\"}", VIT_ERR_DECODE, "tensor w", "0x2f");
    INDEX_REFUSED("{\"w\": \"../x.safetensors\"}", VIT_ERR_DECODE, "tensor w", "0x2f");
    INDEX_REFUSED("{\"w\": \"a\\\\x.safetensors\"}", VIT_ERR_DECODE, "tensor w", "0x5c");
    INDEX_REFUSED("{\"w\": \"..\"}", VIT_ERR_DECODE, "tensor w", "..");
    INDEX_REFUSED("{\"w\": \".\"}", VIT_ERR_DECODE, "tensor w");
    INDEX_REFUSED("{\"w\": \"\"}", VIT_ERR_DECODE, "tensor w", "0 bytes");
    INDEX_REFUSED("{\"w\": \"a\\u0000b\"}", VIT_ERR_DECODE, "JSON");
    INDEX_REFUSED("{\"w\": 3}", VIT_ERR_DECODE, "tensor w");
    INDEX_REFUSED("{\"w\": \"absent\"}", VIT_ERR_OPEN, "tensor w: the shard", "absent");
    INDEX_REFUSED("{\"w\": \"model\"}", VIT_ERR_DECODE, "tensor w", "index"); /* itself */
    INDEX_REFUSED("{\"w\": \"a\", \"w\": \"b\"}", VIT_ERR_DECODE, "duplicate");
    INDEX_REFUSED("[]", VIT_ERR_UNSUPPORTED, "weight_map");
    INDEX_REFUSED("{}", VIT_ERR_DECODE, "no tensors");
}

Test(containers, shards_and_index_agree)
{
    char shard[128];
    uint8_t bytes[MAX_FILE];
    snprintf(shard, sizeof shard, "%s/shard", scratch.folder);
    size_t n = scratch_read(FIXTURE("one.pt"), bytes, sizeof bytes);
    scratch_write(shard, bytes, n);
    write_index("{\"f32\": \"shard\"}");
    cr_expect(scratch_read_all(scratch.path));
    INDEX_REFUSED("{\"f33\": \"shard\"}", VIT_ERR_DECODE, "tensor f33", "shard");
    n = scratch_read(FIXTURE("whole.safetensors"), bytes, sizeof bytes);
    scratch_write(shard, bytes, n);
    INDEX_REFUSED("{\"f32\": \"shard\"}", VIT_ERR_DECODE, "1 tensors", "16");
    unlink(shard);
}
