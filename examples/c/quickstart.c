/*
 * The quick start: five failed logins from one address.
 *
 *     cc -std=c99 -I ffi/include examples/c/quickstart.c target/release/libsekisho_ffi.a -lpthread -ldl -lm
 *     ./a.out examples/policies/logins.toml
 */
#include <sekisho.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Comes from the host's key store, and stays the same as long as history is kept. */
static const uint8_t KEY[32] = "32 secret bytes of the host ....";
static const int64_t START = 1793581200000;

/* Reads the policy, or prints every fault of it with its line and a caret. */
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
        const char *message = NULL;
        size_t message_length = 0;
        sekisho_error_text(error, &message, &message_length);
        fprintf(stderr, "%.*s\n", (int)message_length, message);
        sekisho_error_free(error);
        exit(EXIT_FAILURE);
    }
    return policy;
}

static int print(const sekisho_event *event, const sekisho_decision *decision, int failed)
{
    const char *message = NULL;
    size_t length = 0;

    if (failed) {
        sekisho_event_error(event, &message, &length);
        fprintf(stderr, "%.*s\n", (int)length, message);
    } else {
        printf("%s %d\n", sekisho_action_name(sekisho_decision_action(decision)), (int)sekisho_decision_score(decision));
    }
    return failed;
}

static void print_reasons(const sekisho_decision *decision)
{
    size_t place;

    for (place = 0; place < sekisho_decision_reason_count(decision); place++) {
        const char *code = NULL;
        size_t length = 0;
        int32_t points = 0;

        if (sekisho_decision_reason(decision, place, &code, &length, &points) == SEKISHO_STATUS_OK) {
            printf("%+d %.*s\n", (int)points, (int)length, code);
        }
    }
}

int main(int count, char **arguments)
{
    const char *path = count > 1 ? arguments[1] : "examples/policies/logins.toml";
    char account[8];
    int failed = 0;
    int n;

    sekisho_policy *policy = load(path);
    sekisho_engine *engine = NULL;
    sekisho_event *event = NULL;
    sekisho_decision *decision = NULL;
    failed = sekisho_engine_new(policy, 1, KEY, sizeof KEY, &engine, NULL) || sekisho_event_new(policy, &event)
             || sekisho_decision_new(&decision);
    for (n = 1; n <= 5 && !failed; n++) {
        sprintf(account, "a-%d", n);
        failed = sekisho_event_set_text(event, SEKISHO_FIELD_TYPE, "login", 5)
                 || sekisho_event_set_integer(event, SEKISHO_FIELD_TIME, START + 1000 * n)
                 || sekisho_event_set_text(event, SEKISHO_FIELD_ACCOUNT, account, strlen(account))
                 || sekisho_event_set_text(event, SEKISHO_FIELD_IP, "203.0.113.7", 11)
                 || sekisho_event_set_text(event, SEKISHO_FIELD_OUTCOME, "failed", 6)
                 || sekisho_engine_assess(engine, event, decision);
        failed = print(event, decision, failed);
    }
    print_reasons(decision);

    sekisho_decision_free(decision);
    sekisho_event_free(event);
    sekisho_engine_free(engine);
    sekisho_policy_free(policy);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
