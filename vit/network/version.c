/* version.c: what this build is; the macros come from the Makefile. */
#include "vit/vit.h"

const char *vit_version(void)
{
    return VIT_VERSION;
}

const char *vit_commit(void)
{
    return VIT_COMMIT;
}
