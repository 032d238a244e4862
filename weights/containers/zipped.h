/* zipped.h: the checkpoint formats that are zip archives. Private to weights/. */
#ifndef VIT_ZIPPED_H
#define VIT_ZIPPED_H

#include "weights/containers/zip.h"

extern const struct vit_container vit_npz, vit_torch_zip;

/* Whether the members are those of the format. */
bool vit_npz_is(const struct vit_zip *zip);
bool vit_torch_zip_is(const struct vit_zip *zip);

#endif
