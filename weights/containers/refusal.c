/* refusal.c: files that people take for checkpoints or that are some of another program: what to do about each. */
#include <string.h>

#include "weights/containers/container.h"

#define ORIGINAL " is not read: take the weights that it was made from, as safetensors, .pth or .npz"

static const struct {
    size_t offset, n;
    const char *bytes, *advice;
} known[] = {
    {0, 6, "\x93NUMPY", "a bare .npy array, not a checkpoint: npz archives hold named arrays"},
    {0, 4, "\x89HDF", "HDF5 (Keras) is not read: save the weights as safetensors or npz"},
    {257, 5, "ustar",
     "a tar archive (PyTorch's format before 0.2, or a package): unpack it, or save a state_dict again"},
    {0, 2, "\x1f\x8b", "compressed by gzip: unpack it first"},
    {0, 4, "GGUF", "GGUF" ORIGINAL},
    {0, 26, "version https://git-lfs.gi", "a Git LFS pointer in place of the file: run git lfs pull"},
    {0, 5, "<!DOC", "a web page, not a checkpoint: download the file itself"},
    {0, 5, "<html", "a web page, not a checkpoint: download the file itself"},
};

/* A msgpack map whose first key is a string, as flax writes its parameters. */
static bool is_msgpack(const uint8_t *head, size_t n)
{
    size_t key = 1; /* after the map's head */
    if (n > 0 && (head[0] == 0xde || head[0] == 0xdf))
        key = head[0] == 0xde ? 3 : 5;
    else if (n == 0 || head[0] <= 0x80 || head[0] > 0x8f)
        return false;
    return key < n && ((head[key] >= 0xa0 && head[key] <= 0xbf) || head[key] == 0xd9);
}

/* Protocol buffers of a model: a small version number, then a text or a message. */
static bool is_onnx(const uint8_t *head, size_t n)
{
    return n > 2 && head[0] == 0x08 && head[1] > 0 && head[1] < 0x20 && (head[2] == 0x12 || head[2] == 0x3a);
}

const char *vit_refusal(const uint8_t *head, size_t n)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].offset + known[i].n <= n && memcmp(head + known[i].offset, known[i].bytes, known[i].n) == 0)
            return known[i].advice;
    }
    if (n > 1 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return "a Python pickle that PyTorch did not write: save a state_dict by torch.save or safetensors";
    if (is_onnx(head, n))
        return "ONNX" ORIGINAL;
    return is_msgpack(head, n) ? "msgpack (flax) is not read: save the weights as safetensors or npz" : NULL;
}
