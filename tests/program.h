/* program.h: runs the real program, as a user would, and keeps what it said. */
#ifndef VIT_TESTS_PROGRAM_H
#define VIT_TESTS_PROGRAM_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

/* How it is started; `classify` and `embed` do not tune unless told to. Unset members mean: stdin is empty, stdout is
 * kept, the environment is the test's own without the variables that vit obeys, and with one thread. */
struct program {
    const char *const *arguments; /* ends with NULL */
    const char *const *variables; /* "NAME=VALUE", ends with NULL */
    const char *executable;       /* default: the built program */
    const char *input;            /* a file for stdin */
    int input_fd, output_fd;      /* in place of the above when not 0 */

    /* what became of it */
    pid_t pid;
    int out_fd, err_fd;
    int status; /* exit status; 1000 + number of the signal that killed it */
    char *out, *err;
};

void program_start(struct program *program);
void program_wait(struct program *program);
void program_run(struct program *program); /* both */
void program_free(struct program *program);

/* struct program p = RUN("classify", "a.jpg"): run, and done. */
#define ARGUMENTS(...) .arguments = (const char *const[]){ __VA_ARGS__, NULL }
#define VARIABLES(...) .variables = (const char *const[]){ __VA_ARGS__, NULL }
#define RUN(...) program_done((struct program){ ARGUMENTS(__VA_ARGS__) })
struct program program_done(struct program program);

/* Fails the test, quoting both streams, unless the exit status is that, and stderr holds the part (NULL: any). */
void program_expect(const struct program *program, int status, const char *part);

/* stdout parsed as one JSON value, or line i of it; the caller frees. The test fails when that cannot be done. */
json_t *program_json(const struct program *program);
json_t *program_json_line(const struct program *program, int i);
int program_lines(const struct program *program); /* complete lines of stdout */

/* A folder of the test's own; and files in it: a copy of a file cut to n bytes (-1: whole), a link, a text. The paths
 * returned are the caller's to free. */
char *folder_make(void);
void folder_remove(char *folder); /* with everything in it; frees the name */
char *folder_copy(const char *folder, const char *name, const char *of, long n);
char *folder_link(const char *folder, const char *name, const char *to);
char *folder_write(const char *folder, const char *name, const char *text);

#endif
