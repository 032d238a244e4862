/* session.h: sessions for texts, beside those of vit.h for pictures. Private to vit/. */
#ifndef VIT_SESSION_H
#define VIT_SESSION_H

#include "vit/vit.h"

/* A session for the text tower that model is, and texts of so many tokens; length 0: for pictures. */
vit_status vit_session_create_of(struct vit_session **session, const struct vit_model *model, int length,
                                 const struct vit_session_options *options, struct vit_error *err);

/* (n) inputs, pixels (S, S, 3) u8 or rows of tokens (length, D) f32, -> output (n, vit_session_width). */
vit_status vit_session_run(struct vit_session *session, const void *input, int n, float *output, struct vit_error *err);

#endif
