/* stop.h: the one way to end the work early, from a signal or from the program itself. */
#ifndef VIT_TOOLS_STOP_H
#define VIT_TOOLS_STOP_H

#include <stdbool.h>

/* Turns the first SIGINT, SIGTERM and SIGHUP into a request to stop; a second one of its kind kills. False when no pipe
 * can be had. */
bool vit_stop_install(void);

/* Asks for a stop, as when the output fails. */
void vit_stop_request(void);

bool vit_stop_requested(void);
bool vit_stop_interrupted(void); /* by a signal */

/* A descriptor that is readable once a stop was requested: for poll beside one that may block for ever. */
int vit_stop_fd(void);

#endif
