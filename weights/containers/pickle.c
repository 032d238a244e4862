/* pickle.c: the restricted pickle interpreter: reads opcodes and has the machine carry them out. */
#include "weights/containers/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/containers/pickle_machine.h"

typedef struct vit_pickle_node node;

/* ---- Input ---- */

/* The next n bytes. */
static vit_status take(struct vit_pickle_input *input, void *dst, size_t n, struct vit_error *err)
{
    if (n > (uint64_t)(input->size - input->position))
        return vit_fail(err, VIT_ERR_DECODE, "truncated: %zu bytes wanted at %" PRId64 " of %" PRId64, n,
                        input->position, input->size);
    for (size_t done = 0; done < n;) {
        if (input->used == input->filled) {
            int64_t left = input->size - input->position;
            input->used = 0;
            input->filled = left < (int64_t)sizeof input->buffer ? (size_t)left : sizeof input->buffer;
            VIT_TRY(input->next(input->context, input->buffer, input->filled, err));
        }
        size_t part = input->filled - input->used < n - done ? input->filled - input->used : n - done;
        memcpy((char *)dst + done, input->buffer + input->used, part);
        input->used += part;
        input->position += (int64_t)part;
        done += part;
    }
    return VIT_OK;
}

static vit_status take_uint(struct vit_machine *m, size_t n, uint64_t *value)
{
    uint8_t bytes[8];
    VIT_TRY(take(m->input, bytes, n, m->err));
    *value = 0;
    while (n-- > 0)
        *value = *value << 8 | bytes[n];
    return VIT_OK;
}

/* n bytes into memory of the pickle, with a NUL after them. */
static vit_status take_text(struct vit_machine *m, uint64_t n, const char **text)
{
    if (n > (uint64_t)(m->input->size - m->input->position))
        return vit_fail(m->err, VIT_ERR_DECODE, "truncated: a string of %" PRIu64 " bytes at %" PRId64 " of %" PRId64,
                        n, m->input->position, m->input->size);
    char *copy = vit_pickle_allocate(m->pickle, (size_t)n + 1);
    if (!copy)
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory for a string of %" PRIu64 " bytes", n);
    copy[n] = '\0';
    *text = copy;
    return take(m->input, copy, (size_t)n, m->err);
}

/* A text up to a line feed, which is not kept. */
static vit_status take_line(struct vit_machine *m, const char **text)
{
    char line[VIT_LIMIT_PICKLE_NAME + 1];
    size_t n = 0;
    for (;;) {
        VIT_TRY(take(m->input, &line[n], 1, m->err));
        if (line[n] == '\n')
            break;
        if (n++ == VIT_LIMIT_PICKLE_NAME)
            return vit_fail(m->err, VIT_ERR_TOO_LARGE, "the name of a global is over %d bytes", VIT_LIMIT_PICKLE_NAME);
    }
    char *copy = vit_pickle_allocate(m->pickle, n + 1);
    if (!copy)
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory");
    memcpy(copy, line, n);
    copy[n] = '\0';
    *text = copy;
    return VIT_OK;
}

static vit_status make_global_of_lines(struct vit_machine *m)
{
    const char *module, *name;
    VIT_TRY(take_line(m, &module));
    VIT_TRY(take_line(m, &name));
    return vit_machine_make_global(m, module, name);
}

static vit_status push_string(struct vit_machine *m, size_t length_bytes)
{
    uint64_t n;
    const char *text;
    node *made;
    VIT_TRY(take_uint(m, length_bytes, &n));
    VIT_TRY(take_text(m, n, &text));
    VIT_TRY(vit_machine_push_new(m, VIT_PICKLE_STRING, &made));
    made->text.bytes = text;
    made->text.n = (size_t)n;
    return VIT_OK;
}

/* A little-endian two's complement integer of n bytes; its value is kept up to 64 bits. */
static vit_status push_long(struct vit_machine *m, size_t length_bytes)
{
    uint64_t n, value = 0;
    VIT_TRY(take_uint(m, length_bytes, &n));
    if (n > 8) {
        const char *digits;
        node *made;
        VIT_TRY(take_text(m, n, &digits));
        return vit_machine_push_new(m, VIT_PICKLE_NUMBER, &made);
    }
    VIT_TRY(take_uint(m, (size_t)n, &value));
    if (n > 0 && n < 8 && value >> (8 * n - 1))
        value |= UINT64_MAX << 8 * n;
    return vit_machine_push_integer(m, VIT_PICKLE_INT, (int64_t)value);
}

static vit_status push_uint(struct vit_machine *m, size_t n)
{
    uint64_t value;
    VIT_TRY(take_uint(m, n, &value));
    return vit_machine_push_integer(m, VIT_PICKLE_INT, n == 4 ? (int32_t)(uint32_t)value : (int64_t)value);
}

static vit_status skip_bytes(struct vit_machine *m, size_t n)
{
    uint64_t ignored;
    return take_uint(m, n, &ignored);
}

static vit_status memo_at(struct vit_machine *m, size_t n, vit_status (*access)(struct vit_machine *, uint64_t))
{
    uint64_t index;
    VIT_TRY(take_uint(m, n, &index));
    return access(m, index);
}

/* ---- Opcodes ---- */

