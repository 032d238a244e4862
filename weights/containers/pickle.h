/* pickle.h: a Python pickle as a graph of inert nodes. Private to weights/.
 *
 * The interpreter never calls or imports anything: a call is a node that says who would be called with what. It makes
 * lists, dicts and tuples; OrderedDict() alone is taken as the empty dict that it makes. Nodes may form cycles: walk
 * them only to a fixed depth. */
#ifndef VIT_PICKLE_H
#define VIT_PICKLE_H

#include "weights/containers/pickle_nodes.h"

/* Reads one pickle, up to and with its STOP. Memory stays in proportion to the bytes read, about 50 for
 * each, and below a limit that VIT_LIMIT_PICKLE_OBJECTS sets. */
vit_status vit_pickle_load(struct vit_pickle *pickle, struct vit_pickle_input *input, struct vit_error *err);
void vit_pickle_free(struct vit_pickle *pickle);

#endif
