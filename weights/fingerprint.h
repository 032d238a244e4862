/* fingerprint.h: by which two checkpoints can be told apart. */
#ifndef VIT_FINGERPRINT_H
#define VIT_FINGERPRINT_H

#include "weights/canonical/form.h"

enum { VIT_FINGERPRINT = 17 };

/* Writes 16 hexadecimal digits: FNV-1a over 64-bit words of the names, shapes and values of all tensors but
 * token_embed's, of which only the shape counts: it may be larger than all others together. No proof against forgery.
 */
vit_status vit_fingerprint(char text[VIT_FINGERPRINT], const struct vit_weights *weights, struct vit_error *err);

#endif
