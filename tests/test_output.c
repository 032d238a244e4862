/* test_output.c: where data goes, and how the program ends when that fails or when it is interrupted. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/program.h"

#define BEE "samples/bee.jpg"

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "no %s", path);
    char *text = calloc(1, 1 << 16);
    size_t n = fread(text, 1, (1 << 16) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

Test(output, file_gets_what_stdout_would)
{
    char *folder = folder_make();
    char *path = folder_write(folder, "results", "something long that stood here before, and must go");
    struct program plain = RUN("classify", "-f", "jsonl", BEE), p = RUN("classify", "-f", "jsonl", BEE, "-o", path);
    program_expect(&plain, 0, NULL);
    program_expect(&p, 0, NULL);
    char *text = slurp(path);
    cr_assert_str_eq(text, plain.out);
    cr_assert_str_empty(p.out);
    program_free(&p);

    /* A mistake found later than the options leaves the file alone. */
    p = RUN("classify", "-m", "/tmp/vit-no-such-model", BEE, "-o", path);
    program_expect(&p, 2, "/tmp/vit-no-such-model");
    char *after = slurp(path);
    cr_assert_str_eq(after, text);
    program_free(&p);
    program_free(&plain);
    free(text), free(after), free(path);
    folder_remove(folder);
}

Test(output, name_of_the_file_says_the_format)
{
    static const char *const formats[] = { "csv", "tsv", "json", "jsonl", "text" };
    char *folder = folder_make(), out[128];
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        snprintf(out, sizeof out, "%s/x.%s", folder, formats[i]);
        struct program plain = RUN("classify", "-f", formats[i], BEE), p = RUN("classify", BEE, "-o", out);
        program_expect(&p, 0, NULL);
        char *text = slurp(out);
        cr_assert_str_eq(text, plain.out, "%s", formats[i]);
        program_free(&p), program_free(&plain);
        free(text);
    }
    struct program p = RUN("classify", BEE, "-f", "jsonl", "-o", out);
    program_expect(&p, 0, NULL);
    char *text = slurp(out);
    cr_assert_eq(text[0], '{');
    program_free(&p);
    free(text);
    p = RUN("convert", "weights/vit.safetensors", "-o", "/tmp/vit-never-made.gguf");
    program_expect(&p, 2, "-o /tmp/vit-never-made.gguf: a safetensors file is made");
    program_free(&p);
    folder_remove(folder);
}

Test(output, unwritable_file)
{
    struct program p = RUN("classify", BEE, "-o", "/tmp/vit-no-such-folder/x");
    program_expect(&p, 2, "cannot write to /tmp/vit-no-such-folder/x: No such file");
    program_free(&p);
    p = RUN("classify", BEE, "-o", "/dev/full");
    program_expect(&p, 2, "cannot write to /dev/full: No space left");
    program_free(&p);
    p = RUN("info", "-o", "/dev/full");
    program_expect(&p, 2, "cannot write to /dev/full: No space left");
    program_free(&p);
}

Test(output, picture_is_not_overwritten)
{
    char *folder = folder_make();
    char *first = folder_copy(folder, "1.jpg", BEE, -1), *second = folder_link(folder, "2.jpg", BEE);
    struct program p = RUN("classify", "-o", first, second); /* classify -o *.jpg */
    program_expect(&p, 2, "this is the name of a picture");
    program_free(&p);
    p = RUN("classify", first);
    program_expect(&p, 0, NULL);
    program_free(&p);
    free(first), free(second);
    folder_remove(folder);
}

static int closed_pipe(void)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    return ends[1];
}

/* As other filters: `vit classify ... | head -1` ends without a word. */
Test(output, closed_pipe_ends_the_program_without_a_word)
{
    const char *const ways[][6] = { { "classify", BEE }, { "classify", "samples", "-fjson" },
                                    { "classify", "samples", "-fjsonl", "-t4", "--streams=4" }, { "info" }, { "--help" } };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct program p = { .arguments = ways[i], .output_fd = closed_pipe() };
        program_run(&p);
        program_expect(&p, 2, NULL);
        cr_assert_str_empty(p.err, "%s", p.err);
        close(p.output_fd);
        program_free(&p);
    }
}

/* Whoever starts it with SIGPIPE ignored gets an error of writing. */
Test(output, closed_pipe_is_an_error_where_its_signal_is_ignored)
{
    struct program p = { ARGUMENTS("-c", "trap '' PIPE; exec \"$0\" classify " BEE, VIT_PROGRAM),
                         .executable = "/bin/sh", .output_fd = closed_pipe() };
    program_run(&p);
    program_expect(&p, 2, "cannot write to stdout: Broken pipe");
    close(p.output_fd);
    program_free(&p);
}

Test(output, closed_stdout)
{
    struct program p = { ARGUMENTS("-c", "exec \"$0\" classify " BEE " >&-", VIT_PROGRAM), .executable = "/bin/sh" };
    program_run(&p);
    program_expect(&p, 2, "cannot write to stdout: Bad file descriptor");
    program_free(&p);
}

Test(output, full_disk)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct program p = { ARGUMENTS("classify", BEE), .output_fd = full };
    program_run(&p);
    program_expect(&p, 2, "cannot write to stdout: No space left");
    close(full);
    program_free(&p);
}

