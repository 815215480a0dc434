/*
 * Decides on events, a line each, and answers when the decision is safe on the disk; goes on where it was after it
 * was killed.
 *
 *     ./authorizer examples/policies/logins.toml KEY DIRECTORY < events
 *
 * A line is such as `id=e-1 type=login time=1767225600000 account=a-1`; KEY is a file of 32 bytes.
 *
 *     DIRECTORY/snapshot          what the engine remembered when it was written
 *     DIRECTORY/journal.00000042  what changed since, from frame 42 on
 *
 * A new snapshot is written under another name, brought to the disk, and renamed; then journals that end before it
 * are removed. Whatever the moment of a crash, the files are a snapshot and all frames behind it.
 */
#define _POSIX_C_SOURCE 200809L

#include "lines.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST_LINE 4096
#define MOST_WORDS 64
#define LONGEST_PATH 4096
/* Decisions between two snapshots; a host that decides more often takes them by the clock. */
#define SNAPSHOT_EVERY 50

/* Frames that are not on the disk yet. */
typedef struct {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    /* There was no memory for one of them. */
    int lost;
} frames;

typedef struct {
    const char *directory;
    sekisho_engine *engine;
    frames frames;
    /* The file that frames go to. */
    int journal;
    int decided;
} authorizer;

