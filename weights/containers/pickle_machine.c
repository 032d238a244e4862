/* pickle_machine.c: the stack and the memo of the pickle interpreter, and the objects that are made on them. They may
 * form cycles: their memory is chunks that are freed together. */
#include "weights/containers/pickle_machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"

typedef struct vit_pickle_node node;

/* ---- Memory ---- */

enum { CHUNK = 1 << 16, ALIGNMENT = 16 };

struct vit_pickle_chunk {
    struct vit_pickle_chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

void *vit_pickle_allocate(struct vit_pickle *pickle, size_t n)
{
    struct vit_pickle_chunk *chunk = pickle->memory;
    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!chunk || chunk->size - chunk->used < n) {
        size_t size = n > CHUNK ? n : CHUNK;
        chunk = malloc(sizeof *chunk + size);
        if (!chunk)
            return NULL;
        *chunk = (struct vit_pickle_chunk){.next = pickle->memory, .size = size};
        pickle->memory = chunk;
    }
    void *bytes = chunk->bytes + chunk->used;
    chunk->used += n;
    return bytes;
}

/* Appends to the items of a container; false when memory ran out. items may not be the container's own. */
static bool append(struct vit_pickle *pickle, node *container, node **items, size_t n)
{
    size_t wanted = container->items.n + n;
    if (wanted > container->items.capacity) {
        size_t capacity = wanted > 2 * container->items.capacity ? wanted : 2 * container->items.capacity;
        node **larger = vit_pickle_allocate(pickle, capacity * sizeof *larger);
        if (!larger)
            return false;
        if (container->items.n > 0)
            memcpy(larger, container->items.at, container->items.n * sizeof *larger);
        container->items.at = larger;
        container->items.capacity = capacity;
    }
    if (n > 0)
        memcpy(container->items.at + container->items.n, items, n * sizeof *items);
    container->items.n = wanted;
    return true;
}

void vit_pickle_free(struct vit_pickle *pickle)
{
    while (pickle->memory) {
        struct vit_pickle_chunk *next = pickle->memory->next;
        free(pickle->memory);
        pickle->memory = next;
    }
    free(pickle->persistent.at);
    *pickle = (struct vit_pickle){0};
}

/* ---- The stack and the memo ---- */

/* Makes room for n nodes, by doubling. */
static vit_status grow(struct vit_machine *m, struct vit_pickle_nodes *nodes, size_t n)
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

vit_status vit_machine_push(struct vit_machine *m, node *item)
{
    if (m->n_objects++ == VIT_LIMIT_PICKLE_OBJECTS)
        return vit_fail(m->err, VIT_ERR_TOO_LARGE, "more than %d objects", VIT_LIMIT_PICKLE_OBJECTS);
    VIT_TRY(grow(m, &m->stack, m->stack.n + 1));
    m->stack.at[m->stack.n++] = item;
    return VIT_OK;
}

vit_status vit_machine_push_new(struct vit_machine *m, enum vit_pickle_kind kind, node **made)
{
    *made = vit_pickle_allocate(m->pickle, sizeof **made);
    if (!*made)
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory");
    **made = (node){.kind = kind};
    return vit_machine_push(m, *made);
}

vit_status vit_machine_push_integer(struct vit_machine *m, enum vit_pickle_kind kind, int64_t value)
{
    node *made;
    VIT_TRY(vit_machine_push_new(m, kind, &made));
    made->integer = value;
    return VIT_OK;
}

vit_status vit_machine_pop(struct vit_machine *m, size_t n, node ***items)
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

vit_status vit_machine_pop_to_mark(struct vit_machine *m, node ***items, size_t *n)
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

vit_status vit_machine_top(struct vit_machine *m, node **item)
{
    node **items = NULL;
    VIT_TRY(vit_machine_pop(m, 1, &items));
    m->stack.n++;
    *item = items[0];
    return VIT_OK;
}

vit_status vit_machine_memo_put(struct vit_machine *m, uint64_t index)
{
    node *item;
    VIT_TRY(vit_machine_top(m, &item));
    /* Writers count up from 0 or 1, so an index beyond the number of objects is not theirs. */
    if (index > m->n_objects)
        return vit_fail(m->err, VIT_ERR_DECODE, "memo index %" PRIu64 " after %zu objects", index, m->n_objects);
    VIT_TRY(grow(m, &m->memo, (size_t)index + 1));
    m->memo.at[index] = item;
    if (m->memo.n <= index)
        m->memo.n = (size_t)index + 1;
    return VIT_OK;
}

