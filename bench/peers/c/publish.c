/* C: publish; the library blocks when its buffer is full. A flush ends it. */
#include "measure.h"

static void publish(natsConnection *client, const Job *job, long count) {
    natsMsg *message = NULL;
    if (job->headers) {
        must(natsMsg_Create(&message, job->subject, NULL, job->payload, (int)job->size));
        must(natsMsgHeader_Set(message, "Trace-Id", "4bf92f3577b34da6"));
        must(natsMsgHeader_Set(message, "Kind", "sample"));
    }
    for (long sent = 0; sent < count; sent++) {
        if (job->headers) must(natsConnection_PublishMsg(client, message));
        else must(natsConnection_Publish(client, job->subject, job->payload, (int)job->size));
    }
    must(natsConnection_FlushTimeout(client, 60000));
    natsMsg_Destroy(message);
}

int main(int words, char **word) {
    Job job = read_job(words, word);
    natsConnection *client = dial(&job, false);
    publish(client, &job, job.warm);
    Moment from = moment();
    publish(client, &job, job.count);
    tell(job.count, from, moment(), "");
    natsConnection_Destroy(client);
    return 0;
}
