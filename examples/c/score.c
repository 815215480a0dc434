/*
 * Scores five logins that come from one address, and says why the last is refused.
 *
 *     cc -std=c99 -I ffi/include examples/c/score.c target/release/libsekisho_ffi.a -lpthread -ldl -lm -o score
 *     ./score examples/c/logins.toml
 */
#include <sekisho.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Comes from the host's key store, and stays the same as long as history is kept. */
static const uint8_t KEY[32] = "32 secret bytes of the host ....";

static sekisho_policy *load(const char *path)
{
    static char text[65536];
    sekisho_policy *policy = NULL;
    sekisho_error *error = NULL;
    FILE *file = fopen(path, "rb");
    size_t length = file != NULL ? fread(text, 1, sizeof text, file) : 0;

    if (file == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    if (sekisho_policy_parse(text, length, path, strlen(path), &policy, &error) != SEKISHO_STATUS_OK) {
        /* Every fault of the document, each with its line and a caret. */
        const char *message = NULL;
        size_t message_length = 0;
        sekisho_error_text(error, &message, &message_length);
        fprintf(stderr, "%.*s\n", (int)message_length, message);
        sekisho_error_free(error);
        exit(EXIT_FAILURE);
    }
    return policy;
}

static void print_failure(const sekisho_event *event)
{
    const char *message = NULL;
    size_t length = 0;

    sekisho_event_error(event, &message, &length);
    fprintf(stderr, "%.*s\n", (int)length, message);
}

int main(int count, char **arguments)
{
    sekisho_policy *policy = load(count > 1 ? arguments[1] : "examples/c/logins.toml");
    sekisho_engine *engine = NULL;
    sekisho_event *event = NULL;
    sekisho_decision *decision = NULL;
    char text[1024];
    size_t length = 0;
    int failed;
    int n;

    /* Success is 0, so a chain of calls ends at the first one that fails. */
    failed = sekisho_engine_new(policy, 1, KEY, sizeof KEY, &engine, NULL) || sekisho_event_new(policy, &event) ||
             sekisho_decision_new_detailed(&decision);

    /* One event and one decision serve for all. */
    for (n = 1; n <= 5 && !failed; n++) {
        char account[16];
        int account_length = sprintf(account, "a-%d", n);

        failed = sekisho_event_clear(event) ||
                 sekisho_event_set_text(event, SEKISHO_FIELD_TYPE, "login", 5) ||
                 sekisho_event_set_integer(event, SEKISHO_FIELD_TIME, 1793581200000 + 1000 * n) ||
                 sekisho_event_set_text(event, SEKISHO_FIELD_ACCOUNT, account, (size_t)account_length) ||
                 sekisho_event_set_text(event, SEKISHO_FIELD_IP, "203.0.113.7", 11) ||
                 sekisho_event_set_text(event, SEKISHO_FIELD_OUTCOME, "failed", 6) ||
                 sekisho_engine_assess(engine, event, decision);
        if (failed) {
            print_failure(event);
            break;
        }
        printf("%s: %s, score %d\n", account, sekisho_action_name(sekisho_decision_action(decision)),
               (int)sekisho_decision_score(decision));
    }
    failed = failed || sekisho_decision_explain(decision, event, text, sizeof text, &length);
    if (!failed) {
        printf("\n%.*s\n", (int)length, text);
    }

    sekisho_decision_free(decision);
    sekisho_event_free(event);
    sekisho_engine_free(engine);
    sekisho_policy_free(policy);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
