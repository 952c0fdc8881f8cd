// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes what reads SQS's answers. A job that is handed over is sound: a handle that can be sent back, a name, a body
// that its MD5 bears out; nothing that was not asked for is named.
#include "plugins/queue-sqs/answer.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_job(void *context, const struct answer_job *job)
{
    size_t *jobs = context;
    assert(job->name != NULL && strlen(job->name) <= 100);
    assert(job->handle.length > 0 && job->handle.length <= SQS_HANDLE_MAX);
    assert(strlen(job->handle.bytes) == job->handle.length);
    assert(strlen(job->trace.bytes) == job->trace.length);
    (*jobs)++;
}

// What a tree takes is JSON for jansson too, but for numbers that do not fit: a tree keeps them as they are written.
static void check_agreement(const struct aws_tree *tree, const json_t *json, const json_error_t *error)
{
    const bool object = aws_node_is(aws_tree_root(tree), AWS_NODE_OBJECT);
    assert(!object || json_is_object(json) || json_error_code(error) == json_error_numeric_overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer_entry entries[SQS_BATCH];
    struct answer_received received;
    struct answer_attributes attributes;
    json_error_t error;
    json_t *json = json_loadb((const char *)data, size, JSON_ALLOW_NUL, &error);
    struct aws_tree *tree = aws_tree_read((const char *)data, size);
    struct md5 md5 = {0};
    size_t jobs = 0;
    check_agreement(tree, json, &error);
    if (answer_batch(aws_tree_root(tree), entries, SQS_BATCH)) {
        for (size_t i = 0; i < SQS_BATCH; i++) {
            assert(entries[i].code != NULL && entries[i].message != NULL);
            assert(entries[i].named || (!entries[i].failed && entries[i].md5 == NULL));
        }
    }
    if (answer_receive((struct ph_text){(const char *)data, size}, SQS_BATCH, &md5, on_job, &jobs, &received)) {
        assert(received.jobs == jobs && received.jobs + received.foreign + received.damaged <= SQS_BATCH);
    }
    if (answer_attributes(json, &attributes)) {
        assert(attributes.waiting >= -1 && attributes.in_flight >= -1 && attributes.receives >= 0);
        assert(strlen(attributes.dead_letters) < sizeof attributes.dead_letters);
    }
    md5_clear(&md5);
    aws_tree_free(tree);
    json_decref(json);
    return 0;
}
