// SPDX-License-Identifier: Apache-2.0
//
// storage-rds on the group's cluster, with a user ann and no message; for tests that look at its tables.
#ifndef TESTS_UNIT_RDS_SCENE_H
#define TESTS_UNIT_RDS_SCENE_H

#include <stdint.h>

#include "tests/unit/rds_cluster.h"

#define SCENE_NOW "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint" ///< the server's clock, ms

struct rds_scene {
    struct test_host *host;
    struct test_plugin plugin;
    struct rds_config config;
    char where[512];
};
extern struct rds_scene scene;

/// A test's set-up and tear-down: the instance is open and all its connections are there, two writers among them. Who waits
/// for a lock gives up after a second.
int scene_open(void **state);
/// The same, and who waits gives up after so many ms.
int scene_open_patient(int64_t lock_timeout);
int scene_close(void **state);

const struct ph_storage_operations *scene_slots(void);

/// A message of ann to ann without a text; valid as long as `key`.
struct ph_message scene_message(unsigned number, const char *key);

/// Appends a message, which must work.
void scene_store(const struct ph_message *message);

/// A message of ann to ann, with a mark that is due so many ms later.
void scene_append(unsigned number, uint32_t due_in_ms, int64_t deliver_at, int64_t expires_at);

/// What the server's clock says, in ms.
int64_t scene_time(void);

#endif