/* Ends the program when a call of the system failed. */
static void check_system(const char *where, int failed)
{
    if (failed) {
        fprintf(stderr, "%s: %s\n", where, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* Called while the engine holds the entities: keeps the frame and comes back. */
static void take_frame(void *context, const uint8_t *frame, size_t length)
{
    frames *kept = context;

    if (kept->capacity - kept->length < length) {
        size_t capacity = 2 * kept->capacity + length;
        uint8_t *grown = realloc(kept->bytes, capacity);

        if (grown == NULL) {
            kept->lost = 1;
            return;
        }
        kept->bytes = grown;
        kept->capacity = capacity;
    }
    memcpy(kept->bytes + kept->length, frame, length);
    kept->length += length;
}

/* Writes all bytes to the file that `context` points to the number of. */
static int write_all(void *context, const uint8_t *bytes, size_t length)
{
    const int *file = context;

    while (length > 0) {
        ssize_t count = write(*file, bytes, length);

        if (count < 0 && errno != EINTR) {
            return errno;
        }
        if (count > 0) {
            bytes += count;
            length -= (size_t)count;
        }
    }
    return 0;
}

static ptrdiff_t read_some(void *context, uint8_t *bytes, size_t length)
{
    const int *file = context;
    ssize_t count;

    do {
        count = read(*file, bytes, length);
    } while (count < 0 && errno == EINTR);
    return count;
}

static void path_of(char path[LONGEST_PATH], const char *directory, const char *name)
{
    int length = snprintf(path, LONGEST_PATH, "%s/%s", directory, name);

    if (length < 0 || length >= LONGEST_PATH) {
        fprintf(stderr, "%s: the path is too long\n", directory);
        exit(EXIT_FAILURE);
    }
}

static int open_file(const char *directory, const char *name, int how)
{
    char path[LONGEST_PATH];
    int file;

    path_of(path, directory, name);
    file = open(path, how, 0600);
    check_system(path, file < 0 && !(errno == ENOENT && (how & O_CREAT) == 0));
    return file;
}

/* A new name is safe when its directory is. */
static void sync_directory(const char *directory)
{
    int file = open(directory, O_RDONLY);

    check_system(directory, file < 0 || fsync(file) != 0);
    close(file);
}

/* The first frame of a journal by its name, 0 for other files. */
static uint64_t first_frame(const char *name)
{
    char *end = NULL;
    uint64_t first;

    if (strncmp(name, "journal.", 8) != 0) {
        return 0;
    }
    first = strtoull(name + 8, &end, 10);
    return *end == '\0' ? first : 0;
}

/* The first frame of the oldest journal from `from` on, 0 when there is none. */
static uint64_t next_journal(const char *directory, uint64_t from)
{
    DIR *entries = opendir(directory);
    struct dirent *entry;
    uint64_t next = 0;

    check_system(directory, entries == NULL);
    while ((entry = readdir(entries)) != NULL) {
        uint64_t first = first_frame(entry->d_name);

        if (first >= from && first > 0 && (next == 0 || first < next)) {
            next = first;
        }
    }
    closedir(entries);
    return next;
}

static void journal_name(char name[32], uint64_t first)
{
    snprintf(name, 32, "journal.%08" PRIu64, first);
}

/* Frames from `first` on go to a journal of their own. */
static void begin_journal(authorizer *self, uint64_t first)
{
    char name[32];

    if (self->journal >= 0) {
        close(self->journal);
    }
    journal_name(name, first);
    self->journal = open_file(self->directory, name, O_WRONLY | O_CREAT | O_APPEND);
    sync_directory(self->directory);
}

/* Does a journal again. The number of its frames. */
static uint64_t recover(authorizer *self, uint64_t first)
{
    sekisho_recovered *report = NULL;
    sekisho_error *error = NULL;
    const char *policy = NULL;
    size_t length = 0;
    char name[32];
    uint64_t frames;
    int file;

    journal_name(name, first);
    file = open_file(self->directory, name, O_RDWR);
    check_system(name, file < 0);
    if (sekisho_engine_recover(self->engine, read_some, &file, &report, &error) != SEKISHO_STATUS_OK) {
        stop(name, error);
    }
    if (sekisho_recovered_torn(report) > 0) {
        /* Nobody was told of it. */
        check_system(name, ftruncate(file, (off_t)sekisho_recovered_bytes(report)) != 0 || fsync(file) != 0);
    }
    if (sekisho_recovered_policy(report, &policy, &length) == SEKISHO_STATUS_OK) {
        fprintf(stderr, "%s goes on under %.*s: recover it under that policy\n", name, (int)length, policy);
        exit(EXIT_FAILURE);
    }
    frames = sekisho_recovered_frames(report);
    sekisho_recovered_free(report);
    close(file);
    return frames;
}

/* Opens the files of a directory, or begins with none. */
static void open_authorizer(authorizer *self, const sekisho_policy *policy, const uint8_t *key, size_t key_length)
{
    sekisho_engine_options *options = NULL;
    sekisho_error *error = NULL;
    sekisho_status status;
    uint64_t next_frame = 1;
    uint64_t first = 0;
    int snapshot;

    check_system(self->directory, mkdir(self->directory, 0700) != 0 && errno != EEXIST);
    check("the options", sekisho_engine_options_new(&options));
    check("the journal", sekisho_engine_options_journal(options, take_frame, &self->frames));
    snapshot = open_file(self->directory, "snapshot", O_RDONLY);
    if (snapshot >= 0) {
        status = sekisho_engine_restore(policy, options, 1, key, key_length, read_some, &snapshot, &self->engine,
                                        &error);
        close(snapshot);
    } else {
        status = sekisho_engine_new_with(policy, options, 1, key, key_length, &self->engine, &error);
    }
    if (status != SEKISHO_STATUS_OK) {
        stop(self->directory, error);
    }
    sekisho_engine_options_free(options);

    while ((first = next_journal(self->directory, first + 1)) != 0) {
        uint64_t behind = first + recover(self, first);

        next_frame = behind > next_frame ? behind : next_frame;
    }
    begin_journal(self, next_frame);
}

static void take_snapshot(authorizer *self)
{
    sekisho_snapshot_report report = {sizeof report, 0, 0, 0};
    sekisho_error *error = NULL;
    char new_path[LONGEST_PATH];
    char path[LONGEST_PATH];
    uint64_t first;
    int file = open_file(self->directory, "snapshot.new", O_WRONLY | O_CREAT | O_TRUNC);

    if (sekisho_engine_snapshot(self->engine, write_all, &file, &report, &error) != SEKISHO_STATUS_OK) {
        stop("the snapshot", error);
    }
    check_system("the snapshot", fsync(file) != 0 || close(file) != 0);
    begin_journal(self, report.next_frame);
    path_of(new_path, self->directory, "snapshot.new");
    path_of(path, self->directory, "snapshot");
    check_system(path, rename(new_path, path) != 0);
    sync_directory(self->directory);
    while ((first = next_journal(self->directory, 1)) < report.next_frame) {
        char name[32];

        journal_name(name, first);
        path_of(path, self->directory, name);
        check_system(path, unlink(path) != 0);
    }
}

/* Decides; when this comes back, the event is safe. A refused event changes nothing. */
static sekisho_status decide(authorizer *self, sekisho_event *event, sekisho_decision *decision)
{
    sekisho_status status = sekisho_engine_assess(self->engine, event, decision);

    if (status != SEKISHO_STATUS_OK) {
        return status;
    }
    /* A host of many threads does this once for all that wait. */
    errno = ENOMEM;
    check_system("the journal", self->frames.lost);
    if (self->frames.length > 0) {
        check_system("the journal", write_all(&self->journal, self->frames.bytes, self->frames.length) != 0 ||
                                        fsync(self->journal) != 0);
        self->frames.length = 0;
    }
    self->decided++;
    if (self->decided >= SNAPSHOT_EVERY) {
        self->decided = 0;
        take_snapshot(self);
    }
    return SEKISHO_STATUS_OK;
}

/* Fills an event from the words of a line, each a field's name, `=`, and its value. */
static sekisho_status fill(const sekisho_policy *policy, sekisho_event *event, char *line)
{
    char *words[MOST_WORDS];
    int count = split_words(line, words, MOST_WORDS);
    sekisho_status status = sekisho_event_clear(event);
    int n;

    for (n = 0; n < count && status == SEKISHO_STATUS_OK; n++) {
        const char *value = cut(words[n], '=');

        if (value == NULL) {
            stop("a word without `=`", NULL);
        }
        status = sekisho_event_set_parsed(event, field_number(policy, words[n]), value, strlen(value));
    }
    return status;
}

int main(int count, char **arguments)
{
    static char line[LONGEST_LINE];
    authorizer self = {NULL, NULL, {NULL, 0, 0, 0}, -1, 0};
    sekisho_policy *policy;
    sekisho_event *event = NULL;
    sekisho_decision *decision = NULL;
    size_t key_length = 0;
    char *key;

    if (count != 4) {
        fprintf(stderr, "usage: authorizer POLICY.toml KEY DIRECTORY < events\n");
        return EXIT_FAILURE;
    }
    policy = load_policy(arguments[1]);
    key = read_file(arguments[2], &key_length);
    self.directory = arguments[3];
    open_authorizer(&self, policy, (const uint8_t *)key, key_length);
    check("the event", sekisho_event_new(policy, &event));
    check("the decision", sekisho_decision_new(&decision));

    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        check_event("an event", fill(policy, event, line), event);
        check_event("an event", decide(&self, event, decision), event);
        printf("%s %d ", sekisho_action_name(sekisho_decision_action(decision)),
               (int)sekisho_decision_score(decision));
        print_reasons(decision);
        puts(sekisho_decision_is_repeated(decision) ? " (seen before)" : "");
        /* Nobody waits for an answer that is kept here. */
        fflush(stdout);
    }

    close(self.journal);
    free(self.frames.bytes);
    free(key);
    sekisho_decision_free(decision);
    sekisho_event_free(event);
    sekisho_engine_free(self.engine);
    sekisho_policy_free(policy);
    return EXIT_SUCCESS;
}
