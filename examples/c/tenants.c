/*
 * Two tenants in one process, each with a key and memory of its own. The same address attacks both; one of them has
 * a stricter policy on trial, which is heard and changes nothing.
 *
 *     cc -std=c99 -I ffi/include examples/c/tenants.c target/release/libsekisho_ffi.a -lpthread -ldl -lm
 *     ./a.out examples/policies/logins.toml examples/policies/logins_stricter.toml
 */
#include <sekisho.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t ACME[32] = "32 secret bytes that acme has ..";
static const uint8_t ZENITH[32] = "32 others, known to zenith alone";
static const size_t MEBIBYTE = (size_t)1 << 20;
static const int64_t START = 1793581200000;

/* Prints what went wrong, and ends. */
static void must(sekisho_status status, sekisho_error *error)
{
    const char *message = "";
    size_t length = 0;

    if (status == SEKISHO_STATUS_OK) {
        return;
    }
    if (error != NULL) {
        sekisho_error_text(error, &message, &length);
    }
    fprintf(stderr, "%s: %.*s\n", sekisho_status_name(status), (int)length, message);
    sekisho_error_free(error);
    exit(EXIT_FAILURE);
}

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
    must(sekisho_policy_parse(text, length, path, strlen(path), &policy, &error), error);
    return policy;
}

/* Starts a tenant within so much memory; its engine, or NULL and why not. */
static sekisho_engine *add(const sekisho_tenants *tenants, const char *name, const sekisho_policy *policy,
                           const uint8_t *key, size_t mebibytes)
{
    sekisho_engine_options *options = NULL;
    sekisho_engine *engine = NULL;
    sekisho_error *error = NULL;
    const char *message = NULL;
    size_t length = 0;
    sekisho_status status;

    must(sekisho_engine_options_new(&options), NULL);
    must(sekisho_engine_options_memory(options, mebibytes * MEBIBYTE), NULL);
    status = sekisho_tenants_add(tenants, name, strlen(name), policy, options, 1, key, 32, &engine, &error);
    sekisho_engine_options_free(options);
    if (status != SEKISHO_STATUS_OK) {
        sekisho_error_message(error, &message, &length);
        printf("%s: %.*s\n", sekisho_status_name(status), (int)length, message);
        sekisho_error_free(error);
    }
    return engine;
}

static void say(const char *who, const sekisho_decision *decision)
{
    if (decision == NULL) {
        printf("%s: nobody\n", who);
    } else {
        printf("%s: %s %d\n", who, sekisho_action_name(sekisho_decision_action(decision)),
               (int)sekisho_decision_score(decision));
    }
}

/* A login that failed, as a tenant decides on it. */
static void login(const sekisho_tenants *tenants, const char *tenant, int n, sekisho_event *event,
                  sekisho_decision *decision)
{
    char account[16];
    sekisho_engine *engine = NULL;

    sprintf(account, "a-%d", n);
    must(sekisho_tenants_get(tenants, tenant, strlen(tenant), &engine), NULL);
    must(sekisho_event_clear(event), NULL);
    must(sekisho_event_set_text(event, SEKISHO_FIELD_TYPE, "login", 5), NULL);
    must(sekisho_event_set_integer(event, SEKISHO_FIELD_TIME, START + 1000 * n), NULL);
    must(sekisho_event_set_text(event, SEKISHO_FIELD_ACCOUNT, account, strlen(account)), NULL);
    must(sekisho_event_set_text(event, SEKISHO_FIELD_IP, "203.0.113.7", 11), NULL);
    must(sekisho_event_set_text(event, SEKISHO_FIELD_OUTCOME, "failed", 6), NULL);
    must(sekisho_engine_assess(engine, event, decision), NULL);
    sekisho_engine_free(engine);
    say(tenant, decision);
    say("  on trial", sekisho_decision_challenger(decision));
}

/* Puts a policy on trial and tells what it shares with the one in force. */
static void put_on_trial(const sekisho_engine *engine, const sekisho_policy *policy)
{
    sekisho_challenger_report *report = NULL;
    sekisho_error *error = NULL;
    const char *name = NULL;
    size_t length = 0;

    must(sekisho_engine_challenge_with(engine, policy, &report, &error), error);
    must(sekisho_challenger_report_shared(report, 0, &name, &length), NULL);
    printf("computed once: %.*s\n", (int)length, name);
    must(sekisho_challenger_report_own(report, 0, &name, &length), NULL);
    printf("computed for the challenger: %.*s\n", (int)length, name);
    sekisho_challenger_report_free(report);
}

static void print_tenants(const sekisho_tenants *tenants)
{
    sekisho_tenant_statistics *statistics = NULL;
    size_t place;

    must(sekisho_tenants_statistics(tenants, &statistics), NULL);
    for (place = 0; place < sekisho_tenant_statistics_count(statistics); place++) {
        const char *name = NULL;
        size_t length = 0, memory = 0, bytes = 0;

        must(sekisho_tenant_statistics_tenant(statistics, place, &name, &length, &memory, &bytes), NULL);
        printf("%.*s: %s of %lu MiB\n", (int)length, name, bytes == 0 ? "nothing" : "something",
               (unsigned long)(memory / MEBIBYTE));
    }
    printf("%lu MiB are left\n", (unsigned long)(sekisho_tenants_memory_left(tenants) / MEBIBYTE));
    sekisho_tenant_statistics_free(statistics);
}

int main(int count, char **arguments)
{
    sekisho_policy *policy = load(count > 2 ? arguments[1] : "examples/policies/logins.toml");
    sekisho_policy *stricter = load(count > 2 ? arguments[2] : "examples/policies/logins_stricter.toml");
    sekisho_tenants *tenants = NULL;
    sekisho_event *event = NULL;
    sekisho_decision *decision = NULL;
    sekisho_swap_report *report = NULL;
    sekisho_engine *acme, *zenith;
    bool removed = false;
    int n;

    must(sekisho_tenants_new(64 * MEBIBYTE, &tenants), NULL);
    must(sekisho_event_new(policy, &event), NULL);
    must(sekisho_decision_new(&decision), NULL);
    acme = add(tenants, "acme", policy, ACME, 40);
    zenith = add(tenants, "zenith", policy, ZENITH, 32);
    zenith = zenith != NULL ? zenith : add(tenants, "zenith", policy, ZENITH, 24);
    sekisho_engine_free(zenith);

    put_on_trial(acme, stricter);
    for (n = 1; n <= 4; n++) {
        login(tenants, "acme", n, event, decision);
    }
    login(tenants, "zenith", 5, event, decision);
    print_tenants(tenants);

    /* The trial is over: the stricter policy comes into force, and what it does not count is forgotten. */
    must(sekisho_engine_swap(acme, stricter, &report, NULL), NULL);
    printf("the trial %s\n", sekisho_swap_report_challenger_ended(report) ? "ended" : "goes on");
    must(sekisho_engine_end_challenge(acme, NULL), NULL);
    login(tenants, "acme", 6, event, decision);

    must(sekisho_tenants_remove(tenants, "acme", 4, &removed), NULL);
    printf("removed: %s, %lu MiB are left\n", removed ? "yes" : "no",
           (unsigned long)(sekisho_tenants_memory_left(tenants) / MEBIBYTE));
    sekisho_engine_free(acme);
    print_tenants(tenants);

    sekisho_swap_report_free(report);
    sekisho_decision_free(decision);
    sekisho_event_free(event);
    sekisho_tenants_free(tenants);
    sekisho_policy_free(stricter);
    sekisho_policy_free(policy);
    return EXIT_SUCCESS;
}
