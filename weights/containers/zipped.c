/* zipped.c: tells from its members which format a zip archive is of, and hands it to that reader. */
#include "weights/containers/zipped.h"

#include <string.h>

static bool sniff(const uint8_t *head, size_t n)
{
    return n >= 4 && memcmp(head, "PK\3\4", 4) == 0;
}

static vit_status open_source(struct vit_source *source, struct vit_error *err)
{
    struct vit_zip *zip;
    VIT_TRY(vit_zip_open(&zip, &source->file, err));
    const struct vit_container *container = vit_torch_zip_is(zip) ? &vit_torch_zip : vit_npz_is(zip) ? &vit_npz : NULL;
    vit_zip_close(zip);
    if (!container)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "a zip archive, but neither PyTorch's (no data.pkl) nor numpy's (no .npy)");
    source->container = container;
    return container->open(source, err);
}

static vit_status read_tensor(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    (void)source, (void)i, (void)dst;
    return vit_fail(err, VIT_ERR_INTERNAL, "read before the archive's format was told");
}

static void close_source(struct vit_source *source)
{
    (void)source;
}

const struct vit_container vit_zipped = {"zip", sniff, open_source, read_tensor, close_source};
