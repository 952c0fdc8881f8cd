# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev run: from nothing to a first message read back, then the daemon in the foreground until Ctrl-C.
#
# What it makes is in build/run/<set>, or the folder after --state: posthouse.ini (made once from etc/<set>.ini, yours to edit; only
# `listen` is set anew), the password of both users, the daemon's log and its data. Remove the folder to
# begin anew.

# shellcheck source=scripts/run_aws.sh
. "$ROOT/scripts/run_aws.sh"

POSTMASTER=postmaster
RIDER=rider

# ini_set FILE SECTION KEY VALUE: sets a key in a section of an INI file, which it adds when it is not there.
ini_set() {
    # The value goes by the environment: awk's own assignment would read backslashes in it.
    VALUE=$4 awk -v section="$2" -v key="$3" '
        function put() { if (inside && !done) { print key " = " ENVIRON["VALUE"]; done = 1 } }
        /^\[/ { inside = 0; if ($0 ~ "^\\[" section "\\]") { print; inside = 1; put(); next } }
        inside && $0 ~ "^" key "[ \t]*=" { next }
        { print }
        END { if (!done) { print "[" section "]"; print key " = " ENVIRON["VALUE"] } }
    ' "$1" >"$1.new" && cat "$1.new" >"$1" && rm -f "$1.new"
}

# The first port from 8080 on that nobody listens at.
free_port() {
    local port
    for port in $(seq 8080 8179); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return 0
        fi
    done
    die "no free port from 8080 to 8179; name one with --port"
}

# Makes the state folder and its configuration: run_prepare SET PORT
run_prepare() {
    local ini=$STATE/posthouse.ini
    mkdir -p "$STATE"
    chmod 700 "$STATE"
    if [ ! -s "$STATE/password" ]; then
        (umask 077 && od -An -N18 -tx1 /dev/urandom | tr -d ' \n' >"$STATE/password")
    fi
    [[ $1 != rds && $1 != aws ]] || start_cluster
    [ "$1" != aws ] || start_local_aws
    if [ ! -f "$ini" ]; then
        (umask 077 && cat "$BUILD/etc/$1.ini" >"$ini")
        ini_set "$ini" daemon state_dir "$STATE"
        [ "$1" != mock ] || ini_set "$ini" storage operator "$POSTMASTER:$(cat "$STATE/password")"
    fi
    ini_set "$ini" http listen "127.0.0.1:$2"
    [[ $1 != rds && $1 != aws ]] || ini_set "$ini" storage url "$(cluster url)"
    [ "$1" != aws ] || prepare_local_aws
}

cluster() {
    local command=$1
    shift
    "$ROOT/tests/cluster/postgres" "$command" "$STATE/postgres" "$@"
}

# The private PostgreSQL cluster of the set rds: made once, reached only by the socket in its folder, ended with the daemon.
start_cluster() {
    say "starting PostgreSQL in ${STATE#"$ROOT"/}/postgres"
    # Root's server runs as another user, who has to get to its folder; he may not look around on the way.
    chmod 711 "$STATE"
    trap stop_cluster EXIT
    if [ -f "$STATE/cluster-made" ]; then
        # "restart" also starts one that does not run.
        cluster restart || die "PostgreSQL did not start: see ${STATE#"$ROOT"/}/postgres/log"
        return 0
    fi
    rm -rf "$STATE/postgres"
    cluster make listen_addresses= >/dev/null || die "PostgreSQL could not be set up; --state names another folder"
    touch "$STATE/cluster-made"
}

stop_cluster() {
    if [ -d "$STATE/postgres/data" ]; then cluster stop || true; fi
}

# Starts the daemon in a process group of its own, so that Ctrl-C reaches it once, through stop_daemon.
start_daemon() {
    (umask 077 && : >"$STATE/posthoused.log")
    set -m
    setpriv --pdeathsig TERM "$BUILD/bin/posthoused" -c "$STATE/posthouse.ini" \
        >>"$STATE/posthoused.log" 2>&1 </dev/null &
    DAEMON=$!
    set +m
    trap stop_daemon EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

stop_daemon() {
    trap - EXIT
    trap '' INT TERM
    if kill -TERM "$DAEMON" 2>/dev/null; then
        say "ending the daemon"
    fi
    wait "$DAEMON" 2>/dev/null || true
    stop_local_aws
    stop_cluster
}

# Ends with the daemon's log: run_failed WHAT
run_failed() {
    tail -n 20 "$STATE/posthoused.log" >&2 2>/dev/null || true
    die "$1
  the daemon's log: ${STATE#"$ROOT"/}/posthoused.log; to begin anew: rm -r ${STATE#"$ROOT"/}"
}

wait_ready() {
    local end=$((SECONDS + 60))
    until curl -sf -o "$STATE/ready.json" "$URL/readyz"; do
        kill -0 "$DAEMON" 2>/dev/null || run_failed "the daemon ended while starting"
        [ $SECONDS -lt $end ] || run_failed "the daemon was not ready within 60 s"
        sleep 0.1
    done
}

# api METHOD PATH TOKEN [JSON]: one call; the answer's body in ANSWER, its status in STATUS. Token and body
# go by standard input and file descriptor, never by the command line, which others can read.
api() {
    local method=$1 path=$2 token=$3 body=${4:-} out
    out=$(curl -sS -X "$method" -w '\n%{http_code}' \
        ${token:+-H @<(printf 'Authorization: Bearer %s\n' "$token")} \
        ${body:+-H 'Content-Type: application/json' --data-binary @-} "$URL$path" <<<"$body") ||
        run_failed "$method $path got no answer"
    STATUS=${out##*$'\n'}
    ANSWER=${out%$'\n'*}
}

# expect STATUS…: the last call's status must be one of these.
expect() {
    [[ " $* " == *" $STATUS "* ]] || run_failed "$CALLED answered $STATUS: $ANSWER"
}

# call STATUSES METHOD PATH TOKEN [JSON]
call() {
    local statuses=$1
    shift
    CALLED="$1 $2"
    api "$@"
    # shellcheck disable=SC2086
    expect $statuses
}

login() {
    call 201 POST /v1/sessions '' "$(jq -nc --arg user "$1" --rawfile password "$STATE/password" \
        '{user: $user, password: $password}')"
    TOKEN=$(jq -r .token <<<"$ANSWER")
}

# The operator, once: by the command, directly on the storage. A mock keeps nothing, so it is told in the
# configuration.
make_operator() {
    [ "$1" != mock ] || return 0
    [ ! -f "$STATE/operator-made" ] || return 0
    "$BUILD/bin/posthouse" user add "$POSTMASTER" --operator --password-stdin -c "$STATE/posthouse.ini" \
        <"$STATE/password" || run_failed "could not make the user $POSTMASTER"
    touch "$STATE/operator-made"
}

# Sends a message from one user to the other, reads it there, and acknowledges it.
first_message() {
    local postmaster id after
    login "$POSTMASTER"
    postmaster=$TOKEN
    call '201 409' POST /v1/users "$postmaster" "$(jq -nc --arg user "$RIDER" --rawfile password "$STATE/password" \
        '{user: $user, password: $password, roles: []}')"
    login "$RIDER"
    call 200 GET '/v1/inbox?after=end' "$TOKEN"
    after=$(jq -r .next <<<"$ANSWER")
    call 202 POST /v1/messages "$postmaster" "$(jq -nc --arg to "$RIDER" --arg at "$(date '+%F %T')" \
        '{to: [$to], subject: "The first letter", body: ("Sent by ./dev run at " + $at)}')"
    id=$(jq -r .id <<<"$ANSWER")
    say "sent: message $id from $POSTMASTER to $RIDER"
    call 200 GET "/v1/inbox?after=$after&wait=20" "$TOKEN"
    jq -e --arg id "$id" 'any(.messages[]; .id == $id)' <<<"$ANSWER" >/dev/null ||
        run_failed "message $id was not in ${RIDER}'s inbox after 20 s: $ANSWER"
    jq -r --arg id "$id" '.messages[] | select(.id == $id) |
        "==> read:  \"\(.subject)\" from \(.from), delivered \(.delivered_at)"' <<<"$ANSWER"
    call 200 POST /v1/inbox/ack "$TOKEN" "$(jq -nc --arg id "$id" '{ids: [$id]}')"
    say "acknowledged"
}

what_next() {
    local state=${STATE#"$ROOT"/}
    cat <<END

posthouse listens at $URL with $state/posthouse.ini. Ctrl-C ends it.
The users $POSTMASTER (operator) and $RIDER have the password in $state/password.
In another terminal, in this folder:

  # a session
  TOKEN=\$(jq -nc --arg user $RIDER --rawfile password $state/password '\$ARGS.named' |
    curl -s $URL/v1/sessions -H 'Content-Type: application/json' -d @- | jq -r .token)
  # send yourself a message, then follow your inbox
  curl -s $URL/v1/messages -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' \\
    -d '{"to": ["$RIDER"], "subject": "Hello", "body": "by curl"}' | jq
  curl -s "$URL/v1/inbox?wait=20" -H "Authorization: Bearer \$TOKEN" | jq
  # is everything well?
  curl -s $URL/readyz | jq
  curl -s $URL/metrics | grep posthouse_

  # the same with the command
  build/bin/posthouse --help
  # another set of backends: edit $state/posthouse.ini, or ./dev run mock
$(! [ -d "$STATE/postgres" ] || printf '%s\n' "  # the tables" "  psql '$(cluster url)'")

END
}

dev_run() {
    local set=local once=0 port=
    STATE=
    while [ $# -gt 0 ]; do
        case $1 in
        local | mock | aws | rds) set=$1 ;;
        --once) once=1 ;;
        --port)
            port=${2:-}
            [[ $port =~ ^[0-9]+$ ]] || die "--port needs a number"
            shift
            ;;
        --state)
            [ -n "${2:-}" ] || die "--state needs a folder"
            STATE=$(realpath -m "$2")
            shift
            ;;
        *) die "usage: ./dev run [mock|aws|rds] [--once] [--port N] [--state FOLDER]" ;;
        esac
        shift
    done
    STATE=${STATE:-$BUILD/run/$set}
    need build
    [ "$set" != rds ] || need rds
    [ "$set" != aws ] || need_venv
    build_flavour obj
    [ -f "$BUILD/etc/$set.ini" ] ||
        die "this tree does not hold the plugins of the set '$set' yet (no build/etc/$set.ini); try ./dev run or ./dev run mock"
    port=${port:-$(free_port)}
    URL=http://127.0.0.1:$port
    run_prepare "$set" "$port"
    make_operator "$set"
    say "starting the daemon on the $set set, at $URL"
    start_daemon
    wait_ready
    first_message
    if [ $once = 1 ]; then
        stop_daemon
        return 0
    fi
    what_next
    tail -n 0 -f --pid="$DAEMON" "$STATE/posthoused.log" &
    wait "$DAEMON" || die "the daemon ended with $?"
}
