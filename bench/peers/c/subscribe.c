/* C: receive with a callback, without pending limits. */
#include "measure.h"

#include <semaphore.h>

typedef struct {
    Job job;
    long seen;
    Moment from, to;
    sem_t done;
} Count;

static void handle(natsConnection *client, natsSubscription *subscription, natsMsg *message, void *closure) {
    Count *count = closure;
    (void)client, (void)subscription;
    natsMsg_Destroy(message);
    count->seen++;
    if (count->seen == count->job.warm) {
        count->from = moment();
    } else if (count->seen == count->job.warm + count->job.count) {
        count->to = moment();
        sem_post(&count->done);
    }
}

int main(int words, char **word) {
    Count count = {.job = read_job(words, word)};
    natsSubscription *subscription = NULL;
    natsConnection *client = dial(&count.job, false);
    sem_init(&count.done, 0, 0);
    must(natsConnection_Subscribe(&subscription, client, count.job.subject, handle, &count));
    must(natsSubscription_SetPendingLimits(subscription, -1, -1));
    must(natsConnection_FlushTimeout(client, 60000));
    printf("ready\n");
    fflush(stdout);
    sem_wait(&count.done);
    tell(count.job.count, count.from, count.to, "");
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(client);
    return 0;
}
