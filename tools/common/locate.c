/* locate.c: the default model, from the environment or from where the program lies. */
#include "tools/common/locate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From the folder of the executable: a build, the build of another configuration, an installation. */
static const char *const PLACES[] = {
    "../weights/vit.safetensors",
    "../../weights/vit.safetensors",
    "../share/vit/vit.safetensors",
};

/* Other libraries download what is named as OWNER/NAME on Hugging Face, or by its address. */
vit_status vit_locate_check(const char *named, struct vit_error *err)
{
    static const char *const hubs[] = { "https://huggingface.co/", "hf-hub:", "" };
    if (access(named, F_OK) == 0)
        return VIT_OK;
    const char *id = NULL;
    for (size_t i = 0; !id; i++)
        id = strncmp(named, hubs[i], strlen(hubs[i])) == 0 ? named + strlen(hubs[i]) : NULL;
    if (strstr(id, "://"))
        return vit_fail(err, VIT_ERR_OPEN, "%s: vit does not download: curl -LO '%s'", named, named);

    const char *slash = strchr(id, '/');
    char owner[PATH_MAX];
    snprintf(owner, sizeof owner, "%.*s", slash ? (int)(slash - id) : 0, id);
    if (!slash || slash == id || strchr(".~", id[0]) || !slash[1] || strchr(slash + 1, '/') || access(owner, F_OK) == 0)
        return VIT_OK; /* whoever opens it says what is wrong */
    return vit_fail(err, VIT_ERR_OPEN, "%s: no such file or folder, and vit does not download: "
                    "hf download %s --local-dir %s, then -m %s", named, id, slash + 1, slash + 1);
}

vit_status vit_locate_model(char **path, const char *named, struct vit_error *err)
{
    const char *variable = getenv("VIT_MODEL");
    if (!named && variable && *variable)
        named = variable;
    if (named) {
        VIT_TRY(vit_locate_check(named, err));
        *path = strdup(named);
        return *path ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }

    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash)
        return vit_fail(err, VIT_ERR_OPEN, "no model: give one with -m or VIT_MODEL (/proc/self/exe cannot be read)");
    *slash = '\0';

    char candidate[PATH_MAX + 64];
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        snprintf(candidate, sizeof candidate, "%s/%s", folder, PLACES[i]);
        *path = realpath(candidate, NULL);
        if (*path)
            return VIT_OK;
    }
    return vit_fail(err, VIT_ERR_OPEN, "no model: give one with -m or VIT_MODEL (there is no %s, %s or %s beside %s)",
                    PLACES[0], PLACES[1], PLACES[2], folder);
}
