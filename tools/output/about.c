/* about.c: lines of reports. */
#include "tools/output/about.h"

void vit_about_embedding(FILE *out, const struct vit_config *config)
{
    if (config->embedding || config->normalize)
        fprintf(out, "  embedding      %d numbers%s%s\n", vit_config_head_width(config),
                config->embedding ? ", projected" : "", config->normalize ? ", divided by their length" : "");
}
