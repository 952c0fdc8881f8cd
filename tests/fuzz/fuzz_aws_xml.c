// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes what reads XML answers of AWS: the tree and its limits, the verdict, credentials of STS, the outcomes of a batch of
// alerts. The first byte picks the status.
#include "plugins/alert-sns/publish.h"
#include "plugins/aws/keyset.h"
#include "plugins/aws/verdict.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Elements of the tree, checked on the way.
static size_t check_tree(const struct aws_xml *element, size_t depth)
{
    size_t count = 0;
    assert(depth <= AWS_XML_DEPTH);
    for (; element != NULL; element = element->next) {
        assert(element->name[0] != '\0' && strchr(element->name, ':') == NULL);
        assert(strlen(element->text.bytes) == element->text.length);
        count += 1 + (element->first != NULL ? check_tree(element->first, depth + 1) : 0);
    }
    return count;
}

__attribute__((format(printf, 5, 6))) static void set(struct ph_call *call, size_t index, enum ph_outcome outcome,
                                                      uint32_t delay_ms, const char *format, ...)
{
    (void)format;
    assert(index < call->count);
    *call->results[index] = (struct ph_result){.outcome = outcome, .delay_ms = delay_ms};
}

static void check_batch(const struct aws_xml *root)
{
    const struct ph_host host = {.set = set};
    struct ph_result results[ENTRIES] = {{0}};
    struct ph_result *const pointers[ENTRIES] = {&results[0], &results[1], &results[2]};
    struct ph_call call = {.host = &host, .count = ENTRIES, .results = pointers};
    sns_publish_settle(&call, 1, ENTRIES - 1, root);
    assert(results[0].outcome == PH_PENDING);
    for (size_t i = 1; i < ENTRIES; i++) {
        assert(results[i].outcome != PH_PENDING);
    }
}

static void check_keys(const struct aws_xml *root)
{
    struct aws_keyset keys = {0};
    char error[128] = "";
    bool good = aws_keyset_from_xml(&keys, root, error, sizeof error);
    assert(good ? keys.id != NULL && keys.secret != NULL : keys.id == NULL && error[0] != '\0');
    aws_keyset_clear(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 403, 500};
    if (size == 0) {
        return 0;
    }
    char *body = malloc(size);
    assert(body != NULL);
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    struct aws_xml *root = aws_xml_read(body, size - 1);
    if (root != NULL) {
        assert(root->next == NULL && check_tree(root, 1) <= AWS_XML_ELEMENTS);
        check_batch(root);
        check_keys(root);
    }
    aws_xml_free(root);
    const struct ph_http_response response = {
        .outcome = PH_OK, .status = statuses[data[0] % 4], .body = {body, size - 1}};
    struct aws_verdict verdict;
    aws_verdict_make(&verdict, &sns_service, "Publish", &response, false);
    assert(verdict.answer.outcome != PH_OK || (response.status == 200 && verdict.answer.xml != NULL));
    assert(verdict.answer.outcome == PH_OK || verdict.answer.text[0] != '\0');
    aws_verdict_clear(&verdict);
    free(body);
    return 0;
}
