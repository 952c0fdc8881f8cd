// SPDX-License-Identifier: Apache-2.0
//
// See rds_scene.h.
#include "tests/unit/unit.h"

#include "tests/unit/rds_scene.h"

#include "plugins/storage-rds/connection.h"
#include "plugins/storage-rds/rds.h"
#include <stdio.h>
#include <stdlib.h>

struct rds_scene scene;

static bool all_work(void *context)
{
    const struct rds *rds = context;
    size_t working = 0;
    while (working < rds->connection_count && connection_state(rds->connections[working]) == CONNECTION_READY)
        working++;
    return working == rds->connection_count;
}

int scene_open(void **state)
{
    (void)state;
    return scene_open_patient(1000);
}

int scene_open_patient(int64_t lock_timeout)
{
    if (cluster_folder() == NULL)
        return 0;
    scene.host = test_host_new();
    snprintf(scene.where, sizeof(scene.where), "%s", cluster_url("posthouse"));
    cluster_plugin(&scene.plugin, scene.host, &scene.config, scene.where);
    scene.config.writers = 2;
    scene.config.lock_timeout = lock_timeout;
    if (!test_plugin_open(&scene.plugin))
        fail_msg("%s", scene.plugin.text);
    cluster_wait(scene.host, all_work, scene.plugin.instance);
    cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_outbox; DELETE FROM posthouse_deliveries;"
                 " DELETE FROM posthouse_keys; UPDATE posthouse_senders SET removed_to = 0;"
                 " UPDATE posthouse_inboxes SET position = 0;"
                 " INSERT INTO posthouse_inboxes(name) VALUES('ann') ON CONFLICT DO NOTHING;"
                 " INSERT INTO posthouse_senders(name) VALUES('ann') ON CONFLICT DO NOTHING");
    return 0;
}

int scene_close(void **state)
{
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    test_plugin_close(&scene.plugin);
    test_host_free(scene.host);
    return 0;
}

const struct ph_storage_operations *scene_slots(void)
{
    return scene.plugin.descriptor->operations;
}

void scene_store(const struct ph_message *message)
{
    struct test_call *call = test_call_run(&scene.plugin, PH_STORAGE_APPEND, scene_slots()->append, 1, message,
                                           sizeof(*message), sizeof(struct ph_accepted));
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
}

struct ph_message scene_message(unsigned number, const char *key)
{
    static struct ph_text ann;
    const struct ph_text none = text_from("");
    ann = text_from("ann");
    return (struct ph_message){.id = id_from(number),
                               .sender = ann,
                               .recipients = &ann,
                               .recipient_count = 1,
                               .subject = none,
                               .body = none,
                               .content_type = none,
                               .attributes = none,
                               .trace = none,
                               .idempotency_key = text_from(key)};
}

void scene_append(unsigned number, uint32_t due_in_ms, int64_t deliver_at, int64_t expires_at)
{
    struct ph_message entry = scene_message(number, "");
    entry.due_in_ms = due_in_ms;
    entry.deliver_at = deliver_at;
    entry.expires_at = expires_at;
    scene_store(&entry);
}

int64_t scene_time(void)
{
    return strtoll(cluster_tell("SELECT " SCENE_NOW), NULL, 10);
}
