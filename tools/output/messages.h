/* messages.h: what people read on stderr. */
#ifndef VIT_TOOLS_MESSAGES_H
#define VIT_TOOLS_MESSAGES_H

/* Prints "vit: MESSAGE\n" on stderr, control characters escaped. For the main thread. */
void vit_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says that so many texts were longer than the text tower takes; nothing of none. */
void vit_say_cut(int n);

#endif
