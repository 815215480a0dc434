/*
 * Plays a scenario (../scenarios/README.md) and writes its trace, which is the golden one byte for byte.
 *
 *     ./scenarios examples/scenarios/takeover.txt | cmp - examples/scenarios/golden/takeover.txt
 *
 * What a scenario expects is checked by the Rust runner; here the same trace means the same answers.
 */
#include "lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORDS 96
#define MOST_ACTORS 32
#define LONGEST_NAME 128
#define LONGEST_VALUE 4200

/* Fields and their values, both as written: they point into the text of the scenario. */
struct fields {
    int count;
    char *names[MOST_WORDS];
    char *values[MOST_WORDS];
};

struct actor {
    char *name;
    struct fields fields;
};

/* An event that may be labelled or resolved later. */
struct kept {
    char id[LONGEST_NAME];
    sekisho_event *event;
    struct kept *next;
};

struct player {
    const char *path;
    int line;
    int step;
    int64_t now;
    sekisho_policy *policy;
    sekisho_engine *engine;
    sekisho_decision *decision;
    struct actor actors[MOST_ACTORS];
    int actor_count;
    struct kept *kept;
};

static const char *const OUTCOMES[] = {"pending", "approved",   "declined",  "succeeded",
                                       "failed",  "challenged", "abandoned", "reversed"};
static const char *const LABELS[] = {"fraud", "genuine"};

static void wrong(const struct player *player, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", player->path, player->line, what);
    exit(EXIT_FAILURE);
}

/* The number of a name, counted from 1. */
static int32_t numbered(const struct player *player, const char *name, const char *const *names, int count)
{
    int n;

    for (n = 0; n < count; n++) {
        if (strcmp(name, names[n]) == 0) {
            return n + 1;
        }
    }
    wrong(player, "there is no such outcome or label");
    return 0;
}

static int32_t outcome_number(const struct player *player, const char *name)
{
    return numbered(player, name, OUTCOMES, 8);
}

/* Milliseconds of a duration such as 90s or 1h30m. */
static int64_t duration(const struct player *player, const char *text)
{
    int64_t total = 0;

    do {
        char *end = NULL;
        int64_t number = (int64_t)strtoll(text, &end, 10);
        int64_t unit = 0;

        if (end == text) {
            wrong(player, "this is no time");
        }
        text = end + 1;
        switch (*end) {
        case 'd': unit = 86400000; break;
        case 'h': unit = 3600000; break;
        case 's': unit = 1000; break;
        case 'm':
            unit = *text == 's' ? 1 : 60000;
            text += *text == 's';
            break;
        default: wrong(player, "this is no time");
        }
        total += number * unit;
    } while (*text != '\0');
    return total;
}

