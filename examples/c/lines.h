/* What the programs share: files, lines of words, and how they report errors. */
#ifndef LINES_H
#define LINES_H

#include <sekisho.h>

/* The whole of a file with a NUL behind it, to be freed. */
char *read_file(const char *path, size_t *length);

/* The next line of a text without its end, or NULL: cuts the text up and moves `rest` on. */
char *next_line(char **rest);

/*
 * Splits a line at its blanks, in place; between double quotes blanks do not count, and the quotes go away. The
 * number of words, or -1 when a quote is not closed or there are more than `capacity`.
 */
int split_words(char *line, char **words, int capacity);

/* Cuts a text at the first `mark`. What follows it, or NULL when there is none. */
char *cut(char *text, char mark);

/* Compiles the policy of a file. */
sekisho_policy *load_policy(const char *path);

/* The number of a field by its name. */
uint16_t field_number(const sekisho_policy *policy, const char *name);

/* Prints the reason codes of a decision with commas between them, `-` without any. */
void print_reasons(const sekisho_decision *decision);

/* Ends the program with a message. The error may be NULL. */
void stop(const char *where, const sekisho_error *error);

/* Ends the program when a call with an event did not succeed. */
void check_event(const char *where, sekisho_status status, const sekisho_event *event);

/* Ends the program when a call that gives no message did not succeed. */
void check(const char *where, sekisho_status status);

#endif
