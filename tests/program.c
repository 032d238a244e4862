/* program.c: processes, their streams, and folders for them to work in. */
#include "tests/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Processes ---- */

static void exec_program(const struct program *program)
{
    static const char *const obeyed[] = { "VIT_MODEL", "VIT_OPS", "VIT_TRACE", "NO_COLOR", "ONEDNN_VERBOSE" };
    for (size_t i = 0; i < sizeof obeyed / sizeof obeyed[0]; i++)
        unsetenv(obeyed[i]);
    setenv("OMP_NUM_THREADS", "1", 1); /* tests run beside each other: more threads than cores would only wait */
    setenv("XDG_CACHE_HOME", "/dev/null", 1); /* no file can be made below it: the user's cache stays as it is */
    for (size_t i = 0; program->variables && program->variables[i]; i++)
        putenv((char *)(size_t)program->variables[i]);

    /* Ignored where the tests run in the background of a script, under nohup, or below Python. */
    const int signals[] = { SIGINT, SIGHUP, SIGTERM, SIGPIPE };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);

    int in = program->input_fd ? program->input_fd : open(program->input ? program->input : "/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(program->output_fd ? program->output_fd : program->out_fd, 1);
    dup2(program->err_fd, 2);

    const char *argv[66] = { "vit" };
    for (size_t i = 0, n = 1; program->arguments[i]; i++) {
        argv[n++] = program->arguments[i];
        if (i == 0 && (strcmp(program->arguments[i], "classify") == 0 || strcmp(program->arguments[i], "embed") == 0))
            argv[n++] = "--tune=off"; /* nobody waits for it, and two runs give the same bytes; a later --tune holds */
    }
    execv(program->executable ? program->executable : VIT_PROGRAM, (char *const *)argv);
    perror(VIT_PROGRAM);
    _exit(126);
}

void program_start(struct program *program)
{
    size_t n = 0;
    while (program->arguments[n])
        n++;
    cr_assert(n < 63, "too many arguments");
    program->out_fd = memfd_create("stdout", MFD_CLOEXEC);
    program->err_fd = memfd_create("stderr", MFD_CLOEXEC);
    cr_assert(program->out_fd >= 0 && program->err_fd >= 0);
    fflush(NULL);
    program->pid = fork();
    cr_assert(program->pid >= 0);
    if (program->pid == 0)
        exec_program(program);
}

static char *read_back(int fd)
{
    off_t n = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)n + 1);
    cr_assert(text && pread(fd, text, (size_t)n, 0) == n);
    close(fd);
    return text;
}

void program_wait(struct program *program)
{
    int status;
    cr_assert(waitpid(program->pid, &status, 0) == program->pid);
    program->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    program->out = read_back(program->out_fd);
    program->err = read_back(program->err_fd);
}

void program_run(struct program *program)
{
    program_start(program);
    program_wait(program);
}

struct program program_done(struct program program)
{
    program_run(&program);
    return program;
}

void program_free(struct program *program)
{
    free(program->out);
    free(program->err);
    program->out = program->err = NULL;
}

/* ---- What it said ---- */

void program_expect(const struct program *program, int status, const char *part)
{
    cr_assert(program->status == status && (!part || strstr(program->err, part)),
              "vit %s: exit status %d, expected %d; stderr must hold \"%s\"\n--- stdout\n%s\n--- stderr\n%s",
              program->arguments[0] ? program->arguments[0] : "", program->status, status, part ? part : "",
              program->out, program->err);
}

static json_t *parse(const char *text, size_t n)
{
    json_error_t error;
    json_t *value = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    cr_assert(value, "not JSON: %s, line %d\n%.*s", error.text, error.line, (int)n, text);
    return value;
}

json_t *program_json(const struct program *program)
{
    return parse(program->out, strlen(program->out));
}

json_t *program_json_line(const struct program *program, int i)
{
    const char *line = program->out;
    for (; i > 0 && line; i--) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    cr_assert(line && *line, "stdout has too few lines:\n%s", program->out);
    return parse(line, strcspn(line, "\n"));
}

int program_lines(const struct program *program)
{
    int n = 0;
    for (const char *end = program->out; (end = strchr(end, '\n')); end++)
        n++;
    return n;
}

/* ---- Folders ---- */

char *folder_make(void)
{
    char *folder = strdup("/tmp/vit-test-XXXXXX");
    cr_assert(folder && mkdtemp(folder));
    return folder;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void folder_remove(char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

static char *path_in(const char *folder, const char *name)
{
    char *path;
    cr_assert(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static char *write_bytes(const char *folder, const char *name, const char *bytes, size_t n)
{
    char *path = path_in(folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0, "cannot write %s", path);
    return path;
}

char *folder_write(const char *folder, const char *name, const char *text)
{
    return write_bytes(folder, name, text, strlen(text));
}

char *folder_copy(const char *folder, const char *name, const char *of, long n)
{
    FILE *file = fopen(of, "rb");
    cr_assert(file && fseek(file, 0, SEEK_END) == 0, "cannot read %s", of);
    size_t size = n < 0 ? (size_t)ftell(file) : (size_t)n;
    char *bytes = malloc(size + 1);
    rewind(file);
    cr_assert(bytes && fread(bytes, 1, size, file) == size, "cannot read %s", of);
    fclose(file);
    char *path = write_bytes(folder, name, bytes, size);
    free(bytes);
    return path;
}

char *folder_link(const char *folder, const char *name, const char *to)
{
    char *path = path_in(folder, name);
    char *target = realpath(to, NULL);
    cr_assert(target && symlink(target, path) == 0, "cannot link %s to %s", path, to);
    free(target);
    return path;
}
