#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    size_t capacity = 1 << 16;
    char *text = malloc(capacity);

    *length = 0;
    if (file == NULL || text == NULL) {
        stop(path, NULL);
    }
    for (;;) {
        size_t count = fread(text + *length, 1, capacity - *length - 1, file);
        *length += count;
        if (count == 0) {
            break;
        }
        if (capacity - *length < 2) {
            char *grown = realloc(text, capacity * 2);
            if (grown == NULL) {
                stop(path, NULL);
            }
            text = grown;
            capacity *= 2;
        }
    }
    if (ferror(file)) {
        stop(path, NULL);
    }
    fclose(file);
    text[*length] = '\0';
    return text;
}

char *next_line(char **rest)
{
    char *line = *rest;
    size_t length = strcspn(line, "\n");

    if (*line == '\0') {
        return NULL;
    }
    *rest = line + length + (line[length] == '\n');
    line[length] = '\0';
    return line;
}

int split_words(char *line, char **words, int capacity)
{
    const char *from = line;
    char *to = line;
    int count = 0;

    for (;;) {
        int quoted = 0;

        from += strspn(from, " \t\r");
        if (*from == '\0') {
            return count;
        }
        if (count == capacity) {
            return -1;
        }
        words[count++] = to;
        while (*from != '\0' && (quoted || strchr(" \t\r", *from) == NULL)) {
            if (*from == '"') {
                quoted = !quoted;
            } else {
                *to++ = *from;
            }
            from++;
        }
        if (quoted) {
            return -1;
        }
        /* The word may end where the reading stands: read on behind the blank before it is overwritten. */
        from += *from != '\0';
        *to++ = '\0';
    }
}

char *cut(char *text, char mark)
{
    char *found = strchr(text, mark);

    if (found == NULL) {
        return NULL;
    }
    *found = '\0';
    return found + 1;
}

sekisho_policy *load_policy(const char *path)
{
    size_t length = 0;
    char *text = read_file(path, &length);
    sekisho_policy *policy = NULL;
    sekisho_error *error = NULL;

    if (sekisho_policy_parse(text, length, path, strlen(path), &policy, &error) != SEKISHO_STATUS_OK) {
        stop(path, error);
    }
    free(text);
    return policy;
}

uint16_t field_number(const sekisho_policy *policy, const char *name)
{
    uint16_t field = 0;
    sekisho_error *error = NULL;

    if (sekisho_policy_field(policy, name, strlen(name), &field, &error) != SEKISHO_STATUS_OK) {
        stop("a field", error);
    }
    return field;
}

void print_reasons(const sekisho_decision *decision)
{
    size_t count = sekisho_decision_reason_count(decision);
    size_t n;

    if (count == 0) {
        putchar('-');
    }
    for (n = 0; n < count; n++) {
        const char *code = NULL;
        size_t length = 0;
        check("a reason", sekisho_decision_reason(decision, n, &code, &length, NULL));
        printf("%s%.*s", n > 0 ? "," : "", (int)length, code);
    }
}

void stop(const char *where, const sekisho_error *error)
{
    const char *text = "it cannot be read";
    size_t length = strlen(text);

    if (error != NULL) {
        sekisho_error_text(error, &text, &length);
    }
    fprintf(stderr, "%s: %.*s\n", where, (int)length, text);
    exit(EXIT_FAILURE);
}

void check_event(const char *where, sekisho_status status, const sekisho_event *event)
{
    if (status != SEKISHO_STATUS_OK) {
        const char *text = NULL;
        size_t length = 0;
        sekisho_event_error(event, &text, &length);
        fprintf(stderr, "%s: %.*s\n", where, (int)length, text);
        exit(EXIT_FAILURE);
    }
}

void check(const char *where, sekisho_status status)
{
    if (status != SEKISHO_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", where, sekisho_status_name(status));
        exit(EXIT_FAILURE);
    }
}
