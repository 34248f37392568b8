/* What every C program under measurement shares: its job, a stopwatch, and how results are told. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    const char *url, *subject;
    long size, warm, count, headers, in_flight;
    char *payload;
} Job;

typedef struct {
    double wall, cpu;
} Moment;

/* End the program when the library refuses something. */
static inline void must(natsStatus status) {
    if (status == NATS_OK) return;
    fprintf(stderr, "%s\n", natsStatus_GetText(status));
    exit(1);
}

/* The job on the command line: name=value words. */
static inline Job read_job(int words, char **word) {
    Job job = {.size = 16, .count = 1, .in_flight = 1};
    for (int i = 1; i < words; i++) {
        char *value = strchr(word[i], '=');
        if (value == NULL) continue;
        size_t length = (size_t)(value++ - word[i]);
        long number = strtol(value, NULL, 10);
#define IS(name) (length == strlen(name) && strncmp(word[i], name, length) == 0)
        if (IS("url")) job.url = value;
        else if (IS("subject")) job.subject = value;
        else if (IS("size")) job.size = number;
        else if (IS("warm")) job.warm = number;
        else if (IS("count")) job.count = number;
        else if (IS("headers")) job.headers = number;
        else if (IS("in_flight")) job.in_flight = number;
#undef IS
    }
    job.payload = malloc((size_t)job.size + 1);
    memset(job.payload, 'x', (size_t)job.size);
    return job;
}

/* A connection; all its subscriptions share one delivery thread when `shared_delivery` is true. */
static inline natsConnection *dial(const Job *job, bool shared_delivery) {
    natsOptions *options = NULL;
    natsConnection *client = NULL;
    must(natsOptions_Create(&options));
    must(natsOptions_SetURL(options, job->url));
    must(natsOptions_UseGlobalMessageDelivery(options, shared_delivery));
    must(natsConnection_Connect(&client, options));
    natsOptions_Destroy(options);
    return client;
}

static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static inline Moment moment(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (Moment){.wall = now(), .cpu = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)};
}

static inline long rss_bytes(void) {
    long pages = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL) return 0;
    if (fscanf(statm, "%ld %ld", &pages, &resident) != 2) resident = 0;
    fclose(statm);
    return resident * sysconf(_SC_PAGESIZE);
}

/* Print the result: one JSON line. `more` is empty, or further members that begin with a comma. */
static inline void tell(long messages, Moment from, Moment to, const char *more) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"client\": \"%s\", \"runtime\": \"C\", \"messages\": %ld, \"seconds\": %.9f, \"cpu_seconds\": %.9f, "
           "\"max_rss_bytes\": %ld%s}\n",
           nats_GetVersion(), messages, to.wall - from.wall, to.cpu - from.cpu, usage.ru_maxrss * 1024L, more);
    fflush(stdout);
}

#endif
