// SPDX-License-Identifier: Apache-2.0
//
// See setup.h. The topic is looked for; when it is not there, it is made by its name, the last part of the ARN.
#include "plugins/alert-sns/setup.h"

#include "core/buffer.h"
#include "plugins/alert-sns/publish.h"
#include "plugins/aws/form.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM_MAX 8192
#define REGION_SIZE 64
#define RESPONSE_LIMIT ((size_t)1 << 20)

struct setup {
    struct ph_call *call;
    const struct sns_config *config;
    struct aws_client *client;
    const char *name; // of the topic
    struct buffer form;
    struct ph_step *step; // NULL: nothing was done
};

static void on_closed(void *context)
{
    struct setup *setup = context;
    struct ph_call *call = setup->call;
    struct ph_steps *output = call->outputs[0];
    struct ph_step **steps = call->host->alloc(call, sizeof(struct ph_step *));
    if (steps != NULL && setup->step != NULL) {
        steps[0] = setup->step;
        *output = (struct ph_steps){steps, 1};
    }
    buffer_free(&setup->form);
    free(setup);
    call->host->complete(call);
}

static void end(struct setup *setup, enum ph_outcome outcome, const char *text)
{
    setup->call->host->set(setup->call, 0, outcome, 0, text != NULL ? "%s" : NULL, text);
    aws_client_close(setup->client, on_closed, setup);
}

static struct ph_text text_in(struct ph_call *call, const char *first, const char *second)
{
    const size_t size = strlen(first) + strlen(second) + 1;
    char *text = call->host->alloc(call, size);
    if (text == NULL) {
        return (struct ph_text){"", 0};
    }
    snprintf(text, size, "%s%s", first, second);
    return (struct ph_text){text, size - 1};
}

static void end_with(struct setup *setup, enum ph_step_state state, struct ph_text note)
{
    setup->step = setup->call->host->make(setup->call, PH_MAKE_STEP);
    if (setup->step != NULL) {
        setup->step->state = (uint32_t)state;
        setup->step->what = text_in(setup->call, "topic ", setup->name);
        setup->step->note = note;
    }
    end(setup, PH_OK, NULL);
}

static void on_made(void *context, const struct aws_answer *answer);

static void ask(struct setup *setup, const char *operation, const char *parameter, const char *value, aws_done_f *done)
{
    buffer_clear(&setup->form);
    aws_form_add(&setup->form, parameter, value, strlen(value));
    if (done == on_made && sns_topic_is_fifo(setup->config->topic_arn)) {
        aws_form_add(&setup->form, "Attributes.entry.1.key", "FifoTopic", strlen("FifoTopic"));
        aws_form_add(&setup->form, "Attributes.entry.1.value", "true", strlen("true"));
    }
    if (buffer_failed(&setup->form)) {
        end(setup, PH_INVALID, "topic_arn is too long");
        return;
    }
    const struct aws_request request = {.service = &sns_service,
                                        .operation = operation,
                                        .body = {setup->form.data, setup->form.length},
                                        .response_limit = RESPONSE_LIMIT};
    aws_send(setup->client, &request, done, setup);
}

static void on_made(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    if (answer->outcome != PH_OK) {
        end(setup, answer->outcome, answer->text);
        return;
    }
    const char *arn = aws_xml_text(aws_xml_child(answer->xml, "CreateTopicResult"), "TopicArn");
    const bool elsewhere = arn != NULL && strcmp(arn, setup->config->topic_arn) != 0;
    struct ph_text note = {"", 0};
    if (elsewhere) {
        note = text_in(setup->call, "set topic_arn to its name: ", arn);
    }
    end_with(setup, PH_STEP_MADE, note);
}

static void on_looked(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    if (answer->outcome == PH_OK) {
        end_with(setup, PH_STEP_FOUND, (struct ph_text){"", 0});
    } else if (answer->outcome == PH_NOT_FOUND) {
        ask(setup, "CreateTopic", "Name", setup->name, on_made);
    } else {
        end(setup, answer->outcome, answer->text);
    }
}

void sns_setup(void *instance, struct ph_call *call)
{
    (void)instance;
    char region[REGION_SIZE];
    const struct ph_setup *entry = call->count == 1 ? call->entries[0] : NULL;
    const struct sns_config *config = entry != NULL ? entry->config : NULL;
    struct setup *setup = config != NULL ? calloc(1, sizeof *setup) : NULL;
    if (setup != NULL) {
        const bool known = aws_region_of(config->topic_arn, region, sizeof region);
        const char *colon = strrchr(config->topic_arn, ':');
        setup->call = call;
        setup->config = config;
        setup->name = colon != NULL ? colon + 1 : config->topic_arn;
        buffer_init(&setup->form, FORM_MAX);
        setup->client = aws_client_new(call->host, &config->aws, known ? region : NULL);
    }
    if (setup == NULL || setup->client == NULL) {
        free(setup);
        for (size_t i = 0; i < call->count; i++) {
            call->host->set(call, i, PH_UNAVAILABLE, 0, "there is no memory for a setup");
        }
        call->host->complete(call);
        return;
    }
    ask(setup, "GetTopicAttributes", "TopicArn", config->topic_arn, on_looked);
}
