/* C: requests from as many threads as are in flight. */
#include "measure.h"

#include <pthread.h>

typedef struct {
    const Job *job;
    natsConnection *client;
    long count;
    double *latency;
} Asker;

static void *one_after_another(void *closure) {
    Asker *asker = closure;
    for (long done = 0; done < asker->count; done++) {
        natsMsg *reply = NULL;
        double began = now();
        must(natsConnection_Request(&reply, asker->client, asker->job->subject, asker->job->payload,
                                    (int)asker->job->size, 2000));
        asker->latency[done] = now() - began;
        natsMsg_Destroy(reply);
    }
    return NULL;
}

/* Send `count` requests; the seconds that each took are written to `latency`. */
static long ask(natsConnection *client, const Job *job, long count, double *latency) {
    pthread_t thread[job->in_flight];
    Asker asker[job->in_flight];
    long share = count / job->in_flight;
    for (long i = 0; i < job->in_flight; i++) {
        asker[i] = (Asker){.job = job, .client = client, .count = share, .latency = latency + i * share};
        pthread_create(&thread[i], NULL, one_after_another, &asker[i]);
    }
    for (long i = 0; i < job->in_flight; i++) pthread_join(thread[i], NULL);
    return share * job->in_flight;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int words, char **word) {
    Job job = read_job(words, word);
    natsConnection *client = dial(&job, false);
    long most = job.count > job.warm ? job.count : job.warm;
    double *latency = calloc((size_t)most + 1, sizeof(double));
    ask(client, &job, job.warm, latency);
    Moment from = moment();
    long count = ask(client, &job, job.count, latency);
    Moment to = moment();
    qsort(latency, (size_t)count, sizeof(double), by_size);
    char more[100];
    snprintf(more, sizeof(more), ", \"p50_us\": %.3f, \"p99_us\": %.3f", latency[count / 2] * 1e6,
             latency[(long)((double)count * 0.99)] * 1e6);
    tell(count, from, to, more);
    natsConnection_Destroy(client);
    return 0;
}
