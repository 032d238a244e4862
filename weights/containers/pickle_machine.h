/* pickle_machine.h: the stack machine that pickles are programs of. Private to the pickle interpreter.
 *
 * Objects are never called, only recorded; see pickle.h. Every function fails with what is wrong with the program; the
 * interpreter adds the opcode and its place. */
#ifndef VIT_PICKLE_MACHINE_H
#define VIT_PICKLE_MACHINE_H

#include "weights/containers/pickle_nodes.h"

struct vit_machine {
    struct vit_pickle *pickle;
    struct vit_pickle_input *input;
    struct vit_error *err;
    struct vit_pickle_nodes stack, memo;
    size_t n_objects; /* pushed so far: what the stack, the memo and all items together can hold */
    bool stopped;
};

/* n bytes that live until vit_pickle_free, aligned for nodes and pointers; NULL when memory ran out. */
void *vit_pickle_allocate(struct vit_pickle *pickle, size_t n);

vit_status vit_machine_push(struct vit_machine *m, struct vit_pickle_node *item);
vit_status vit_machine_push_new(struct vit_machine *m, enum vit_pickle_kind kind, struct vit_pickle_node **made);
vit_status vit_machine_push_integer(struct vit_machine *m, enum vit_pickle_kind kind, int64_t value);

/* The object on top, which stays; the n on top, none of them a mark; all above the topmost mark, which goes too. The
 * arrays are valid until the next push. */
vit_status vit_machine_top(struct vit_machine *m, struct vit_pickle_node **item);
vit_status vit_machine_pop(struct vit_machine *m, size_t n, struct vit_pickle_node ***items);
vit_status vit_machine_pop_to_mark(struct vit_machine *m, struct vit_pickle_node ***items, size_t *n);

vit_status vit_machine_memo_put(struct vit_machine *m, uint64_t index); /* the object on top */
vit_status vit_machine_memo_get(struct vit_machine *m, uint64_t index);

/* Makes a tuple of n items, just popped. */
vit_status vit_machine_push_tuple(struct vit_machine *m, struct vit_pickle_node **items, size_t n);

/* Puts the n items on top, or, with n 0, those above the mark, into the container below them, which must be of kind. */
vit_status vit_machine_put_into(struct vit_machine *m, enum vit_pickle_kind kind, size_t n);

vit_status vit_machine_make_global(struct vit_machine *m, const char *module, const char *name);
vit_status vit_machine_make_global_of_stack(struct vit_machine *m); /* of two strings */
vit_status vit_machine_make_call(struct vit_machine *m);            /* REDUCE, NEWOBJ: of a callee and a tuple */
vit_status vit_machine_make_persistent(struct vit_machine *m);      /* of an id */

#endif
