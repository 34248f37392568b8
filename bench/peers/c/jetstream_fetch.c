/* C: fetch messages, a fixed number at a time, and acknowledge each. */
#include "measure.h"

static void fetch(natsSubscription *subscription, const Job *job, long count) {
    natsMsgList list;
    while (count > 0) {
        int batch = (int)(count < job->in_flight ? count : job->in_flight);
        must(natsSubscription_Fetch(&list, subscription, batch, 5000, NULL));
        for (int i = 0; i < list.Count; i++) must(natsMsg_Ack(list.Msgs[i], NULL));
        count -= list.Count;
        natsMsgList_Destroy(&list);
    }
}

int main(int words, char **word) {
    Job job = read_job(words, word);
    natsConnection *client = dial(&job, false);
    natsSubscription *subscription = NULL;
    jsCtx *jetstream = NULL;
    jsSubOptions options;
    must(natsConnection_JetStream(&jetstream, client, NULL));
    must(jsSubOptions_Init(&options));
    options.Stream = "BENCH";
    options.Consumer = "bench";
    must(js_PullSubscribe(&subscription, jetstream, job.subject, NULL, NULL, &options, NULL));
    fetch(subscription, &job, job.warm);
    must(natsConnection_FlushTimeout(client, 60000));
    Moment from = moment();
    fetch(subscription, &job, job.count);
    must(natsConnection_FlushTimeout(client, 60000));
    tell(job.count, from, moment(), "");
    natsSubscription_Destroy(subscription);
    jsCtx_Destroy(jetstream);
    natsConnection_Destroy(client);
    return 0;
}
