/* The pickle interpreter: opcodes as written by hand, wrapped into legacy files of PyTorch, which are pickles in a row.
 */
#include "tests/scratch.h"
#include "weights/containers/pickle.h"

static struct scratch scratch;

static void enter_folder(void)
{
    scratch_enter(&scratch, "model.pt");
}

static void leave_folder(void)
{
    scratch_leave(&scratch);
}

TestSuite(pickle, .init = enter_folder, .fini = leave_folder);

/* ---- The interpreter alone ---- */

static vit_status next_bytes(void *context, void *dst, size_t n, struct vit_error *err)
{
    (void)err;
    const char **at = context;
    memcpy(dst, *at, n);
    *at += n;
    return VIT_OK;
}

static vit_status load(struct vit_pickle *pickle, const char *bytes, size_t n, struct vit_error *err)
{
    struct vit_pickle_input input = {.next = next_bytes, .context = &bytes, .size = (int64_t)n};
    *pickle = (struct vit_pickle){0};
    return vit_pickle_load(pickle, &input, err);
}

static int64_t load_integer(const char *bytes, size_t n)
{
    struct vit_pickle pickle;
    struct vit_error err;
    cr_assert_eq(load(&pickle, bytes, n, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(pickle.root->kind, VIT_PICKLE_INT);
    int64_t value = pickle.root->integer;
    vit_pickle_free(&pickle);
    return value;
}

#define INTEGER(bytes) load_integer(bytes, sizeof bytes - 1)

Test(pickle, integers)
{
    cr_expect_eq(INTEGER("K\xff."), 255);
    cr_expect_eq(INTEGER("M\xff\xff."), 65535);
    cr_expect_eq(INTEGER("J\xff\xff\xff\xff."), -1);
    cr_expect_eq(INTEGER("J\xff\xff\xff\x7f."), INT32_MAX);
    cr_expect_eq(INTEGER("\x8a\0."), 0);
    cr_expect_eq(INTEGER("\x8a\1\x80."), -128);
    cr_expect_eq(INTEGER("\x8a\2\xff\0."), 255);
    cr_expect_eq(INTEGER("\x8a\x08\0\0\0\0\0\0\0\x80."), INT64_MIN);
    cr_expect_eq(INTEGER("\x8b\3\0\0\0\0\0\x80."), -(1 << 23));
}

Test(pickle, containers_of_every_kind)
{
    struct vit_pickle pickle;
    struct vit_error err;
    /* {'a': (1,), 'b': [2, 3], 'c': set}, by both forms of each opcode, memoised */
    static const char bytes[] = "\x80\4\x95\0\0\0\0\0\0\0\0}\x94(\x8c\1aK\1\x85X\1\0\0\0b](K\2K\3eu"
                                "U\1c\x8f\x94(K\4\x90s0h\0.";
    cr_assert_eq(load(&pickle, bytes, sizeof bytes - 1, &err), VIT_OK, "%s", err.message);
    const struct vit_pickle_node *a = vit_pickle_get(pickle.root, "a"), *b = vit_pickle_get(pickle.root, "b"),
                                 *c = vit_pickle_get(pickle.root, "c");
    cr_assert(a && a->kind == VIT_PICKLE_TUPLE && a->items.n == 1 && a->items.at[0]->integer == 1);
    cr_assert(b && b->kind == VIT_PICKLE_LIST && b->items.n == 2 && b->items.at[1]->integer == 3);
    cr_assert(c && c->kind == VIT_PICKLE_SET && c->items.n == 1);
    cr_assert_null(vit_pickle_get(pickle.root, "d"));
    vit_pickle_free(&pickle);
}

static void expect_error(const char *bytes, size_t n, vit_status expected, const char *word)
{
    struct vit_pickle pickle;
    struct vit_error err = {VIT_OK, ""};
    vit_status status = load(&pickle, bytes, n, &err);
    cr_expect_eq(status, expected, "%.*s: status %s: %s", (int)n, bytes, vit_status_name(status), err.message);
    cr_expect(strstr(err.message, word), "\"%s\" lacks \"%s\"", err.message, word);
    vit_pickle_free(&pickle);
}

#define REFUSED(bytes, status, word) expect_error(bytes, sizeof bytes - 1, status, word)

Test(pickle, refuses_what_no_writer_writes)
{
    REFUSED("\x80\2", VIT_ERR_DECODE, "truncated");
    REFUSED("\x80", VIT_ERR_DECODE, "opcode 0x80 at byte 0");
    REFUSED(".", VIT_ERR_DECODE, "without an object");
    REFUSED("(.", VIT_ERR_DECODE, "without an object");
    REFUSED("N\xff.", VIT_ERR_UNSUPPORTED, "opcode 0xff at byte 1");
    REFUSED("Pid\n.", VIT_ERR_UNSUPPORTED, "opcode 0x50");
    REFUSED("}K\1.s", VIT_OK, "");
    REFUSED("}K\1s.", VIT_ERR_DECODE, "underflow");
    REFUSED("(K\1\x86.", VIT_ERR_DECODE, "underflow"); /* not through a mark */
    REFUSED("K\1t.", VIT_ERR_DECODE, "no mark");
    REFUSED("]K\1K\1s.", VIT_ERR_DECODE, "kind");
    REFUSED("}K\1a.", VIT_ERR_DECODE, "kind");
    REFUSED("}(K\1u.", VIT_ERR_DECODE, "1 keys and values");
    REFUSED("h\0.", VIT_ERR_DECODE, "memo index 0");
    REFUSED("Nr\xff\xff\xff\xff.", VIT_ERR_DECODE, "memo index 4294967295");
    REFUSED("X\xff\xff\xff\xff"
            "abc",
            VIT_ERR_DECODE, "4294967295");
    REFUSED("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
            "abc",
            VIT_ERR_DECODE, "18446744073709551615");
    REFUSED("\x8b\xff\xff\xff\xff"
            "abc",
            VIT_ERR_DECODE, "4294967295");
    REFUSED("cos\nsystem", VIT_ERR_DECODE, "truncated");
    REFUSED("K\1)R.", VIT_ERR_DECODE, "no global");
    REFUSED("cos\nsystem\nK\1R.", VIT_ERR_DECODE, "no tuple");
    REFUSED("K\1K\1\x93.", VIT_ERR_DECODE, "string");
    REFUSED("ccollections\nOrderedDict\nK\1\x85R.", VIT_ERR_DECODE, "OrderedDict");
    REFUSED("ccollections\nOrderedDict\n]K\1a\x85R.", VIT_ERR_DECODE, "pair");
}

Test(pickle, long_names_of_globals_are_refused)
{
    char bytes[400];
    memset(bytes, 'c', sizeof bytes);
    expect_error(bytes, sizeof bytes, VIT_ERR_TOO_LARGE, "255");
}

Test(pickle, objects_have_a_limit)
{
    size_t n = (4 << 20) + 1;
    char *bytes = malloc(n);
    memset(bytes, 'N', n);
    expect_error(bytes, n, VIT_ERR_TOO_LARGE, "4194304 objects");
    free(bytes);
}

Test(pickle, objects_that_are_only_repeated_have_the_same_limit)
{
    size_t n = (4 << 20) + 1;
    char *bytes = malloc(n);
    memset(bytes, '2', n);
    bytes[0] = 'N';
    expect_error(bytes, n, VIT_ERR_TOO_LARGE, "4194304 objects");
    free(bytes);
}

Test(pickle, a_list_given_to_many_calls_does_not_multiply)
{
    /* [ [1, 1], ... ] once, then OrderedDict(list) over and over */
    enum { PAIRS = 1000, CALLS = 100 };
    char *bytes = malloc(64 + PAIRS * 2 + CALLS * 5), *at = bytes;
    at = stpcpy(at, "ccollections\nOrderedDict\nq\1](]q\2(K\1K\1e");
    for (int i = 1; i < PAIRS; i++)
        at = stpcpy(at, "h\2");
    at = stpcpy(at, "e\x85q\3");
    for (int i = 0; i < CALLS; i++)
        at = stpcpy(at, "h\1h\3R");
    *at++ = '.';
    expect_error(bytes, (size_t)(at - bytes), VIT_ERR_TOO_LARGE, "objects");
    free(bytes);
}

Test(pickle, cycles_are_harmless)
{
    struct vit_pickle pickle;
    struct vit_error err;
    static const char list[] = "]q\0h\0ah\0a."; /* l = []; l += [l, l] */
    cr_assert_eq(load(&pickle, list, sizeof list - 1, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(pickle.root->items.at[1], pickle.root);
    vit_pickle_free(&pickle);
    static const char dict[] = "}q\0X\5\0\0\0modelh\0s."; /* d['model'] = d */
    cr_assert_eq(load(&pickle, dict, sizeof dict - 1, &err), VIT_OK, "%s", err.message);
    vit_pickle_free(&pickle);
}

/* ---- In a file ---- */

#define S(n, text) "X" n "\0\0\0" text
#define STORAGE(n) "(U\7storagectorch\nFloatStorage\nU\0010U\3cpuK" n "tQ"
#define TENSOR(n, offset, shape, stride)                                                                               \
    "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE(n) "K" offset shape stride "\x89"                                   \
                                                      "ccollections\nOrderedDict\n)RtR"

/* A legacy file of this object and a storage "0" of n_floats floats 0, 1, ... */
static void write_legacy(const char *object, size_t n, uint8_t n_floats)
{
    static const char head[] =
        "\x80\2\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3.\x80\2}U\x0dlittle_endian\x88s.",
                      keys[] = "\x80\2]U\0010a.";
    char bytes[4096], *at = bytes;
    at = mempcpy(at, head, sizeof head - 1);
    at = mempcpy(at, object, n);
    at = mempcpy(at, keys, sizeof keys - 1);
    at = mempcpy(at, (uint8_t[8]){n_floats}, 8);
    for (int i = 0; i < n_floats; i++)
        at = mempcpy(at, &(float){(float)i}, sizeof(float));
    scratch_write(scratch.path, bytes, (size_t)(at - bytes));
}

#define WRITE(object) write_legacy(object, sizeof object - 1, 6)
#define FILE_REFUSED(object, status, ...) (WRITE(object), SCRATCH_REFUSED(scratch.path, status, __VA_ARGS__))

static void expect_tensor(const char *name, int n, const float *expected)
{
    struct vit_source *source;
    struct vit_error err;
    float data[8];
    cr_assert_eq(vit_source_open(&source, scratch.path, &err), VIT_OK, "%s", err.message);
    int i = vit_source_find(source, name);
    cr_assert_geq(i, 0, "%s is missing", name);
    cr_assert_eq(vit_tensor_count(vit_source_tensor(source, i)), n);
    cr_assert_eq(vit_source_read(source, i, data, &err), VIT_OK, "%s", err.message);
    for (int k = 0; k < n; k++)
        cr_expect_eq(data[k], expected[k], "%s: element %d", name, k);
    vit_source_close(source);
}

Test(pickle, tensors_as_old_files_have_them)
{
    WRITE("}" S("\1", "w") TENSOR("\6", "\1", "K\2K\2\x86", "K\1K\2\x86") "s.");
    expect_tensor("w", 4, (float[]){1, 3, 2, 4});
    /* Python 2: OrderedDict([['module.w', tensor]]) */
    WRITE("ccollections\nOrderedDict\n](](U\x08module.w" TENSOR("\6", "\0", "K\2\x85", "K\3\x85") "ee\x85R.");
    expect_tensor("module.w", 2, (float[]){0, 3});
    /* _rebuild_tensor, and the shape as a torch.Size */
    WRITE(
        "}" S("\1", "w") "ctorch._utils\n_rebuild_tensor\n(" STORAGE("\6") "K\4ctorch\nSize\nK\2\x85\x85RK\1\x85tRs.");
    expect_tensor("w", 2, (float[]){4, 5});
    /* a parameter of a parameter, and entries that are no tensors */
    WRITE("}" S("\1", "w") "ctorch._utils\n_rebuild_parameter\nctorch.nn.parameter\nParameter\n" TENSOR(
        "\6", "\0", "K\1\x85",
        "K\1\x85") "\x85\x81\x88N\x87Rs" S("\1", "n") "K\5s" S("\1", "o") "cos\nsystem\n" S("\4", "true") "\x85Rs.");
    expect_tensor("w", 1, (float[]){0});
}

Test(pickle, tensors_that_lie)
{
#define VIEW(offset, shape, stride) "}" S("\1", "w") TENSOR("\6", offset, shape, stride) "s."
    FILE_REFUSED(VIEW("\0", "K\7\x85", "K\1\x85"), VIT_ERR_DECODE, "tensor w", "7 elements", "6");
    FILE_REFUSED(VIEW("\1", "K\6\x85", "K\1\x85"), VIT_ERR_DECODE, "tensor w", "6 elements from 1");
    FILE_REFUSED(VIEW("\0", "K\2K\2\x86", "K\3K\4\x86"), VIT_ERR_DECODE, "tensor w", "8 elements");
    FILE_REFUSED(VIEW("\7", "K\0\x85", "K\1\x85"), VIT_ERR_DECODE, "tensor w");
    FILE_REFUSED(VIEW("\0", "K\7\x85", "K\0\x85"), VIT_ERR_DECODE, "tensor w", "7 elements of a storage of 6");
    FILE_REFUSED(VIEW("\0", "K\2\x85", "J\xff\xff\xff\xff\x85"), VIT_ERR_DECODE, "tensor w");
    FILE_REFUSED(VIEW("\0", "J\xff\xff\xff\xff\x85", "K\1\x85"), VIT_ERR_DECODE, "tensor w", "-1");
    FILE_REFUSED(VIEW("\0", "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"), VIT_ERR_DECODE, "tensor w");
    FILE_REFUSED(VIEW("\0", "\x8a\5\0\0\0\0\1\x8a\5\0\0\0\0\1\x86", "K\0K\0\x86"), VIT_ERR_DECODE, "tensor w",
                 "overflows");
    FILE_REFUSED(VIEW("\0", "K\2\x85", "K\1K\1\x86"), VIT_ERR_DECODE, "tensor w", "integers");
    FILE_REFUSED(VIEW("\0", "U\1a\x85", "K\1\x85"), VIT_ERR_DECODE, "tensor w", "integers");
    FILE_REFUSED(VIEW("\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"), VIT_ERR_DECODE,
                 "tensor w", "8");
#undef VIEW
#define NAMED S("\1", "s") STORAGE("\6") "s." /* so that the file's storage is accounted for */
    FILE_REFUSED("}" S("\1", "w") "ctorch._utils\n_rebuild_tensor_v2\n(K\1K\0K\1\x85K\1\x85tRs" NAMED, VIT_ERR_DECODE,
                 "tensor w", "storage");
    FILE_REFUSED("}" S("\1", "w") "ctorch._utils\n_rebuild_tensor_v2\n)Rs" NAMED, VIT_ERR_DECODE, "tensor w",
                 "storage");
    FILE_REFUSED("}K\1" TENSOR("\6", "\0", "K\1\x85", "K\1\x85") "s.", VIT_ERR_DECODE, "key");
    FILE_REFUSED("}" S("\3", "a\0b") TENSOR("\6", "\0", "K\1\x85", "K\1\x85") "s.", VIT_ERR_DECODE, "key");
    FILE_REFUSED("}" S("\2", "a\n") TENSOR("\6", "\0", "K\1\x85", "K\1\x85") "s.", VIT_ERR_DECODE, "0x0a");
    FILE_REFUSED("}(" S("\1", "w") TENSOR("\6", "\0", "K\1\x85", "K\1\x85") S("\1", "w")
                     TENSOR("\6", "\0", "K\1\x85", "K\1\x85") "u.",
                 VIT_ERR_DECODE, "two tensors", "w");
}

Test(pickle, storages_that_lie)
{
    FILE_REFUSED("}" S("\1", "w") TENSOR("\7", "\0", "K\1\x85", "K\1\x85") "s.", VIT_ERR_DECODE, "storage 0",
                 "6 elements", "7");
    FILE_REFUSED("}" S("\1", "w") STORAGE("\6") "s" S("\1", "v") STORAGE("\5") "s.", VIT_ERR_DECODE, "storage 0", "5",
                 "6");
    FILE_REFUSED("K\1Q.", VIT_ERR_DECODE, "persistent id");
    FILE_REFUSED("U\7storage\x85Q.", VIT_ERR_DECODE, "persistent id");
    FILE_REFUSED("(U\7storagecos\nsystem\nU\0010U\3cpuK\6tQ.", VIT_ERR_UNSUPPORTED, "storage 0", "type");
    FILE_REFUSED("(U\7storagectorch\nFloatStorage\nU\0010U\3cpuJ\xff\xff\xff\xfftQ.", VIT_ERR_DECODE, "storage 0");
    FILE_REFUSED("(U\7storagectorch\nFloatStorage\nU\0010U\3cpuK\6)tQ.", VIT_ERR_UNSUPPORTED, "storage 0", "view");
    FILE_REFUSED("(U\6modulecos\nsystem\nU\1aU\1btQ.", VIT_ERR_UNSUPPORTED, "module", "state_dict");
    FILE_REFUSED("}.", VIT_ERR_DECODE, "storage", "does not name");
    WRITE("}" S("\1", "w") TENSOR("\6", "\0", "K\1\x85", "K\1\x85") "s.");
    FILE *f = fopen(scratch.path, "ab");
    cr_assert_eq(fputc(0, f), 0);
    cr_assert_eq(fclose(f), 0);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_DECODE, "storages end at byte");
}

Test(pickle, roots_that_are_no_state_dict)
{
    FILE_REFUSED("}" S("\1", "w") STORAGE("\6") "s" S("\3", "net") "}s.", VIT_ERR_UNSUPPORTED,
                 "none of the 2 entries", "(w, net)");
    FILE_REFUSED("]" STORAGE("\6") "a.", VIT_ERR_UNSUPPORTED, "no dict");
    FILE_REFUSED("cmine\nNet\n)\x81}" S("\1", "w") STORAGE("\6") "sb.", VIT_ERR_UNSUPPORTED, "mine.Net",
                 "state_dict()");
    FILE_REFUSED("}" S("\5", "model") "cmine\nNet\n" STORAGE("\6") "\x85Rs.", VIT_ERR_UNSUPPORTED, "model is",
                 "mine.Net");
    FILE_REFUSED("}q\1" S("\5", "model") "h\1s0h\1" S("\1", "w") STORAGE("\6") "s.", VIT_ERR_UNSUPPORTED, "entries");
}

Test(pickle, entries_that_are_no_dense_tensors)
{
#define WITH(entry) "}" S("\1", "w") TENSOR("\6", "\0", "K\1\x85", "K\1\x85") "s" S("\1", "v") entry "s."
    FILE_REFUSED(WITH("ctorch._utils\n_rebuild_sparse_tensor\n)R"), VIT_ERR_UNSUPPORTED, "entry v",
                 "torch._utils._rebuild_sparse_tensor");
    FILE_REFUSED(WITH("ctorch._tensor\n_rebuild_from_type_v2\n)R"), VIT_ERR_UNSUPPORTED, "entry v", "from_type");
    FILE_REFUSED(WITH("ctorch.nn.parameter\nParameter\nctorch._utils\n_rebuild_qtensor\n)R\x85\x81"),
                 VIT_ERR_UNSUPPORTED, "entry v", "qtensor");
    FILE_REFUSED(WITH("cnumpy._core.multiarray\n_reconstruct\n)R}b"), VIT_ERR_UNSUPPORTED, "entry v", "numpy");
    struct vit_source *source;
    struct vit_error err;
    WRITE(WITH("cnumpy._core.multiarray\nscalar\n)R"));
    cr_assert_eq(vit_source_open(&source, scratch.path, &err), VIT_OK, "%s", err.message);
    cr_expect_eq(vit_source_n_skipped(source), 1);
    cr_expect_str_eq(vit_source_skipped(source, 0), "v");
    vit_source_close(source);
#undef WITH
}

/* As torch.save writes torch._neg_view(w): torch.load gives the numbers negated. */
Test(pickle, bits_of_views_are_refused)
{
#define BITS(version, last)                                                                                            \
    "}" S("\1", "w") "ctorch._utils\n_rebuild_tensor_v" version "\n(" STORAGE("\6")                                    \
        "K\0K\1\x85K\1\x85\x89" "ccollections\nOrderedDict\n)R" last "tRs."
    FILE_REFUSED(BITS("2", "}U\3neg\x88s"), VIT_ERR_UNSUPPORTED, "tensor w", "bit neg", "resolve_neg()");
    FILE_REFUSED(BITS("3", "ctorch\nfloat32\n}U\4conj\x88s"), VIT_ERR_UNSUPPORTED, "tensor w", "bit conj");
    WRITE(BITS("2", "}U\3neg\x89s"));
    expect_tensor("w", 1, (float[]){0});
    FILE_REFUSED(BITS("2", "K\1"), VIT_ERR_UNSUPPORTED, "tensor w", "no dict");
    WRITE(BITS("2", "N"));
    expect_tensor("w", 1, (float[]){0});
#undef BITS
}

/* n tensors that all fill one storage. */
static void write_sharing(int n, uint8_t n_floats)
{
    char object[2048] = "}", *at = object + 1, storage[] = STORAGE("\0"), shape[] = "K\0\x85";
    storage[sizeof storage - 4] = shape[1] = (char)n_floats;
    at = stpcpy(at, "U\1wctorch._utils\n_rebuild_tensor_v2\n(");
    at = mempcpy(at, storage, sizeof storage - 1);
    at = mempcpy(at, "K\0", 2);
    at = mempcpy(at, shape, sizeof shape - 1);
    at = stpcpy(at, "K\1\x85tRq\1s");
    for (int i = 1; i < n; i++)
        at += sprintf(at, "U\3%03dh\1s", i);
    *at++ = '.';
    write_legacy(object, (size_t)(at - object), n_floats);
}

Test(pickle, tensors_of_one_storage_have_a_limit)
{
    write_sharing(12, 200);
    cr_expect(scratch_read_all(scratch.path));
    write_sharing(100, 200); /* 80000 bytes of tensors in a file of 1900 */
    SCRATCH_REFUSED(scratch.path, VIT_ERR_TOO_LARGE, "tensor ", "16 times");
}
