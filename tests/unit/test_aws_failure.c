// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/failure.h: codes, statuses and bodies of every sort, and what they mean.
#include "plugins/aws/client.h"
#include "plugins/aws/failure.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <string.h>

static void test_codes(void **state)
{
    static const struct {
        const char *code;
        enum ph_outcome outcome;
    } codes[] = {
        {"Throttling", PH_THROTTLED},
        {"ThrottlingException", PH_THROTTLED},
        {"ThrottledException", PH_THROTTLED},
        {"RequestThrottledException", PH_THROTTLED},
        {"RequestThrottled", PH_THROTTLED},
        {"TooManyRequestsException", PH_THROTTLED},
        {"ProvisionedThroughputExceededException", PH_THROTTLED},
        {"TransactionInProgressException", PH_THROTTLED},
        {"RequestLimitExceeded", PH_THROTTLED},
        {"BandwidthLimitExceeded", PH_THROTTLED},
        {"LimitExceededException", PH_THROTTLED},
        {"SlowDown", PH_THROTTLED},
        {"EC2ThrottledException", PH_THROTTLED},
        {"RequestTimeout", PH_TRANSIENT},
        {"RequestTimeoutException", PH_TRANSIENT},
        {"PriorRequestNotComplete", PH_TRANSIENT},
        {"AccessDenied", PH_DENIED},
        {"AccessDeniedException", PH_DENIED},
        {"UnrecognizedClientException", PH_DENIED},
        {"InvalidClientTokenId", PH_DENIED},
        {"SignatureDoesNotMatch", PH_DENIED},
        {"ExpiredToken", PH_DENIED},
        {"ExpiredTokenException", PH_DENIED},
        {"KMS.DisabledException", PH_DENIED},
        {"KMSAccessDenied", PH_DENIED},
        {"KMSThrottling", PH_THROTTLED},
        {"KMS.ThrottlingException", PH_THROTTLED},
        {"ResourceNotFoundException", PH_NOT_FOUND},
        {"Throttling2", PH_INVALID},
        {"", PH_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(aws_outcome_of(codes[i].code, true), codes[i].outcome);
    }
    assert_int_equal(aws_outcome_of("Whatever", false), PH_TRANSIENT);
    assert_int_equal(aws_outcome_of("InternalError", false), PH_TRANSIENT);
}

static struct aws_failure judge(int status, const char *json, const char *header, const char *value)
{
    struct ph_text name_text = text_of(header != NULL ? header : "");
    struct ph_text value_text = text_of(value != NULL ? value : "");
    const struct ph_text *names[] = {&name_text};
    const struct ph_text *values[] = {&value_text};
    const struct ph_http_response response = {.outcome = PH_OK,
                                              .status = status,
                                              .body = {"", 0},
                                              .header_count = header != NULL ? 1 : 0,
                                              .header_names = names,
                                              .header_values = values};
    struct aws_failure failure;
    json_t *tree = json != NULL ? json_loads(json, 0, NULL) : NULL;
    aws_failure_read(&response, tree, NULL, &failure);
    json_decref(tree);
    return failure;
}

static void test_where_the_code_is(void **state)
{
    (void)state;
    assert_string_equal(judge(400, "{\"__type\":\"a.b#Code:http://x/\"}", NULL, NULL).code, "Code");
    assert_string_equal(judge(400, "{\"__type\":\"Code\"}", NULL, NULL).code, "Code");
    assert_string_equal(judge(400, "{\"code\":\"Code\",\"message\":\"m\"}", NULL, NULL).message, "m");
    assert_string_equal(judge(400, "{}", "x-amzn-errortype", "AccessDeniedException:http://x").code,
                        "AccessDeniedException");
    assert_string_equal(judge(400, "{\"__type\":7,\"message\":[]}", NULL, NULL).code, "");
    // The older code of SQS speaks where the newer one is not known.
    struct aws_failure failure = judge(400, "{\"__type\":\"x#BrandNew\"}", "x-amzn-query-error",
                                       "AWS.SimpleQueueService.NonExistentQueue;Sender");
    assert_int_equal(failure.outcome, PH_NOT_FOUND);
    assert_string_equal(failure.code, "BrandNew");
    char odd[600];
    snprintf(odd, sizeof odd, "{\"__type\":\"%0500d\"}", 1);
    assert_string_equal(judge(400, odd, NULL, NULL).code, "");
}

static void test_statuses(void **state)
{
    (void)state;
    static const int transient[] = {408, 500, 502, 503, 504, 599};
    for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++) {
        assert_int_equal(judge(transient[i], NULL, NULL, NULL).outcome, PH_TRANSIENT);
    }
    assert_int_equal(judge(500, "{\"__type\":\"ValidationException\"}", NULL, NULL).outcome, PH_TRANSIENT);
    assert_int_equal(judge(503, "{\"__type\":\"SlowDown\"}", NULL, NULL).outcome, PH_THROTTLED);
    assert_int_equal(judge(401, NULL, NULL, NULL).outcome, PH_DENIED);
    assert_int_equal(judge(403, NULL, NULL, NULL).outcome, PH_DENIED);
    assert_int_equal(judge(404, NULL, NULL, NULL).outcome, PH_UNAVAILABLE);
    assert_int_equal(judge(400, NULL, NULL, NULL).outcome, PH_UNAVAILABLE);
    assert_int_equal(judge(301, NULL, NULL, NULL).outcome, PH_UNAVAILABLE);
    assert_int_equal(judge(404, "{\"__type\":\"Odd\"}", NULL, NULL).outcome, PH_INVALID);
}

static void test_delay(void **state)
{
    (void)state;
    assert_int_equal(judge(429, NULL, "retry-after", "2").delay_ms, 2000);
    assert_int_equal(judge(429, NULL, "retry-after", "99999999999999999999").delay_ms, 900000);
    assert_int_equal(judge(429, NULL, "retry-after", "Fri, 31 Dec 1999 23:59:59 GMT").delay_ms, 0);
    assert_int_equal(judge(429, NULL, "retry-after", "-1").delay_ms, 0);
    assert_int_equal(judge(403, NULL, "retry-after", "2").delay_ms, 0);
}

static void test_flags(void **state)
{
    (void)state;
    assert_true(judge(400, "{\"__type\":\"ExpiredTokenException\"}", NULL, NULL).expired);
    assert_false(judge(400, "{\"__type\":\"AccessDenied\"}", NULL, NULL).expired);
    assert_true(judge(403, "{\"__type\":\"RequestTimeTooSkewed\"}", NULL, NULL).skewed);
    assert_false(judge(403, "{\"__type\":\"ExpiredToken\"}", NULL, NULL).skewed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),    cmocka_unit_test(test_where_the_code_is),
        cmocka_unit_test(test_statuses), cmocka_unit_test(test_delay),
        cmocka_unit_test(test_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
