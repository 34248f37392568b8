/* C: the memory that many subscriptions take. */
#include "measure.h"

static void ignore(natsConnection *client, natsSubscription *subscription, natsMsg *message, void *closure) {
    (void)client, (void)subscription, (void)closure;
    natsMsg_Destroy(message);
}

int main(int words, char **word) {
    Job job = read_job(words, word);
    natsConnection *client = dial(&job, true);
    natsSubscription **kept = calloc((size_t)job.count, sizeof(*kept));
    must(natsConnection_FlushTimeout(client, 60000));
    long before = rss_bytes();
    Moment from = moment();
    for (long number = 0; number < job.count; number++) {
        char subject[256];
        snprintf(subject, sizeof(subject), "%s.%ld", job.subject, number);
        must(natsConnection_Subscribe(&kept[number], client, subject, ignore, NULL));
        if (number % 1000 == 999) must(natsConnection_FlushTimeout(client, 60000));
    }
    must(natsConnection_FlushTimeout(client, 60000));
    Moment to = moment();
    char more[60];
    snprintf(more, sizeof(more), ", \"value\": %ld", rss_bytes() - before);
    tell(job.count, from, to, more);
    natsConnection_Destroy(client);
    return 0;
}
