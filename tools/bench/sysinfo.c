/* sysinfo.c: /proc/cpuinfo and /proc/self/status. */
#include "tools/bench/sysinfo.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text behind "name   :   " in the first line of a file that begins with name; false when there is none. */
static bool find_field(const char *path, const char *name, char *value, size_t n)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, name, strlen(name)) != 0 || !colon)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(value, n, "%s", colon);
        found = true;
    }
    if (file)
        fclose(file);
    return found;
}

const char *vit_sysinfo_cpu(char text[64])
{
    if (!find_field("/proc/cpuinfo", "model name", text, 64))
        snprintf(text, 64, "unknown");
    return text;
}

double vit_sysinfo_peak_mb(void)
{
    char kilobytes[32];
    return find_field("/proc/self/status", "VmHWM", kilobytes, sizeof kilobytes) ? atof(kilobytes) / 1024 : 0;
}
