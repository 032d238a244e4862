/* environment.c: OMP_NUM_THREADS, VIT_OPS, VIT_TRACE, XDG_CACHE_HOME, HOME, NO_COLOR, TERM. (VIT_MODEL: locate.c.) */
#include "tools/common/environment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALWAYS_ALLOWED = 64 }; /* threads, however few the processors */

/* A variable that is set and not empty, or NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* OpenMP allows a list, one number for each level of nesting; the first counts. What OpenMP would not take is ignored,
 * as other programs on the machine ignore it. */
static int omp_threads(void)
{
    const char *value = variable("OMP_NUM_THREADS");
    if (!value)
        return 0;
    char *end;
    long n = strtol(value, &end, 10);
    end += strspn(end, " ");
    return (*end == '\0' || *end == ',') && n >= 1 && n <= VIT_MAX_THREADS ? (int)n : 0;
}

static vit_status check_threads(int n, struct vit_error *err)
{
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    long most = 4 * processors > ALWAYS_ALLOWED ? 4 * processors : ALWAYS_ALLOWED;
    if (n > most || n > VIT_MAX_THREADS)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%d threads are too many for the %ld processors here: at most %ld", n,
                        processors, most);
    return VIT_OK;
}

vit_status vit_environment_threads(int *threads, struct vit_error *err)
{
    if (*threads == 0)
        *threads = omp_threads();
    return check_threads(*threads ? *threads : vit_default_threads(), err);
}

vit_status vit_environment_model(struct vit_model_options *open, const struct vit_options *options,
                                 struct vit_error *err)
{
    *open = options->open;
    open->threads = options->threads;
    return vit_environment_threads(&open->threads, err);
}

vit_status vit_environment_session(struct vit_session_options *session, struct vit_error *err)
{
    VIT_TRY(vit_environment_threads(&session->threads, err));

    const char *ops = variable("VIT_OPS");
    if (ops && strcmp(ops, "ref") != 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "VIT_OPS=%s: only ref is known", ops);
    session->reference = ops != NULL;

    session->trace_dir = variable("VIT_TRACE");
    struct stat status;
    if (session->trace_dir && (stat(session->trace_dir, &status) != 0 || !S_ISDIR(status.st_mode)))
        return vit_fail(err, VIT_ERR_OPEN, "VIT_TRACE=%s: not a folder", session->trace_dir);
    return VIT_OK;
}

char *vit_environment_tune_cache(void)
{
    char folder[PATH_MAX], *file;
    const char *cache = variable("XDG_CACHE_HOME"), *home = variable("HOME");
    if (cache && cache[0] == '/') /* the specification has others ignored */
        snprintf(folder, sizeof folder, "%s", cache);
    else if (home)
        snprintf(folder, sizeof folder, "%s/.cache", home);
    else
        return NULL;
    mkdir(folder, 0700);
    size_t used = strlen(folder);
    snprintf(folder + used, sizeof folder - used, "/vit");
    mkdir(folder, 0700);
    if (access(folder, W_OK) != 0 || asprintf(&file, "%s/tune", folder) < 0)
        return NULL;
    return file;
}

bool vit_environment_color(int fd)
{
    const char *term = variable("TERM");
    return isatty(fd) && !variable("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

int vit_environment_columns(int fd)
{
    struct winsize size;
    return isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
