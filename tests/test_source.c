/* Opening a checkpoint: what is no file, what is no checkpoint, and what is one of another program. */
#include <sys/stat.h>

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

TestSuite(source, .init = enter_folder, .fini = leave_folder);

Test(source, what_cannot_be_opened)
{
    SCRATCH_REFUSED(scratch.path, VIT_ERR_OPEN, "No such file");
    SCRATCH_REFUSED(scratch.folder, VIT_ERR_UNSUPPORTED, "a folder");
    cr_assert_eq(mkfifo(scratch.path, 0600), 0);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_UNSUPPORTED, "a pipe"); /* and does not wait for a writer */
    unlink(scratch.path);
    scratch_write(scratch.path, "", 0);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_EMPTY, "empty");
}

Test(source, what_is_no_checkpoint)
{
    static const struct {
        char bytes[48];
        const char *word;
        size_t n;
    } files[] = {
        {"x", "(1 bytes)", 1},
        {"\xff\xd8\xff\xe0 a photograph", "known format", 20},
        {"\x89HDF\r\n\x1a\n", "HDF5", 8},
        {"\x81\xa6params\x81", "msgpack", 9},
        {"\xde\x00\x11\xa6params", "msgpack", 10},
        {"\x1f\x8b\x08\x00", "gzip", 4},
        {"\x80\x04K\x01.", "pickle", 5},
        {"GGUF\x03\x00\x00\x00", "GGUF", 8},
        {"\x08\x08\x12\x07pytorch", "ONNX", 11},
        {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull", 43},
        {"<!DOCTYPE html>", "web page", 15},
        {"\x93NUMPY\x01\x00v\x00{", "npz", 11},
        {"{\"architecture\": \"vit\"}", "name the checkpoint", 23},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        scratch_write(scratch.path, files[i].bytes, files[i].n);
        SCRATCH_REFUSED(scratch.path, VIT_ERR_UNSUPPORTED, files[i].word);
    }
    char tar[512] = "storages";
    memcpy(tar + 257, "ustar", 5);
    scratch_write(scratch.path, tar, sizeof tar);
    SCRATCH_REFUSED(scratch.path, VIT_ERR_UNSUPPORTED, "tar");
}

Test(source, an_error_record_is_optional)
{
    struct vit_source *source;
    cr_assert_eq(vit_source_open(&source, scratch.path, NULL), VIT_ERR_OPEN);
    cr_assert_null(source);
    vit_source_close(NULL);
}
