/* files.c: which of a folder's files are its tokenizer. */
#include "weights/tokenizers/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "vit/base/file.h"
#include "vit/base/limits.h"
#include "weights/json/json.h"

static bool exists(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return false;
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* Loads folder/name; *bytes is the caller's to free, and a NUL follows them. */
static vit_status load(const char *folder, const char *name, void **bytes, size_t *n, struct vit_error *err)
{
    char *path;
    *bytes = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = vit_file_load(path, VIT_LIMIT_JSON, bytes, n, err);
    if (status != VIT_OK)
        vit_context(err, status, "%s", path);
    free(path);
    return status;
}

static vit_status within(vit_status status, const char *folder, const char *name, struct vit_error *err)
{
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s/%s", folder, name);
}

/* ---- One kind each ---- */

static vit_status read_spiece(struct vit_tokenizer *t, const char *folder, const char *name, struct vit_error *err)
{
    void *bytes;
    size_t n;
    VIT_TRY(load(folder, name, &bytes, &n, err));
    vit_status status = within(vit_spiece_read(t, bytes, n, err), folder, name, err);
    free(bytes);
    return status;
}

static vit_status read_json(struct vit_tokenizer *t, const char *folder, const char *name, struct vit_error *err)
{
    json_t *root;
    VIT_TRY(vit_json_load_optional(&root, folder, name, err));
    vit_status status = within(vit_json_file_read(t, root, err), folder, name, err);
    json_decref(root);
    return status;
}

static vit_status read_vocab(struct vit_tokenizer *t, const char *folder, const char *name, struct vit_error *err)
{
    json_t *vocab;
    void *merges = NULL;
    size_t n;
    VIT_TRY(vit_json_load_optional(&vocab, folder, "vocab.json", err));
    vit_status status = load(folder, name, &merges, &n, err);
    if (status == VIT_OK)
        status = within(vit_vocab_merges_read(t, vocab, merges, n, err), folder, name, err);
    free(merges);
    json_decref(vocab);
    return status;
}

/* Unpacks a gzip file of n bytes into at most VIT_LIMIT_EXPANSION times as many, and a NUL. */
static vit_status unpack(const void *packed, size_t n, char **text, size_t *n_text, struct vit_error *err)
{
    enum { GZIP = 16 + MAX_WBITS };
    size_t room = n * VIT_LIMIT_EXPANSION;
    z_stream stream = {.next_in = (Bytef *)packed, .avail_in = (uInt)n};
    *text = malloc(room + 1);
    if (!*text || inflateInit2(&stream, GZIP) != Z_OK)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", room);
    stream.next_out = (Bytef *)*text;
    stream.avail_out = (uInt)room;
    int result = inflate(&stream, Z_FINISH);
    *n_text = stream.total_out;
    (*text)[*n_text] = '\0';
    inflateEnd(&stream);
    if (result == Z_BUF_ERROR && stream.avail_out == 0)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "it unpacks to more than %d times its %zu bytes", VIT_LIMIT_EXPANSION,
                        n);
    return result == Z_STREAM_END ? VIT_OK : vit_fail(err, VIT_ERR_DECODE, "no sound gzip file of %zu bytes", n);
}

static vit_status read_simple(struct vit_tokenizer *t, const char *folder, const char *name, struct vit_error *err)
{
    void *packed;
    char *text = NULL;
    size_t n, n_text = 0;
    VIT_TRY(load(folder, name, &packed, &n, err));
    vit_status status = unpack(packed, n, &text, &n_text, err);
    if (status == VIT_OK)
        status = vit_simple_vocab_read(t, text, n_text, err);
    free(text);
    free(packed);
    return within(status, folder, name, err);
}

static vit_status refuse_wordpiece(struct vit_tokenizer *t, const char *folder, const char *name, struct vit_error *err)
{
    (void)t;
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "%s/%s: a WordPiece tokenizer (BERT's); those of CLIP, SigLIP and SigLIP 2 are read", folder, name);
}

/* ---- The folder ---- */

/* Best first. */
static const struct {
    const char *name;
    vit_status (*read)(struct vit_tokenizer *t, const char *folder, const char *name, struct vit_error *err);
} kinds[] = {
    {"spiece.model", read_spiece},   {"tokenizer.json", read_json},
    {"merges.txt", read_vocab},      {"bpe_simple_vocab_16e6.txt.gz", read_simple},
    {"vocab.txt", refuse_wordpiece},
};

vit_status vit_tokenizer_files_read(struct vit_tokenizer *t, const char *folder, const char **file,
                                    struct vit_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        *file = kinds[i].name;
        if (exists(folder, *file))
            return kinds[i].read(t, folder, *file, err);
    }
    return vit_fail(err, VIT_ERR_OPEN,
                    "%s: no tokenizer: neither tokenizer.json, vocab.json with merges.txt, spiece.model nor "
                    "bpe_simple_vocab_16e6.txt.gz",
                    folder);
}
