/* main.c: the program `vit`: its commands, its help, its version. */
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/common/commands.h"
#include "tools/common/nearest.h"
#include "tools/common/stop.h"
#include "tools/output/messages.h"
#include "tools/output/output.h"
#include "tools/pictures/inputs.h"

struct command {
    const char *name;
    const char *arguments;
    const char *summary; /* and what else is to be known, in lines for a terminal of 80 columns */
    unsigned bit;
    int (*run)(const struct vit_options *options);
};

static const struct command COMMANDS[] = {
    { "classify", "[options] PATH...", "Name what is in pictures: files, folders, or - for stdin.\n\n"
      "A folder stands for the .jpg, .jpeg, .png and .bmp files in it, and with -r in\n"
      "its subfolders, sorted by the bytes of their paths. Hidden ones are left out,\n"
      "links to folders are not followed, a broken link is a failed input. csv and tsv\n"
      "hold the bytes of names as they are; jsonl and json have U+FFFD where they are\n"
      "not UTF-8, and the bytes as file_base64.",
      VIT_FOR_CLASSIFY, vit_command_classify },
    { "embed", "[options] PATH... -o F.npy", "Write features of pictures, as vectors to search and sort by.\n\n"
      "PATH... are as for classify. F.npy holds float32 numbers, a row for each picture\n"
      "that could be read, in their order, and is whole after every batch, whenever the\n"
      "program ends; F.files.txt beside it has their names, one a line. F.jsonl, or\n"
      "stdout, gets a record for every input. With --text F, the lines of a text file\n"
      "take the place of pictures.",
      VIT_FOR_EMBED, vit_command_embed },
    { "similar", "[options] F.npy PICTURE", "Find the nearest of pictures that were embedded.\n\n"
      "F.npy was made by vit embed, with the same model and --what, or is any array of\n"
      "float numbers (n, width); F.files.txt beside it, when there, has the names of\n"
      "its rows. All rows are compared, by the cosine. In place of PICTURE: a text, as\n"
      "--text \"a red bus\"; or --duplicates P, which compares the rows with each other.",
      VIT_FOR_SIMILAR, vit_command_similar },
    { "convert", "[options] CHECKPOINT -o OUT.safetensors", "Turn a checkpoint into the canonical file.",
      VIT_FOR_CONVERT, vit_command_convert },
    { "info", "[options] [MODEL]", "Show architecture, preprocessing and labels of a model.", VIT_FOR_INFO,
      vit_command_info },
    { "bench", "[options]", "Measure speed; compare programs, settings and runs.", VIT_FOR_BENCH,
      vit_command_bench },
};

enum { N_COMMANDS = sizeof COMMANDS / sizeof COMMANDS[0] };

static const char SURROUNDINGS[] =
    "Environment:\n"
    "  VIT_MODEL        the model when -m is not given\n"
    "  OMP_NUM_THREADS  the number of threads when -t is not given\n"
    "  VIT_OPS=ref      compute with plain loops: slow, for comparison\n"
    "  VIT_TRACE=DIR    write every stage of the first batch to DIR as .npy\n"
    "  XDG_CACHE_HOME   the folder for vit/tune, where --tune keeps its choices\n"
    "                   (~/.cache)\n"
    "  NO_COLOR         no colours\n"
    "\n"
    "Exit status: 0 done; 1 an input or a demanded check failed; 2 usage, model,\n"
    "nothing to do, output not writable; 130 interrupted (Ctrl-C, SIGTERM, SIGHUP).\n";

static void print_usage(FILE *out)
{
    fputs("Classify pictures with Vision Transformers on the CPU.\n\nUsage: vit COMMAND [options] ...\n", out);
    for (const struct command *c = COMMANDS; c < COMMANDS + N_COMMANDS; c++)
        fprintf(out, "  vit %-9s %.*s\n", c->name, (int)strcspn(c->summary, "\n"), c->summary);
    fprintf(out, "  vit COMMAND --help lists its arguments and options; vit --version\n\n%s", SURROUNDINGS);
}

static void print_command(FILE *out, const struct command *command)
{
    fprintf(out, "Usage: vit %s %s\n\n%s\n\nOptions:\n", command->name, command->arguments, command->summary);
    vit_options_print(out, command->bit);
}

static void print_version(FILE *out)
{
    char onednn[32];
    fprintf(out, "vit %s (commit %s)\noneDNN %s, instruction set %s\n", vit_version(), vit_commit(),
            vit_onednn_version(onednn), vit_isa());
}

/* Help and version were asked for, so they are data; command NULL is the whole program. */
static int answer(bool version, const struct command *command)
{
    struct vit_output output;
    struct vit_error err;
    vit_status status = vit_output_open(&output, NULL, &err);
    if (status == VIT_OK) {
        if (version)
            print_version(output.text);
        else if (command)
            print_command(output.text, command);
        else
            print_usage(output.text);
        status = vit_output_flush(&output, &err);
        vit_output_close(&output, NULL);
    }
    if (status != VIT_OK)
        vit_say("%s", err.message);
    return status == VIT_OK ? VIT_EXIT_DONE : VIT_EXIT_FATAL;
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    }
    return NULL;
}

static int refuse_command(const char *name)
{
    struct vit_nearest nearest = { .word = name };
    for (int i = 0; i < N_COMMANDS; i++)
        vit_nearest_offer(&nearest, COMMANDS[i].name);
    if (nearest.best)
        vit_say("unknown command %s; did you mean %s?", name, nearest.best);
    else if (vit_inputs_is_picture(name))
        vit_say("unknown command %s; to classify a picture: vit classify %s", name, name);
    else
        vit_say("unknown command %s; vit --help lists them", name);
    return VIT_EXIT_FATAL;
}

static int run_command(const struct command *command, int n, char **argv)
{
    struct vit_options options;
    struct vit_error err;
    int status;
    if (vit_options_parse(&options, command->bit, n, argv, &err) != VIT_OK) {
        vit_say("%s", err.message);
        vit_say("vit %s --help lists the options", command->name);
        status = VIT_EXIT_FATAL;
    } else if (options.help || options.version) {
        status = answer(options.version, command);
    } else {
        options.command = command->name;
        status = command->run(&options);
    }
    vit_options_free(&options);
    return vit_stop_interrupted() ? VIT_EXIT_INTERRUPTED : status;
}

int main(int argc, char **argv)
{
    vit_output_claim_stdout();
    if (!vit_stop_install()) {
        vit_say("cannot make a pipe");
        return VIT_EXIT_FATAL;
    }
    const char *word = argc > 1 ? argv[1] : NULL;
    if (!word) {
        print_usage(stderr);
        return VIT_EXIT_FATAL;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 || strcmp(word, "version") == 0)
        return answer(true, NULL);
    bool help = strcmp(word, "help") == 0;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && argc == 2))
        return answer(false, NULL);

    const struct command *command = find_command(help ? argv[2] : word);
    if (!command)
        return refuse_command(help ? argv[2] : word);
    return help ? answer(false, command) : run_command(command, argc - 2, argv + 2);
}
