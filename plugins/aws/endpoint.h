// SPDX-License-Identifier: Apache-2.0
//
// Where a service of a region is: partitions, FIPS and dual stack; and the parts of an endpoint's URL. Pure functions.
#ifndef PLUGINS_AWS_ENDPOINT_H
#define PLUGINS_AWS_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#define AWS_REGION_SIZE 64
#define AWS_URL_SIZE 2048

/// An endpoint's parts, as a request needs them.
struct aws_endpoint {
    char url[AWS_URL_SIZE];  ///< with a path, "/" at least
    char host[AWS_URL_SIZE]; ///< as in the Host header: with a port only when it is not the scheme's own
    char path[AWS_URL_SIZE];
};

/// Whether it has a region's form: letters, digits and hyphens, as a host's label.
bool aws_region_is_sound(const char *region);

/// Writes the URL of a service in a region, as the services' rule sets have it. False: the region is not sound.
bool aws_endpoint_url(const char *service, const char *region, bool fips, bool dual_stack, char url_r[AWS_URL_SIZE]);

/// Takes a URL apart. False: it is no http or https URL without user, query and fragment, or too long.
bool aws_endpoint_read(const char *url, struct aws_endpoint *endpoint_r);

#endif
