/* entities.h: the names of HTML's character references. */
#ifndef VIT_ENTITIES_H
#define VIT_ENTITIES_H

#include <stdbool.h>
#include <stdint.h>

enum { VIT_N_ENTITIES = 2125 };

struct vit_entity {
    const char *name; /* as in &name; */
    int32_t chars[2]; /* the second may be 0 */
    bool bare;        /* also known without the semicolon */
};

extern const struct vit_entity vit_entities[VIT_N_ENTITIES]; /* sorted by name, by bytes */

#endif
