/* pickle.c: the restricted pickle interpreter: a stack, a memo and a table of opcodes. */
#include "weights/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/limits.h"
#include "weights/pickle_memory.h"

typedef struct vit_pickle_node node;

/* Arrays that grow by doubling. */
struct nodes {
    node **at;
    size_t n, capacity;
};

struct machine {
    struct vit_pickle *pickle;
    struct vit_pickle_input *input;
    struct vit_error *err;
    struct nodes stack, memo;
    size_t n_objects; /* made so far */
    size_t persistent_capacity;
    bool stopped;
};

/* ---- Input ---- */

vit_status vit_pickle_take(struct vit_pickle_input *input, void *dst, size_t n, struct vit_error *err)
{
    if (n > (uint64_t)(input->size - input->position))
        return vit_fail(err, VIT_ERR_DECODE, "truncated: %zu bytes wanted at %" PRId64 " of %" PRId64, n, input->position,
                        input->size);
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

static vit_status take_uint(struct machine *m, size_t n, uint64_t *value)
{
    uint8_t bytes[8];
    VIT_TRY(vit_pickle_take(m->input, bytes, n, m->err));
    *value = 0;
    while (n-- > 0)
        *value = *value << 8 | bytes[n];
    return VIT_OK;
}

/* n bytes into memory of the pickle, with a NUL after them. */
static vit_status take_text(struct machine *m, uint64_t n, const char **text)
{
    if (n > (uint64_t)(m->input->size - m->input->position))
        return vit_fail(m->err, VIT_ERR_DECODE, "truncated: a string of %" PRIu64 " bytes at %" PRId64 " of %" PRId64, n,
                        m->input->position, m->input->size);
    char *copy = vit_pickle_allocate(m->pickle, (size_t)n + 1);
    if (!copy)
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory for a string of %" PRIu64 " bytes", n);
    copy[n] = '\0';
    *text = copy;
    return vit_pickle_take(m->input, copy, (size_t)n, m->err);
}

/* A text up to a line feed, which is not kept. */
static vit_status take_line(struct machine *m, const char **text)
{
    char line[VIT_LIMIT_PICKLE_NAME + 1];
    size_t n = 0;
    for (;;) {
        VIT_TRY(vit_pickle_take(m->input, &line[n], 1, m->err));
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

/* ---- Stack and memo ---- */

static vit_status grow(struct machine *m, struct nodes *nodes, size_t n)
{
    if (n <= nodes->capacity)
        return VIT_OK;
    size_t capacity = nodes->capacity ? 2 * nodes->capacity : 64;
    while (capacity < n)
        capacity *= 2;
    node **larger = realloc(nodes->at, capacity * sizeof *larger);
    if (!larger)
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory for %zu objects", capacity);
    memset(larger + nodes->capacity, 0, (capacity - nodes->capacity) * sizeof *larger);
    nodes->at = larger;
    nodes->capacity = capacity;
    return VIT_OK;
}

static vit_status push(struct machine *m, node *item)
{
    VIT_TRY(grow(m, &m->stack, m->stack.n + 1));
    m->stack.at[m->stack.n++] = item;
    return VIT_OK;
}

static vit_status push_new(struct machine *m, enum vit_pickle_kind kind, node **made)
{
    if (m->n_objects++ == VIT_LIMIT_PICKLE_OBJECTS)
        return vit_fail(m->err, VIT_ERR_TOO_LARGE, "more than %d objects", VIT_LIMIT_PICKLE_OBJECTS);
    *made = vit_pickle_allocate(m->pickle, sizeof **made);
    if (!*made)
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory");
    **made = (node){.kind = kind};
    return push(m, *made);
}

static vit_status push_integer(struct machine *m, enum vit_pickle_kind kind, int64_t value)
{
    node *made;
    VIT_TRY(push_new(m, kind, &made));
    made->integer = value;
    return VIT_OK;
}

/* The n objects on top, none of them a mark, as an array that stays valid until the next push. */
static vit_status pop(struct machine *m, size_t n, node ***items)
{
    size_t have = 0;
    while (have < n && have < m->stack.n && m->stack.at[m->stack.n - 1 - have]->kind != VIT_PICKLE_MARK)
        have++;
    if (have < n)
        return vit_fail(m->err, VIT_ERR_DECODE, "stack underflow: %zu objects wanted, %zu there", n, have);
    m->stack.n -= n;
    *items = m->stack.at + m->stack.n;
    return VIT_OK;
}

/* All objects down to the topmost mark, which goes too. */
static vit_status pop_to_mark(struct machine *m, node ***items, size_t *n)
{
    size_t at = m->stack.n;
    while (at > 0 && m->stack.at[at - 1]->kind != VIT_PICKLE_MARK)
        at--;
    if (at == 0)
        return vit_fail(m->err, VIT_ERR_DECODE, "stack underflow: no mark among %zu objects", m->stack.n);
    *items = m->stack.at + at;
    *n = m->stack.n - at;
    m->stack.n = at - 1;
    return VIT_OK;
}

static vit_status top(struct machine *m, node **item)
{
    node **items = NULL;
    VIT_TRY(pop(m, 1, &items));
    m->stack.n++;
    *item = items[0];
    return VIT_OK;
}

static vit_status memo_put(struct machine *m, uint64_t index)
{
    node *item;
    VIT_TRY(top(m, &item));
    /* Writers count up from 0 or 1, so an index beyond the number of objects is not theirs. */
    if (index > m->n_objects)
        return vit_fail(m->err, VIT_ERR_DECODE, "memo index %" PRIu64 " after %zu objects", index, m->n_objects);
    VIT_TRY(grow(m, &m->memo, (size_t)index + 1));
    m->memo.at[index] = item;
    if (m->memo.n <= index)
        m->memo.n = (size_t)index + 1;
    return VIT_OK;
}

static vit_status memo_get(struct machine *m, uint64_t index)
{
    if (index >= m->memo.n || !m->memo.at[index])
        return vit_fail(m->err, VIT_ERR_DECODE, "memo index %" PRIu64 " was never set (%zu entries)", index, m->memo.n);
    return push(m, m->memo.at[index]);
}

/* ---- Objects ---- */

/* Appends to a container; what is put into a call's result is dropped. */
static vit_status add_items(struct machine *m, node *container, enum vit_pickle_kind wanted, node **items, size_t n)
{
    if (container->kind == VIT_PICKLE_CALL)
        return VIT_OK;
    if (container->kind != wanted)
        return vit_fail(m->err, VIT_ERR_DECODE, "%zu items put into an object of another kind (%d, not %d)", n,
                        (int)container->kind, (int)wanted);
    if (wanted == VIT_PICKLE_DICT && n % 2)
        return vit_fail(m->err, VIT_ERR_DECODE, "a dict is given %zu keys and values", n);
    if (!vit_pickle_append(m->pickle, container, items, n))
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory for %zu items", container->items.n + n);
    return VIT_OK;
}

static vit_status push_tuple(struct machine *m, node **items, size_t n)
{
    /* The items lie just above the stack's end: they must be copied before the push overwrites them. */
    node tuple = {.kind = VIT_PICKLE_TUPLE}, *made;
    VIT_TRY(add_items(m, &tuple, VIT_PICKLE_TUPLE, items, n));
    VIT_TRY(push_new(m, VIT_PICKLE_TUPLE, &made));
    *made = tuple;
    return VIT_OK;
}

/* Adds marked items to the container that lies below the mark; n is the fixed number of items where there is no mark. */
static vit_status put_into(struct machine *m, enum vit_pickle_kind kind, size_t n)
{
    node **items, *container;
    if (n > 0)
        VIT_TRY(pop(m, n, &items));
    else
        VIT_TRY(pop_to_mark(m, &items, &n));
    VIT_TRY(top(m, &container));
    return add_items(m, container, kind, items, n);
}

/* OrderedDict([[key, value], ...]), as Python 2 wrote it, or OrderedDict(). */
static vit_status make_ordered_dict(struct machine *m, const node *args)
{
    node *dict;
    VIT_TRY(push_new(m, VIT_PICKLE_DICT, &dict));
    if (args->items.n == 0)
        return VIT_OK;
    const node *pairs = args->items.at[0];
    if (pairs->kind != VIT_PICKLE_LIST && pairs->kind != VIT_PICKLE_TUPLE)
        return vit_fail(m->err, VIT_ERR_DECODE, "OrderedDict of something that is not a list");
    /* One list given to many calls would multiply: a list that is used once was written in more bytes than this. */
    m->n_objects += pairs->items.n;
    if (m->n_objects > VIT_LIMIT_PICKLE_OBJECTS || m->n_objects > (uint64_t)m->input->position)
        return vit_fail(m->err, VIT_ERR_TOO_LARGE, "%zu objects after %" PRId64 " bytes, at most %d are read",
                        m->n_objects, m->input->position, VIT_LIMIT_PICKLE_OBJECTS);
    for (size_t i = 0; i < pairs->items.n; i++) {
        const node *pair = pairs->items.at[i];
        if ((pair->kind != VIT_PICKLE_LIST && pair->kind != VIT_PICKLE_TUPLE) || pair->items.n != 2)
            return vit_fail(m->err, VIT_ERR_DECODE, "OrderedDict: item %zu is not a pair", i);
        VIT_TRY(add_items(m, dict, VIT_PICKLE_DICT, pair->items.at, 2));
    }
    return VIT_OK;
}

/* REDUCE and NEWOBJ: callee and arguments become a node. */
static vit_status make_call(struct machine *m)
{
    node **items = NULL, *made;
    VIT_TRY(pop(m, 2, &items));
    const node *callee = items[0], *args = items[1];
    if (callee->kind != VIT_PICKLE_GLOBAL && callee->kind != VIT_PICKLE_CALL && callee->kind != VIT_PICKLE_PERSISTENT)
        return vit_fail(m->err, VIT_ERR_DECODE, "a call of an object that is no global (kind %d)", (int)callee->kind);
    if (args->kind != VIT_PICKLE_TUPLE)
        return vit_fail(m->err, VIT_ERR_DECODE, "a call whose arguments are no tuple (kind %d)", (int)args->kind);
    if (vit_pickle_is_global(callee, "collections", "OrderedDict"))
        return make_ordered_dict(m, args);
    VIT_TRY(push_new(m, VIT_PICKLE_CALL, &made));
    made->call.callee = callee;
    made->call.args = args;
    return VIT_OK;
}

static vit_status make_global(struct machine *m, const char *module, const char *name)
{
    node *made;
    VIT_TRY(push_new(m, VIT_PICKLE_GLOBAL, &made));
    made->global.module = module;
    made->global.name = name;
    return VIT_OK;
}

static vit_status make_global_of_lines(struct machine *m)
{
    const char *module, *name;
    VIT_TRY(take_line(m, &module));
    VIT_TRY(take_line(m, &name));
    return make_global(m, module, name);
}

static vit_status make_global_of_stack(struct machine *m)
{
    node **items = NULL;
    VIT_TRY(pop(m, 2, &items));
    if (items[0]->kind != VIT_PICKLE_STRING || items[1]->kind != VIT_PICKLE_STRING)
        return vit_fail(m->err, VIT_ERR_DECODE, "a global whose name is no string");
    return make_global(m, items[0]->text.bytes, items[1]->text.bytes);
}

static vit_status make_persistent(struct machine *m)
{
    node **items = NULL, *made;
    VIT_TRY(pop(m, 1, &items));
    const node *id = items[0];
    VIT_TRY(push_new(m, VIT_PICKLE_PERSISTENT, &made));
    made->id = id;
    struct vit_pickle *p = m->pickle;
    if (p->n_persistent == m->persistent_capacity) {
        m->persistent_capacity = m->persistent_capacity ? 2 * m->persistent_capacity : 64;
        const node **larger = realloc(p->persistent, m->persistent_capacity * sizeof *larger);
        if (!larger)
            return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory for %zu storages", m->persistent_capacity);
        p->persistent = larger;
    }
    p->persistent[p->n_persistent++] = made;
    return VIT_OK;
}

static vit_status push_string(struct machine *m, size_t length_bytes)
{
    uint64_t n;
    const char *text;
    node *made;
    VIT_TRY(take_uint(m, length_bytes, &n));
    VIT_TRY(take_text(m, n, &text));
    VIT_TRY(push_new(m, VIT_PICKLE_STRING, &made));
    made->text.bytes = text;
    made->text.n = (size_t)n;
    return VIT_OK;
}

/* A little-endian two's complement integer of n bytes; its value is kept up to 64 bits. */
static vit_status push_long(struct machine *m, size_t length_bytes)
{
    uint64_t n, value = 0;
    VIT_TRY(take_uint(m, length_bytes, &n));
    if (n > 8) {
        const char *digits;
        node *made;
        VIT_TRY(take_text(m, n, &digits));
        return push_new(m, VIT_PICKLE_NUMBER, &made);
    }
    VIT_TRY(take_uint(m, (size_t)n, &value));
    if (n > 0 && n < 8 && value >> (8 * n - 1))
        value |= UINT64_MAX << 8 * n;
    return push_integer(m, VIT_PICKLE_INT, (int64_t)value);
}

static vit_status push_uint(struct machine *m, size_t n)
{
    uint64_t value;
    VIT_TRY(take_uint(m, n, &value));
    return push_integer(m, VIT_PICKLE_INT, n == 4 ? (int32_t)(uint32_t)value : (int64_t)value);
}

static vit_status skip_bytes(struct machine *m, size_t n)
{
    uint64_t ignored;
    return take_uint(m, n, &ignored);
}

static vit_status memo_at(struct machine *m, size_t n, vit_status (*access)(struct machine *, uint64_t))
{
    uint64_t index;
    VIT_TRY(take_uint(m, n, &index));
    return access(m, index);
}

/* ---- Opcodes ---- */

static vit_status run_container_op(struct machine *m, uint8_t opcode, bool *known)
{
    node **items = NULL, *made;
    size_t n;
    *known = true;
    switch (opcode) {
    case '(': return push_new(m, VIT_PICKLE_MARK, &made);
    case ')': return push_new(m, VIT_PICKLE_TUPLE, &made);
    case ']': return push_new(m, VIT_PICKLE_LIST, &made);
    case '}': return push_new(m, VIT_PICKLE_DICT, &made);
    case 0x8f: return push_new(m, VIT_PICKLE_SET, &made);
    case 't': VIT_TRY(pop_to_mark(m, &items, &n)); return push_tuple(m, items, n);
    case 0x85:
    case 0x86:
    case 0x87:
        n = (size_t)opcode - 0x84;
        VIT_TRY(pop(m, n, &items));
        return push_tuple(m, items, n);
    case 'a': return put_into(m, VIT_PICKLE_LIST, 1);
    case 'e': return put_into(m, VIT_PICKLE_LIST, 0);
    case 's': return put_into(m, VIT_PICKLE_DICT, 2);
    case 'u': return put_into(m, VIT_PICKLE_DICT, 0);
    case 0x90: return put_into(m, VIT_PICKLE_SET, 0);
    default: *known = false; return VIT_OK;
    }
}

static vit_status run_object_op(struct machine *m, uint8_t opcode, bool *known)
{
    node **items, *item;
    size_t n;
    *known = true;
    switch (opcode) {
    case 'c': return make_global_of_lines(m);
    case 0x93: return make_global_of_stack(m);
    case 'Q': return make_persistent(m);
    case 'R':
    case 0x81: return make_call(m);
    case 'b': VIT_TRY(pop(m, 1, &items)); return top(m, &item); /* BUILD: the state is dropped */
    case 'q': return memo_at(m, 1, memo_put);
    case 'r': return memo_at(m, 4, memo_put);
    case 0x94: return memo_put(m, m->memo.n);
    case 'h': return memo_at(m, 1, memo_get);
    case 'j': return memo_at(m, 4, memo_get);
    case '0': return pop(m, 1, &items);
    case '1': return pop_to_mark(m, &items, &n);
    case '2': VIT_TRY(top(m, &item)); return push(m, item);
    case '.': m->stopped = true; return VIT_OK;
    default: *known = false; return VIT_OK;
    }
}

static vit_status run_constant_op(struct machine *m, uint8_t opcode, bool *known)
{
    node *made;
    *known = true;
    switch (opcode) {
    case 0x80: return skip_bytes(m, 1); /* PROTO */
    case 0x95: return skip_bytes(m, 8); /* FRAME */
    case 'N': return push_new(m, VIT_PICKLE_NONE, &made);
    case 0x88: return push_integer(m, VIT_PICKLE_BOOL, 1);
    case 0x89: return push_integer(m, VIT_PICKLE_BOOL, 0);
    case 'J': return push_uint(m, 4);
    case 'K': return push_uint(m, 1);
    case 'M': return push_uint(m, 2);
    case 0x8a: return push_long(m, 1);
    case 0x8b: return push_long(m, 4);
    case 'G': VIT_TRY(skip_bytes(m, 8)); return push_new(m, VIT_PICKLE_NUMBER, &made);
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

static vit_status run_op(struct machine *m, uint8_t opcode)
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

static vit_status run(struct machine *m)
{
    node *root;
    while (!m->stopped) {
        uint8_t opcode;
        int64_t at = m->input->position;
        vit_status status = vit_pickle_take(m->input, &opcode, 1, m->err);
        if (status != VIT_OK)
            return vit_context(m->err, status, "pickle");
        status = run_op(m, opcode);
        if (status != VIT_OK)
            return vit_context(m->err, status, "pickle: opcode 0x%02x at byte %" PRId64, opcode, at);
    }
    vit_status status = top(m, &root);
    if (status != VIT_OK)
        return vit_context(m->err, status, "pickle: it ends at byte %" PRId64 " without an object", m->input->position);
    m->pickle->root = root;
    return VIT_OK;
}

vit_status vit_pickle_load(struct vit_pickle *pickle, struct vit_pickle_input *input, struct vit_error *err)
{
    struct machine m = {.pickle = pickle, .input = input, .err = err};
    vit_status status = run(&m);
    free(m.stack.at);
    free(m.memo.at);
    return status;
}

bool vit_pickle_is_global(const struct vit_pickle_node *item, const char *module, const char *name)
{
    return item->kind == VIT_PICKLE_GLOBAL && strcmp(item->global.module, module) == 0 &&
           strcmp(item->global.name, name) == 0;
}

bool vit_pickle_is_text(const struct vit_pickle_node *item, const char *text)
{
    return item->kind == VIT_PICKLE_STRING && item->text.n == strlen(text) && strcmp(item->text.bytes, text) == 0;
}

const struct vit_pickle_node *vit_pickle_get(const struct vit_pickle_node *dict, const char *key)
{
    if (dict->kind != VIT_PICKLE_DICT)
        return NULL;
    for (size_t i = 0; i < dict->items.n; i += 2) {
        if (vit_pickle_is_text(dict->items.at[i], key))
            return dict->items.at[i + 1];
    }
    return NULL;
}