static vit_status run_container_op(struct vit_machine *m, uint8_t opcode, bool *known)
{
    node **items = NULL, *made;
    size_t n;
    *known = true;
    switch (opcode) {
    case '(': return vit_machine_push_new(m, VIT_PICKLE_MARK, &made);
    case ')': return vit_machine_push_new(m, VIT_PICKLE_TUPLE, &made);
    case ']': return vit_machine_push_new(m, VIT_PICKLE_LIST, &made);
    case '}': return vit_machine_push_new(m, VIT_PICKLE_DICT, &made);
    case 0x8f: return vit_machine_push_new(m, VIT_PICKLE_SET, &made);
    case 't': VIT_TRY(vit_machine_pop_to_mark(m, &items, &n)); return vit_machine_push_tuple(m, items, n);
    case 0x85:
    case 0x86:
    case 0x87:
        n = (size_t)opcode - 0x84;
        VIT_TRY(vit_machine_pop(m, n, &items));
        return vit_machine_push_tuple(m, items, n);
    case 'a': return vit_machine_put_into(m, VIT_PICKLE_LIST, 1);
    case 'e': return vit_machine_put_into(m, VIT_PICKLE_LIST, 0);
    case 's': return vit_machine_put_into(m, VIT_PICKLE_DICT, 2);
    case 'u': return vit_machine_put_into(m, VIT_PICKLE_DICT, 0);
    case 0x90: return vit_machine_put_into(m, VIT_PICKLE_SET, 0);
    default: *known = false; return VIT_OK;
    }
}

static vit_status run_object_op(struct vit_machine *m, uint8_t opcode, bool *known)
{
    node **items = NULL, *item;
    size_t n;
    *known = true;
    switch (opcode) {
    case 'c': return make_global_of_lines(m);
    case 0x93: return vit_machine_make_global_of_stack(m);
    case 'Q': return vit_machine_make_persistent(m);
    case 'R':
    case 0x81: return vit_machine_make_call(m);
    case 'b':
        VIT_TRY(vit_machine_pop(m, 1, &items));
        return vit_machine_top(m, &item); /* BUILD: the state is dropped */
    case 'q': return memo_at(m, 1, vit_machine_memo_put);
    case 'r': return memo_at(m, 4, vit_machine_memo_put);
    case 0x94: return vit_machine_memo_put(m, m->memo.n);
    case 'h': return memo_at(m, 1, vit_machine_memo_get);
    case 'j': return memo_at(m, 4, vit_machine_memo_get);
    case '0': return vit_machine_pop(m, 1, &items);
    case '1': return vit_machine_pop_to_mark(m, &items, &n);
    case '2': VIT_TRY(vit_machine_top(m, &item)); return vit_machine_push(m, item);
    case '.': m->stopped = true; return VIT_OK;
    default: *known = false; return VIT_OK;
    }
}

static vit_status run_constant_op(struct vit_machine *m, uint8_t opcode, bool *known)
{
    node *made;
    *known = true;
    switch (opcode) {
    case 0x80: return skip_bytes(m, 1); /* PROTO */
    case 0x95: return skip_bytes(m, 8); /* FRAME */
    case 'N': return vit_machine_push_new(m, VIT_PICKLE_NONE, &made);
    case 0x88: return vit_machine_push_integer(m, VIT_PICKLE_BOOL, 1);
    case 0x89: return vit_machine_push_integer(m, VIT_PICKLE_BOOL, 0);
    case 'J': return push_uint(m, 4);
    case 'K': return push_uint(m, 1);
    case 'M': return push_uint(m, 2);
    case 0x8a: return push_long(m, 1);
    case 0x8b: return push_long(m, 4);
    case 'G': VIT_TRY(skip_bytes(m, 8)); return vit_machine_push_new(m, VIT_PICKLE_NUMBER, &made);
    case 'U':
    case 'C':
    case 0x8c: return push_string(m, 1);
    case 'T':
    case 'B':
    case 'X': return push_string(m, 4);
    case 0x8d: return push_string(m, 8);
    default: *known = false; return VIT_OK;
    }
}

static vit_status run_op(struct vit_machine *m, uint8_t opcode)
{
    bool known;
    vit_status status = run_constant_op(m, opcode, &known);
    if (!known)
        status = run_container_op(m, opcode, &known);
    if (!known)
        status = run_object_op(m, opcode, &known);
    if (!known)
        return vit_fail(m->err, VIT_ERR_UNSUPPORTED, "it is not one of a saved state_dict");
    return status;
}

static vit_status run(struct vit_machine *m)
{
    node *root;
    while (!m->stopped) {
        uint8_t opcode;
        int64_t at = m->input->position;
        vit_status status = take(m->input, &opcode, 1, m->err);
        if (status != VIT_OK)
            return vit_context(m->err, status, "pickle");
        status = run_op(m, opcode);
        if (status != VIT_OK)
            return vit_context(m->err, status, "pickle: opcode 0x%02x at byte %" PRId64, opcode, at);
    }
    vit_status status = vit_machine_top(m, &root);
    if (status != VIT_OK)
        return vit_context(m->err, status, "pickle: it ends at byte %" PRId64 " without an object", m->input->position);
    m->pickle->root = root;
    return VIT_OK;
}

vit_status vit_pickle_load(struct vit_pickle *pickle, struct vit_pickle_input *input, struct vit_error *err)
{
    struct vit_machine m = {.pickle = pickle, .input = input, .err = err};
    vit_status status = run(&m);
    free(m.stack.at);
    free(m.memo.at);
    return status;
}

