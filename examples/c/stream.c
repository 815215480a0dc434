/*
 * Scores a stream of events from a file, one a line; the first line names the fields.
 *
 *     ./stream examples/policies/logins.toml examples/c/logins.txt
 */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FIELDS 64

static const uint8_t KEY[32] = "32 secret bytes of the host ....";

/* Fills an event from the words of a line; stops at the first value that is refused. */
static sekisho_status fill(sekisho_event *event, const uint16_t *fields, char **words, int count)
{
    sekisho_status status = sekisho_event_clear(event);
    int n;

    for (n = 0; n < count && status == SEKISHO_STATUS_OK; n++) {
        if (strcmp(words[n], "-") != 0) {
            status = sekisho_event_set_parsed(event, fields[n], words[n], strlen(words[n]));
        }
    }
    return status;
}

int main(int count, char **arguments)
{
    const char *policy_path = count > 2 ? arguments[1] : "examples/policies/logins.toml";
    const char *stream_path = count > 2 ? arguments[2] : "examples/c/logins.txt";
    sekisho_policy *policy = load_policy(policy_path);
    sekisho_engine *engine = NULL;
    sekisho_event *event = NULL;
    sekisho_decision *decision = NULL;
    size_t length = 0;
    char *text = read_file(stream_path, &length);
    char *rest = text;
    char *line;
    char *words[MOST_FIELDS];
    uint16_t fields[MOST_FIELDS];
    int columns = 0;
    int number = 0;
    int decided[4] = {0, 0, 0, 0};
    int refused = 0;
    int n;

    check("the engine", sekisho_engine_new(policy, 1, KEY, sizeof KEY, &engine, NULL));
    check("the event", sekisho_event_new(policy, &event));
    check("the decision", sekisho_decision_new(&decision));

    while ((line = next_line(&rest)) != NULL) {
        int found = line[0] == '#' ? 0 : split_words(line, words, MOST_FIELDS);
        sekisho_status status;

        number++;
        if (found == 0) {
            continue;
        }
        if (columns == 0) {
            /* Names are looked up once; events are filled by number. */
            for (n = 0; n < found; n++) {
                fields[n] = field_number(policy, words[n]);
            }
            columns = found;
            continue;
        }
        if (found != columns) {
            fprintf(stderr, "%s:%d: expected %d words\n", stream_path, number, columns);
            return EXIT_FAILURE;
        }
        status = fill(event, fields, words, columns);
        if (status == SEKISHO_STATUS_OK) {
            status = sekisho_engine_assess(engine, event, decision);
        }
        if (status != SEKISHO_STATUS_OK) {
            /* A refused event changes nothing; a host decides what to do without an answer. */
            const char *message = NULL;
            size_t message_length = 0;
            sekisho_event_error(event, &message, &message_length);
            printf("%s refused %s %.*s\n", words[0], sekisho_status_name(status), (int)message_length, message);
            refused++;
            continue;
        }
        printf("%s %s %d ", words[0], sekisho_action_name(sekisho_decision_action(decision)),
               (int)sekisho_decision_score(decision));
        print_reasons(decision);
        puts(sekisho_decision_is_repeated(decision) ? " (seen before)" : "");
        decided[sekisho_decision_action(decision)]++;
    }
    printf("allowed %d, challenged %d, to review %d, denied %d, refused %d\n", decided[SEKISHO_ACTION_ALLOW],
           decided[SEKISHO_ACTION_CHALLENGE], decided[SEKISHO_ACTION_REVIEW], decided[SEKISHO_ACTION_DENY], refused);

    free(text);
    sekisho_decision_free(decision);
    sekisho_event_free(event);
    sekisho_engine_free(engine);
    sekisho_policy_free(policy);
    return EXIT_SUCCESS;
}
