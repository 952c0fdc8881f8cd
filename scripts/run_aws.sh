# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev run aws: an AWS on this machine for the daemon: the private PostgreSQL cluster of ./dev run rds (run.sh), and
# moto's server, which checks signatures and policies and forgets everything when it ends; the daemon is given exactly the
# policy that `posthouse iam-policy` prints. Sourced by run.sh; STATE is the state folder.

local_aws() { "$VENV/bin/python" "$ROOT/tests/cloud/local_aws.py" "$@"; }

start_moto() {
    local end=$((SECONDS + 60))
    mkdir -p "$STATE/aws"
    rm -f "$STATE/aws/aws.json"
    # A process group of its own: Ctrl-C is for the daemon, which still has something to tell AWS.
    set -m
    (umask 077 && exec setpriv --pdeathsig TERM "$VENV/bin/python" "$ROOT/tests/cloud/local_aws.py" serve "$STATE/aws" \
        >"$STATE/aws/log" 2>&1 </dev/null) &
    LOCAL_AWS=$!
    set +m
    until [ -s "$STATE/aws/aws.json" ]; do
        if ! kill -0 "$LOCAL_AWS" 2>/dev/null || [ $SECONDS -gt $end ]; then
            tail -n 20 "$STATE/aws/log" >&2
            die "moto's server did not start"
        fi
        sleep 0.1
    done
}

# Exports a user's keys: be_user NAME [POLICY]
be_user() {
    local keys
    keys=$(local_aws user "$STATE/aws" "$@") || die "could not make the user $1 in moto"
    AWS_ACCESS_KEY_ID=$(sed -n 's/^AWS_ACCESS_KEY_ID=//p' <<<"$keys")
    AWS_SECRET_ACCESS_KEY=$(sed -n 's/^AWS_SECRET_ACCESS_KEY=//p' <<<"$keys")
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

# Starts it; what is asked of AWS from now on is asked there.
start_local_aws() {
    say "starting moto's server, its log in ${STATE#"$ROOT"/}/aws"
    trap 'stop_local_aws; stop_cluster' EXIT
    start_moto
    AWS_ENDPOINT_URL=$(jq -r .url "$STATE/aws/aws.json")
    export AWS_ENDPOINT_URL AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
    unset AWS_PROFILE AWS_SESSION_TOKEN
}

# Points the configuration at it, makes what it names, and becomes the daemon's user.
prepare_local_aws() {
    local ini=$STATE/posthouse.ini
    ini_set "$ini" queue queue_url "$AWS_ENDPOINT_URL/123456789012/posthouse-jobs"
    be_user administrator-of-posthouse
    # By the socket nobody is asked for the password; it is fetched and given all the same.
    printf '{"password": "not asked for"}' | local_aws secret "$STATE/aws" posthouse/db ||
        die "could not make the secret posthouse/db in moto"
    "$BUILD/bin/posthouse" setup -c "$ini" || die "posthouse setup failed"
    "$BUILD/bin/posthouse" iam-policy -c "$ini" >"$STATE/policy.json" || die "posthouse iam-policy failed"
    be_user posthouse "$STATE/policy.json"
}

stop_local_aws() {
    if [ -n "${LOCAL_AWS:-}" ]; then kill "$LOCAL_AWS" 2>/dev/null || true; fi
}