vit_status vit_machine_memo_get(struct vit_machine *m, uint64_t index)
{
    if (index >= m->memo.n || !m->memo.at[index])
        return vit_fail(m->err, VIT_ERR_DECODE, "memo index %" PRIu64 " was never set (%zu entries)", index, m->memo.n);
    return vit_machine_push(m, m->memo.at[index]);
}

/* ---- Objects ---- */

/* Appends to a container; what is put into a call's result is dropped. */
static vit_status add_items(struct vit_machine *m, node *container, enum vit_pickle_kind wanted, node **items, size_t n)
{
    if (container->kind == VIT_PICKLE_CALL)
        return VIT_OK;
    if (container->kind != wanted)
        return vit_fail(m->err, VIT_ERR_DECODE, "%zu items put into an object of another kind (%d, not %d)", n,
                        (int)container->kind, (int)wanted);
    if (wanted == VIT_PICKLE_DICT && n % 2)
        return vit_fail(m->err, VIT_ERR_DECODE, "a dict is given %zu keys and values", n);
    if (!append(m->pickle, container, items, n))
        return vit_fail(m->err, VIT_ERR_MEMORY, "out of memory for %zu items", container->items.n + n);
    return VIT_OK;
}

vit_status vit_machine_push_tuple(struct vit_machine *m, node **items, size_t n)
{
    /* The items lie just above the stack's end: they must be copied before the push overwrites them. */
    node tuple = {.kind = VIT_PICKLE_TUPLE}, *made;
    VIT_TRY(add_items(m, &tuple, VIT_PICKLE_TUPLE, items, n));
    VIT_TRY(vit_machine_push_new(m, VIT_PICKLE_TUPLE, &made));
    *made = tuple;
    return VIT_OK;
}

vit_status vit_machine_put_into(struct vit_machine *m, enum vit_pickle_kind kind, size_t n)
{
    node **items = NULL, *container;
    if (n > 0)
        VIT_TRY(vit_machine_pop(m, n, &items));
    else
        VIT_TRY(vit_machine_pop_to_mark(m, &items, &n));
    VIT_TRY(vit_machine_top(m, &container));
    return add_items(m, container, kind, items, n);
}

/* OrderedDict([[key, value], ...]), as Python 2 wrote it, or OrderedDict(). */
static vit_status make_ordered_dict(struct vit_machine *m, const node *args)
{
    node *dict;
    VIT_TRY(vit_machine_push_new(m, VIT_PICKLE_DICT, &dict));
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

vit_status vit_machine_make_call(struct vit_machine *m)
{
    node **items = NULL, *made;
    VIT_TRY(vit_machine_pop(m, 2, &items));
    const node *callee = items[0], *args = items[1];
    if (callee->kind != VIT_PICKLE_GLOBAL && callee->kind != VIT_PICKLE_CALL && callee->kind != VIT_PICKLE_PERSISTENT)
        return vit_fail(m->err, VIT_ERR_DECODE, "a call of an object that is no global (kind %d)", (int)callee->kind);
    if (args->kind != VIT_PICKLE_TUPLE)
        return vit_fail(m->err, VIT_ERR_DECODE, "a call whose arguments are no tuple (kind %d)", (int)args->kind);
    if (vit_pickle_is_global(callee, "collections", "OrderedDict"))
        return make_ordered_dict(m, args);
    VIT_TRY(vit_machine_push_new(m, VIT_PICKLE_CALL, &made));
    made->call.callee = callee;
    made->call.args = args;
    return VIT_OK;
}

vit_status vit_machine_make_global(struct vit_machine *m, const char *module, const char *name)
{
    node *made;
    VIT_TRY(vit_machine_push_new(m, VIT_PICKLE_GLOBAL, &made));
    made->global.module = module;
    made->global.name = name;
    return VIT_OK;
}

vit_status vit_machine_make_global_of_stack(struct vit_machine *m)
{
    node **items = NULL;
    VIT_TRY(vit_machine_pop(m, 2, &items));
    if (items[0]->kind != VIT_PICKLE_STRING || items[1]->kind != VIT_PICKLE_STRING)
        return vit_fail(m->err, VIT_ERR_DECODE, "a global whose name is no string");
    return vit_machine_make_global(m, items[0]->text.bytes, items[1]->text.bytes);
}

vit_status vit_machine_make_persistent(struct vit_machine *m)
{
    node **items = NULL, *made;
    VIT_TRY(vit_machine_pop(m, 1, &items));
    const node *id = items[0];
    VIT_TRY(vit_machine_push_new(m, VIT_PICKLE_PERSISTENT, &made));
    made->id = id;
    struct vit_pickle_nodes *all = &m->pickle->persistent;
    VIT_TRY(grow(m, all, all->n + 1));
    all->at[all->n++] = made;
    return VIT_OK;
}