Test(output, libraries_do_not_print_between_the_records)
{
    /* Limited, so that its code is among what is tried. */
    struct program p = { ARGUMENTS("classify", "-f", "json", "--tune", "force", BEE),
                         VARIABLES("ONEDNN_VERBOSE=1", "ONEDNN_MAX_CPU_ISA=AVX2") };
    program_run(&p);
    program_expect(&p, 0, "onednn_verbose");
    json_decref(program_json(&p));
    program_free(&p);
}

Test(output, no_colours_and_no_bar_without_a_terminal)
{
    struct program p = RUN("classify", "samples");
    program_expect(&p, 0, NULL);
    cr_assert_null(strchr(p.out, '\033'));
    cr_assert_str_empty(p.err, "%s", p.err);
    program_free(&p);
}

/* ---- Ends ---- */

static void wait_for_lines(int fd, int n)
{
    char text[1 << 16];
    for (int tries = 0; tries < 3000; tries++) {
        ssize_t got = pread(fd, text, sizeof text, 0);
        int lines = 0;
        for (ssize_t i = 0; i < got; i++)
            lines += text[i] == '\n';
        if (lines >= n)
            return;
        usleep(10000);
    }
    cr_assert(false, "%d lines never came", n);
}

static void open_pipe(int ends[2])
{
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
}

static void expect_stopped_by(int signal_number)
{
    int ends[2];
    open_pipe(ends);
    struct program p = { ARGUMENTS("classify", "-f", "json", BEE, BEE, BEE, "-"), .input_fd = ends[0] };
    program_start(&p);
    wait_for_lines(p.out_fd, 3); /* [ and two records, each ended by the one that follows */
    kill(p.pid, signal_number);
    program_wait(&p);
    program_expect(&p, 130, "interrupted: 3 of 4 inputs done");
    json_t *records = program_json(&p);
    cr_assert_eq(json_array_size(records), 3);
    json_decref(records);
    program_free(&p);
    close(ends[0]), close(ends[1]);
}

Test(output, stopped_by_a_signal_while_waiting_for_stdin, .timeout = 60)
{
    expect_stopped_by(SIGINT);
    expect_stopped_by(SIGTERM);
    expect_stopped_by(SIGHUP);
}

Test(output, nohup_is_respected, .timeout = 60)
{
    struct program p = { ARGUMENTS("-c", "trap '' HUP; exec \"$0\" classify -f json samples", VIT_PROGRAM),
                         .executable = "/bin/sh" };
    program_start(&p);
    wait_for_lines(p.out_fd, 3);
    kill(p.pid, SIGHUP);
    program_wait(&p);
    program_expect(&p, 0, NULL);
    program_free(&p);
}

/* Files in the folder whose names hold the part. */
static int count_files(const char *folder, const char *part)
{
    DIR *dir = opendir(folder);
    cr_assert(dir, "%s", folder);
    int n = 0;
    for (const struct dirent *entry; (entry = readdir(dir));)
        n += strstr(entry->d_name, part) != NULL;
    closedir(dir);
    return n;
}

/* The signal comes once the temporary file is seen, which a fast disk may not allow: hence several tries. */
Test(output, stopped_conversion_leaves_nothing_behind, .timeout = 60)
{
    char *folder = folder_make(), out[128];
    snprintf(out, sizeof out, "%s/x.safetensors", folder);
    for (int tries = 0; tries < 10; tries++) {
        struct program p = { ARGUMENTS("convert", "-q", "--force", "weights/vit.safetensors", "-o", out) };
        program_start(&p);
        siginfo_t ended = { 0 };
        while (count_files(folder, ".tmp") == 0 && ended.si_pid == 0)
            waitid(P_PID, (id_t)p.pid, &ended, WEXITED | WNOHANG | WNOWAIT);
        kill(p.pid, SIGTERM);
        program_wait(&p);
        cr_assert_eq(count_files(folder, ".tmp"), 0);
        bool stopped = p.status == 130;
        program_free(&p);
        if (stopped)
            break;
    }
    folder_remove(folder);
}

static void interrupt_at_work(const char *streams)
{
    char *folder = folder_make();
    char name[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "%04d.jpg", i);
        free(folder_link(folder, name, BEE));
    }
    struct program p = { ARGUMENTS("classify", "-f", "jsonl", "-b", "2", "-t", streams, "--streams", streams, folder) };
    program_start(&p);
    wait_for_lines(p.out_fd, 3);
    kill(p.pid, SIGINT);
    program_wait(&p);
    program_expect(&p, 130, NULL);
    int n = program_lines(&p);
    cr_assert(n >= 3 && n < 3000, "%d lines", n);
    cr_assert_eq(p.out[strlen(p.out) - 1], '\n');
    for (int i = 0; i < n; i += n - 1)
        json_decref(program_json_line(&p, i));
    program_free(&p);
    folder_remove(folder);
}

Test(output, interrupted_at_work_leaves_whole_records, .timeout = 60)
{
    interrupt_at_work("1");
    interrupt_at_work("4");
}

Test(output, failing_output_does_not_wait_for_stdin, .timeout = 60)
{
    int ends[2];
    open_pipe(ends);
    struct program p = { ARGUMENTS("classify", BEE, "-", "-o", "/dev/full"), .input_fd = ends[0] };
    program_run(&p);
    program_expect(&p, 2, "No space left");
    program_free(&p);
    close(ends[0]), close(ends[1]);
}