/* Milliseconds since 1970 of a time such as 2026-11-02T01:00:00Z. */
static int64_t utc(const struct player *player, const char *text)
{
    int year, month, day, hour, minute, second;
    int64_t days;

    if (sscanf(text, "%d-%d-%dT%d:%d:%dZ", &year, &month, &day, &hour, &minute, &second) != 6) {
        wrong(player, "a start looks like 2026-11-02T01:00:00Z");
    }
    /* Years that begin in March. */
    year -= month <= 2;
    month = (month + 9) % 12;
    days = 365 * (int64_t)year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719468;
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

static void read_fields(const struct player *player, char **words, int count, struct fields *fields)
{
    int n;

    fields->count = count;
    for (n = 0; n < count; n++) {
        fields->names[n] = words[n];
        fields->values[n] = cut(words[n], '=');
        if (fields->values[n] == NULL) {
            wrong(player, "a word is no field=value");
        }
    }
}

/* A value with the number of the repetition in place of {n}. */
static void expand(const struct player *player, const char *value, int repetition, char *expanded, size_t capacity)
{
    size_t length = 0;

    while (*value != '\0') {
        char digits[16];
        size_t count = 1;
        const char *from = value;

        if (strncmp(value, "{n}", 3) == 0) {
            count = (size_t)sprintf(digits, "%d", repetition);
            from = digits;
            value += 3;
        } else {
            value++;
        }
        if (length + count >= capacity) {
            wrong(player, "a value is too long");
        }
        memcpy(expanded + length, from, count);
        length += count;
    }
    expanded[length] = '\0';
}

static void set(const struct player *player, sekisho_event *event, const char *name, const char *value)
{
    uint16_t field = field_number(player->policy, name);
    sekisho_status status;

    if (strncmp(value, "@-", 2) == 0) {
        status = sekisho_event_set_integer(event, field, player->now - duration(player, value + 2));
    } else {
        status = sekisho_event_set_parsed(event, field, value, strlen(value));
    }
    check_event(player->path, status, event);
}

static void set_all(const struct player *player, sekisho_event *event, const struct fields *fields, int repetition)
{
    char value[LONGEST_VALUE];
    int n;

    for (n = 0; n < fields->count; n++) {
        expand(player, fields->values[n], repetition, value, sizeof value);
        set(player, event, fields->names[n], value);
    }
}

/* The last value of a field among the step's and the actor's, or NULL. */
static const char *last(const struct fields *fields, const char *name, const char *otherwise)
{
    int n;

    for (n = fields->count; n > 0; n--) {
        if (strcmp(fields->names[n - 1], name) == 0) {
            return fields->values[n - 1];
        }
    }
    return otherwise;
}

/* Takes a word that is no field out of a step. */
static char *take(struct fields *fields, const char *name, char *otherwise)
{
    int n;

    for (n = 0; n < fields->count; n++) {
        if (strcmp(fields->names[n], name) == 0) {
            char *value = fields->values[n];
            fields->count--;
            memmove(&fields->names[n], &fields->names[n + 1], (size_t)(fields->count - n) * sizeof(char *));
            memmove(&fields->values[n], &fields->values[n + 1], (size_t)(fields->count - n) * sizeof(char *));
            return value;
        }
    }
    return otherwise;
}

/* Keeps an event under its id, in place of an older one of the same. */
static void keep(struct player *player, const char *id, sekisho_event *event)
{
    struct kept *kept;

    for (kept = player->kept; kept != NULL && strcmp(kept->id, id) != 0; kept = kept->next) {
    }
    if (kept == NULL) {
        kept = calloc(1, sizeof *kept);
        if (kept == NULL) {
            wrong(player, "there is no memory left");
        }
        strcpy(kept->id, id);
        kept->next = player->kept;
        player->kept = kept;
    }
    sekisho_event_free(kept->event);
    kept->event = event;
}

static sekisho_event *find(const struct player *player, const char *id)
{
    const struct kept *kept;

    for (kept = player->kept; kept != NULL; kept = kept->next) {
        if (strcmp(kept->id, id) == 0) {
            return kept->event;
        }
    }
    wrong(player, "there was no such step");
    return NULL;
}

static void trace_names(const struct player *player)
{
    size_t count = sekisho_policy_feature_count(player->policy);
    size_t n;

    printf("features");
    for (n = 0; n < count; n++) {
        const char *name = NULL;
        size_t length = 0;
        check("a feature", sekisho_policy_feature_name(player->policy, n, &name, &length));
        printf(" %.*s", (int)length, name);
    }
    putchar('\n');
}

static void trace_feature(const struct player *player, size_t index)
{
    sekisho_feature_type type = 0;
    int64_t integer = 0;
    uint64_t bits = 0;
    char text[64];
    size_t length = 0;

    if (sekisho_decision_feature_presence(player->decision, index) == SEKISHO_PRESENCE_MISSING) {
        printf(" -");
        return;
    }
    check("a feature", sekisho_policy_feature_type(player->policy, index, &type));
    switch (type) {
    case SEKISHO_FEATURE_TYPE_NUMBER:
        check("a number", sekisho_decision_feature_bits(player->decision, index, &bits));
        printf(" 0x%016" PRIx64, bits);
        break;
    case SEKISHO_FEATURE_TYPE_TEXT:
        check("a text", sekisho_decision_feature_text(player->decision, index, text, sizeof text, &length));
        printf(" \"%.*s\"", (int)length, text);
        break;
    case SEKISHO_FEATURE_TYPE_BOOLEAN:
        check("a boolean", sekisho_decision_feature_integer(player->decision, index, &integer));
        printf(" %s", integer != 0 ? "true" : "false");
        break;
    default:
        check("an integer", sekisho_decision_feature_integer(player->decision, index, &integer));
        printf(" %" PRId64, integer);
        break;
    }
}

static void trace(const struct player *player)
{
    size_t count = sekisho_policy_feature_count(player->policy);
    size_t n;

    if (player->step == 1) {
        trace_names(player);
    }
    printf("%d %d %s ", player->step, (int)sekisho_decision_score(player->decision),
           sekisho_action_name(sekisho_decision_action(player->decision)));
    print_reasons(player->decision);
    for (n = 0; n < count; n++) {
        trace_feature(player, n);
    }
    putchar('\n');
}

/* Lets time pass, and tells the engine: it refuses events from more than a day ahead. */
static void pass(struct player *player, int64_t milliseconds)
{
    player->now += milliseconds;
    check("advance", sekisho_engine_advance(player->engine, player->now, NULL));
}

static void step(struct player *player, const struct actor *actor, const char *type, const struct fields *fields,
                 const char *named, const char *passes, const char *ends, int repetition)
{
    sekisho_event *event = NULL;
    sekisho_action action;
    char id[LONGEST_NAME];
    const char *outcome = last(fields, "outcome", last(&actor->fields, "outcome", NULL));
    int let_by;
    int32_t end = 0;

    player->step++;
    if (named != NULL) {
        expand(player, named, repetition, id, sizeof id);
    } else {
        sprintf(id, "%d", player->step);
    }
    check("an event", sekisho_event_new(player->policy, &event));
    set(player, event, "id", id);
    set(player, event, "type", type);
    check_event("time", sekisho_event_set_integer(event, SEKISHO_FIELD_TIME, player->now), event);
    set_all(player, event, &actor->fields, repetition);
    set_all(player, event, fields, repetition);

    check_event("assess", sekisho_engine_assess(player->engine, event, player->decision), event);
    trace(player);

    /* What the host does then, and tells the engine. */
    action = sekisho_decision_action(player->decision);
    let_by = action == SEKISHO_ACTION_ALLOW ||
             (action == SEKISHO_ACTION_CHALLENGE && passes != NULL && strcmp(passes, "yes") == 0);
    if (let_by) {
        end = outcome == NULL ? outcome_number(player, ends) : 0;
    } else if (outcome == NULL || strcmp(outcome, "failed") != 0) {
        end = action == SEKISHO_ACTION_CHALLENGE ? SEKISHO_OUTCOME_CHALLENGED
              : action == SEKISHO_ACTION_REVIEW  ? SEKISHO_OUTCOME_PENDING
                                                 : SEKISHO_OUTCOME_DECLINED;
    }
    if (end != 0) {
        check_event("resolve", sekisho_engine_resolve(player->engine, event, end, NULL), event);
    }
    keep(player, id, event);
}

/* A line that begins with +DURATION. */
static void play_timed(struct player *player, int64_t after, char **words, int count)
{
    struct fields fields;
    char *named, *passes, *ends;
    int times = 1;
    int n;

    if (count > 0 && words[0][0] == 'x' && (n = atoi(words[0] + 1)) > 0) {
        times = n;
        words++;
        count--;
    }
    if (count == 3 && strcmp(words[0], "label") == 0) {
        sekisho_event *event = find(player, words[1]);
        pass(player, after);
        check_event("label",
                    sekisho_engine_label(player->engine, event, numbered(player, words[2], LABELS, 2), player->now,
                                         NULL),
                    event);
        return;
    }
    if (count == 3 && strcmp(words[0], "resolve") == 0) {
        sekisho_event *event = find(player, words[1]);
        pass(player, after);
        check_event("resolve",
                    sekisho_engine_resolve(player->engine, event, outcome_number(player, words[2]), NULL), event);
        return;
    }
    for (n = 0; count > 1 && n < player->actor_count; n++) {
        if (strcmp(player->actors[n].name, words[0]) == 0) {
            int repetition;

            read_fields(player, words + 2, count - 2, &fields);
            named = take(&fields, "id", NULL);
            passes = take(&fields, "passes", NULL);
            ends = take(&fields, "ends", "approved");
            for (repetition = 1; repetition <= times; repetition++) {
                pass(player, after);
                step(player, &player->actors[n], words[1], &fields, named, passes, ends, repetition);
            }
            return;
        }
    }
    wrong(player, "a step names who does what");
}

static void list(struct player *player, char **words, int count)
{
    struct fields details;
    const char *source, *severity;
    sekisho_error *error = NULL;

    read_fields(player, words + 2, count - 2, &details);
    severity = last(&details, "severity", "100");
    source = last(&details, "source", "");
    if (sekisho_engine_list_add(player->engine, words[0], strlen(words[0]), words[1], strlen(words[1]),
                                (uint8_t)atoi(severity), source, strlen(source), 0, &error) != SEKISHO_STATUS_OK) {
        stop("list", error);
    }
}

static void begin(struct player *player, const char *policy)
{
    static const uint8_t key[32] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
                                    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
    const char *name = strrchr(player->path, '/');
    size_t directory = name != NULL ? (size_t)(name - player->path) + 1 : 0;
    char *path = malloc(directory + strlen(policy) + sizeof "../policies/");

    if (path == NULL || player->policy != NULL) {
        wrong(player, "there is no memory left, or a second policy");
    }
    memcpy(path, player->path, directory);
    sprintf(path + directory, "../policies/%s", policy);
    player->policy = load_policy(path);
    check("the engine", sekisho_engine_new(player->policy, 1, key, sizeof key, &player->engine, NULL));
    free(path);
}

static void play(struct player *player, char *line)
{
    char *words[MOST_WORDS];
    int count;

    line += strspn(line, " \t\r");
    /* What the Rust runner checks, and what is for readers only. */
    if (*line == '#' || strncmp(line, "title", 5) == 0 || strncmp(line, "expect", 6) == 0 ||
        strncmp(line, "always", 6) == 0 || strncmp(line, "stopped", 7) == 0) {
        return;
    }
    count = split_words(line, words, MOST_WORDS);
    if (count == 0) {
        return;
    }
    if (count == 2 && strcmp(words[0], "policy") == 0) {
        begin(player, words[1]);
    } else if (count == 2 && strcmp(words[0], "start") == 0) {
        player->now = utc(player, words[1]);
    } else if (count > 1 && (strcmp(words[0], "member") == 0 || strcmp(words[0], "attacker") == 0) &&
               player->actor_count < MOST_ACTORS) {
        struct actor *actor = &player->actors[player->actor_count++];
        actor->name = words[1];
        read_fields(player, words + 2, count - 2, &actor->fields);
    } else if (count > 2 && strcmp(words[0], "list") == 0) {
        list(player, words + 1, count - 1);
    } else if (count == 3 && strcmp(words[0], "unlist") == 0) {
        check("unlist", sekisho_engine_list_remove(player->engine, words[1], strlen(words[1]), words[2],
                                                   strlen(words[2]), NULL, NULL));
    } else if (count > 1 && words[0][0] == '+') {
        play_timed(player, duration(player, words[0] + 1), words + 1, count - 1);
    } else {
        wrong(player, "this is no statement");
    }
}

int main(int count, char **arguments)
{
    static struct player player;
    size_t length = 0;
    char *text, *rest, *line;

    if (count != 2) {
        fprintf(stderr, "usage: scenarios FILE\n");
        return EXIT_FAILURE;
    }
    player.path = arguments[1];
    text = rest = read_file(player.path, &length);
    check("the decision", sekisho_decision_new_detailed(&player.decision));
    while ((line = next_line(&rest)) != NULL) {
        player.line++;
        play(&player, line);
    }

    while (player.kept != NULL) {
        struct kept *kept = player.kept;
        player.kept = kept->next;
        sekisho_event_free(kept->event);
        free(kept);
    }
    sekisho_decision_free(player.decision);
    sekisho_engine_free(player.engine);
    sekisho_policy_free(player.policy);
    free(text);
    return EXIT_SUCCESS;
}
