/* test_install.c: `make install` into an empty folder, moved elsewhere and used from there: the program with its
 * default model, what the library exports, and the C listing of the README, compiled with the flags of vit.pc. Then
 * `make uninstall`.
 *
 * The build without a sanitizer is what is installed, whatever build runs the test; `make test` has made it before. One
 * test does it all, since two would run beside each other and build the same files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char root[] = "/tmp/vit-install-XXXXXX";

/* Runs a shell script that finds the test's folder in $ROOT. Its output is returned, valid until the next call; a
 * command that fails ends it and the test. */
static const char *run(const char *script)
{
    static char output[1 << 16];
    char line[4096];
    int length = snprintf(line, sizeof line, "exec 2>&1\nset -eu\n%s", script);
    cr_assert(length > 0 && (size_t)length < sizeof line, "the script is too long: %s", script);

    FILE *pipe = popen(line, "r");
    cr_assert_not_null(pipe, "popen: %s", script);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    int status = pclose(pipe);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s\nended with wait status %d and printed:\n%s", script,
              status, output);
    return output;
}

static void create_root(void)
{
    cr_assert_not_null(mkdtemp(root), "%s", root);
    cr_assert_eq(setenv("ROOT", root, 1), 0);
}

static void remove_root(void)
{
    run("rm -rf \"$ROOT\"");
}

static void expect(const char *output, const char *word)
{
    cr_assert(strstr(output, word) != NULL, "expected \"%s\" in:\n%s", word, output);
}

Test(install, moved_tree, .init = create_root, .fini = remove_root)
{
    /* This test may itself be run by make, whose variables are not for the make in here. */
    run("unset MAKEFLAGS MFLAGS MAKELEVEL\n"
        "make install SANITIZER= DESTDIR=\"$ROOT/stage\" PREFIX=/opt/vit\n"
        "mv \"$ROOT/stage/opt/vit\" \"$ROOT/moved\"");

    expect(run("env -u VIT_MODEL XDG_CACHE_HOME=/dev/null \"$ROOT/moved/bin/vit\" classify samples/tractor.jpg"), "tractor");

    /* vit/vit.map against the headers. */
    run("cd \"$ROOT/moved\"\n"
        "grep -rohE '\\bvit_[a-z0-9_]+\\(' include | sort -u >\"$ROOT/declared\"\n"
        "nm -D --defined-only lib/libvit.so | sed 's/.* //; s/$/(/' | sort -u >\"$ROOT/exported\"\n"
        "diff \"$ROOT/declared\" \"$ROOT/exported\"");

    /* The listing, and vit.pc's lines as a shell script: its variables are written as the shell's are. */
    run("sed -n '/^```c$/,/^```$/ { /^```c$/d; /^```$/q; p; }' README.md >\"$ROOT/listing.c\"\n"
        "grep -q main \"$ROOT/listing.c\"\n"
        "pcfiledir=\"$ROOT/moved/lib/pkgconfig\"\n"
        "sed -n 's/^\\([A-Z][a-z]*\\): *\\(.*\\)/\\1=\"\\2\"/; /^[A-Za-z]*=/p'"
        " \"$pcfiledir/vit.pc\" >\"$ROOT/flags.sh\"\n"
        ". \"$ROOT/flags.sh\"\n"
        "cc -Wall -Wextra -Werror $Cflags \"$ROOT/listing.c\" -o \"$ROOT/listing\" $Libs\n"
        "printf '#include <error.h>\\nint main(void) { error(0, 0, \"of the C library\"); }\\n' >\"$ROOT/libc.c\"\n"
        "cc -Werror $Cflags \"$ROOT/libc.c\" -o \"$ROOT/libc\"");
    expect(run("\"$ROOT/listing\" \"$ROOT/moved/share/vit/vit.safetensors\""
               " samples/tractor.jpg"),
           "tractor");

    /* What is not ours stays, and nothing else. */
    run("mv \"$ROOT/moved\" \"$ROOT/stage/opt/vit\"\n"
        "touch \"$ROOT/stage/opt/vit/share/vit/other.safetensors\" \"$ROOT/stage/opt/vit/lib/libvital.so\"\n"
        "unset MAKEFLAGS MFLAGS MAKELEVEL\n"
        "make uninstall DESTDIR=\"$ROOT/stage\" PREFIX=/opt/vit");
    const char *left = run("cd \"$ROOT/stage/opt/vit\" && find . ! -type d -o -name vit | sort");
    cr_assert_str_eq(left, "./lib/libvital.so\n./share/vit\n./share/vit/other.safetensors\n", "%s", left);
}
