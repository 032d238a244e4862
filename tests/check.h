/* check.h: the tensor check: is what was computed close enough to what it must be?
 *
 *     char message[CHECK_MESSAGE_MAX];
 *     cr_assert(check_f32(message, "fc1", got, want, n, 1e-5), "%s", message);
 *
 * An array passes when max|got - want| <= tol * max(1, max|want|). It fails when it is empty, when any value on either
 * side is not finite, and when the comparison itself is not a number. The message, also that of a pass, holds the name,
 * the largest error, its place and both values there. */
#ifndef VIT_TESTS_CHECK_H
#define VIT_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/npy.h"

enum { CHECK_MESSAGE_MAX = 1024 };

/* got (n) against want (n). message has room for CHECK_MESSAGE_MAX bytes. */
bool check_f32(char *message, const char *name, const float *got, const float *want, size_t n, double tol);
bool check_u8(char *message, const char *name, const uint8_t *got, const uint8_t *want, size_t n, double tol);

/* The same for arrays with a type and a shape, which must be equal too. */
bool check_npy(char *message, const char *name, const struct npy *got, const struct npy *want, double tol);

#endif
