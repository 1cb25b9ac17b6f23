#!/bin/sh
# The bridge to NATS with one nats-server and with three: publisher, consumer and servers are killed at random moments;
# in the end the consumer's log has every event once, in order. The same of addresses nats:// given to the programs.
#
#     sh tests/nats.sh [KILLS]     of each kind (2)
set -u
cd "$(dirname "$0")/.." || exit 1
bridge=${BUILD:-build}/examples/nats_bridge kills=${1:-2}
command -v nats-server > /dev/null || { echo "skipped: $(sh tests/hint.sh nats-server)"; exit 0; }
[ -x "$bridge" ] || { echo "skipped: $(sh tests/hint.sh nats)"; exit 0; }
bridge=$(cd "$(dirname "$bridge")" && pwd)/nats_bridge
tools=$(cd "${BUILD:-build}" && pwd)
hint=$(sh tests/hint.sh mosquitto)
work=$(mktemp -d) || exit 1
cd "$work" || exit 1
pids=
cleanup() {
    for pid in $pids; do kill -9 "$pid" 2> /dev/null; done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
failed=0 leaders=0
fail() { echo "nats: $*"; failed=1; }

# Nothing is waited for without an end: a program that hangs is killed, and what it should have done is missed.
limited() { timeout -k 5 20 "$@"; }
# ended PID: waits for a process that ends by itself or was told to; its status.
ended() {
    for _ in $(seq 1 300); do
        kill -0 "$1" 2> /dev/null || { wait "$1" 2> /dev/null; return; }
        sleep 0.1
    done
    fail "process $1 did not end in 30 s"
    kill -9 "$1"
    wait "$1" 2> /dev/null
}

random() { awk -v seed="$1" -v below="$2" 'BEGIN { srand(seed); print int(rand() * below) }'; }
base=$((20000 + $(random $$ 10000)))

# config N COUNT: nN.conf of a server of COUNT.
config() {
    routes=$(for i in $(seq 1 "$2"); do printf '"nats://127.0.0.1:%d", ' $((base + 10 + i)); done)
    {
        echo "listen: 127.0.0.1:$((base + $1))"
        echo "server_name: n$1"
        echo "jetstream { store_dir: \"$work/store$2-$1\" }"
        [ "$2" -eq 1 ] || echo "http: 127.0.0.1:$((base + 20 + $1))"
        [ "$2" -eq 1 ] || echo "cluster { name: c, listen: 127.0.0.1:$((base + 10 + $1)), routes: [ ${routes%, } ] }"
    } > "n$1.conf"
}

start_server() {
    nats-server -c "n$1.conf" > "n$1.log" 2>&1 &
    eval "server$1=$!"
    pids="$pids $!"
}

kill_server() { eval "kill -9 \$server$1" && eval "wait \$server$1" 2> /dev/null; }

# leader STREAM SERVERS: the number of the server that leads the stream, as another tells; nothing if nobody knows.
leader() {
    command -v curl > /dev/null || return
    for i in $(seq 1 "$2"); do
        curl -s --max-time 2 "http://127.0.0.1:$((base + 20 + i))/jsz?accounts=true&streams=true" |
            awk -v name="\"name\": \"$1\"" 'index($0, name) { found = 1 } found && /"leader": "n/ { gsub(/[^0-9]/, ""); print; exit }'
    done | head -n 1
}

events() {
    awk -v count="$1" 'BEGIN { for (i = 1; i <= count; i++)
        printf "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"%d\"},\"session_id\":\"ses.%d *\"}\n", i, i % 3 }'
}

# The numbers in the consumer's log, and those that there should be.
compare() {
    sed 's/.*"delta":"\([0-9]*\)".*/\1/' copy.jsonl > got.txt
    seq 1 "$1" | cmp -s - got.txt || fail "$2: $(wc -l < got.txt) of $1 events, $(sort -n got.txt | uniq | wc -l) different"
}

# run NAME SERVERS EVENTS VICTIM: the log grows while VICTIM is killed again and again.
run() {
    name=$1 servers=$2 count=$3 victim=$4
    rm -f log.jsonl log.jsonl.sent copy.jsonl
    url=$(for i in $(seq 1 "$servers"); do printf ',nats://127.0.0.1:%d' $((base + i)); done)
    set -- --url="${url#,}" --prefix="$name" --replicas="$servers"
    : > log.jsonl
    "$bridge" "$@" publish log.jsonl 2> publish.log & publisher=$!
    "$bridge" "$@" consume copy.jsonl 2> consume.log & consumer=$!
    for round in $(seq 1 "$kills"); do
        events $((count * round / kills)) | tail -n +$(($(wc -l < log.jsonl) + 1)) >> log.jsonl
        sleep "0.$(random "$((round * 7919 + base))" 6)"
        case $victim in
            publisher) kill -9 $publisher; "$bridge" "$@" publish log.jsonl 2>> publish.log & publisher=$! ;;
            consumer) kill -9 $consumer; "$bridge" "$@" consume copy.jsonl 2>> consume.log & consumer=$! ;;
            server | leader)
                number=
                [ "$victim" = server ] || number=$(leader "$name" "$servers")
                [ -z "$number" ] || leaders=$((leaders + 1))
                [ -n "$number" ] || number=$((1 + $(random "$round" "$servers")))
                kill_server "$number"
                sleep 0.3
                start_server "$number"
                ;;
        esac
    done
    for _ in $(seq 1 300); do
        [ "$(wc -l < copy.jsonl)" -ge "$count" ] && break
        sleep 0.1
    done
    sleep 0.3
    kill $publisher $consumer
    ended $publisher
    ended $consumer
    compare "$count" "$name"
}

ids() { "$bridge" subject "$1"; }
[ "$(ids 'asm:session:a.b *c%>:type:x')" = 'asm.session.a%2Eb%20%2Ac%25%3E.type.x' ] || fail 'a topic became another subject'
[ "$(ids 'asm:*:**')" = 'asm.*.>' ] || fail 'a pattern became another subject'
[ "$("$bridge" topic 'asm.session.a%2Eb%20%2Ac%25%3E.type.x')" = 'asm:session:a.b *c%>:type:x' ] || fail 'a subject became another topic'

config 1 1
start_server 1
run one_publisher 1 2000 publisher
run one_consumer 1 2000 consumer
run one_server 1 2000 server

# A queue on disk while the server is away; what it has no room for is told.
kill_server 1
events 300 | limited "$bridge" --url="nats://127.0.0.1:$((base + 1))" --prefix=queued --append publish queue.jsonl 2> queue.log &
queued=$!
events 300 | limited "$bridge" --url="nats://127.0.0.1:$((base + 1))" --prefix=full --limit=2000 --append publish full.jsonl 2> full.log &
full=$!
sleep 1
start_server 1
ended $queued
ended $full
for prefix in queued full; do
    limited "$bridge" --url="nats://127.0.0.1:$((base + 1))" --prefix=$prefix --until-end consume $prefix.copy 2> /dev/null
done
# What is too long for a message, and a line that is no event, are said; what follows comes.
{ printf '{"type":"message_streamed","data":{"delta":"%01000000d"}}\nno event\n' 0; events 1; } > long.jsonl
limited "$bridge" --url="nats://127.0.0.1:$((base + 1))" --prefix=long --until-end publish long.jsonl 2> long.log
limited "$bridge" --url="nats://127.0.0.1:$((base + 1))" --prefix=long --until-end consume long.copy 2> /dev/null
[ "$(grep -c 'not sent' long.log)" -eq 2 ] || fail "what is not sent is not said: $(cat long.log)"
[ "$(grep -c message_streamed long.copy)" -eq 1 ] || fail "after a long line came $(wc -l < long.copy) of 1"
[ "$(grep -c message_streamed queued.copy)" -eq 300 ] || fail "of a queue came $(wc -l < queued.copy) of 300"
kept=$(grep -c message_streamed full.copy)
dropped=$(sed -n 's/.*"dropped":\([0-9]*\).*/\1/p' full.copy | awk '{ sum += $1 } END { print sum + 0 }')
[ "$kept" -lt 300 ] && [ $((kept + dropped)) -eq 300 ] || fail "a full queue: $kept came, $dropped told as dropped"
limited "$bridge" --url="nats://127.0.0.1:$((base + 1))" --prefix=queued who | grep -q . || fail 'no publisher is told'
kill_server 1

# Addresses: asm-cat writes and reads, while the server is killed, and the reader; asm-live shows what the stream has.
XDG_STATE_HOME=$work/state
export XDG_STATE_HOME
start_server 1
address=nats://127.0.0.1:$((base + 1))
# It takes as long as the kills do.
slowly() { events "$1" | awk -v kills="$kills" '{ print; fflush() } NR % 20 == 0 { system("sleep " kills / 100) }'; }
slowly 2000 | "$tools/asm-cat" -q --jsonl="$address/address?wait=20" > /dev/null 2> write.log & writer=$!
rm -f copy.jsonl
read_on() { "$tools/asm-cat" -q -F --jsonl=copy.jsonl "$address/address?after=copy.jsonl" > /dev/null 2>> read.log & reader=$!; }
read_on
"$tools/asm-live" --port=0 "$address/address" > live.url 2> live.log & live=$!
pids="$pids $live"
for round in $(seq 1 "$kills"); do
    sleep "0.$((3 + $(random "$((round * 104729 + base))" 4)))"
    kill_server 1
    kill -9 $reader
    sleep 0.3
    start_server 1
    read_on
done
ended $writer || fail "writing to an address: $(cat write.log)"
for _ in $(seq 1 150); do [ "$(wc -l < copy.jsonl)" -ge 2000 ] && break; sleep 0.1; done
sleep 0.3
kill $reader
ended $reader
compare 2000 'an address'
if command -v curl > /dev/null; then
    token=$(sed 's/.*token=//' live.url)
    site=$(sed 's|/?token.*||' live.url)
    for _ in $(seq 1 100); do
        curl -s --max-time 5 -H "Authorization: Bearer $token" "$site/api/list" > list.json
        [ "$(grep -o '"events":[0-9]*' list.json | awk -F : '{ sum += $2 } END { print sum }')" = 2000 ] && break
        sleep 0.1
    done
    for number in 0 1 2; do
        key=$(grep -o "\"key\":\"[^\"]*ses.$number[^\"]*\"" list.json | cut -d '"' -f 4)
        curl -s --max-time 5 -H "Authorization: Bearer $token" "$site/api/sessions/$key/history?limit=5000" |
            sed 's/.*"delta":"\([0-9]*\)".*/\1/' > got.txt
        seq 1 2000 | awk -v rest=$number '$1 % 3 == rest' | cmp -s - got.txt ||
            fail "the page has $(wc -l < got.txt) events of session $number"
    done
fi
kill $live
# starts PLACE COUNT: how many events there are from there on.
starts() {
    count=$(limited "$tools/asm-cat" -q --jsonl=- "$address/$1" | wc -l)
    [ "$count" -eq "$2" ] || fail "$1: $count events of $2"
}
starts address 2000
starts 'address?from=last' 1
starts 'address?from=1991' 10
starts 'address?from=2020-01-01T00:00:00Z' 2000
starts 'address?from=2100-01-01T00:00:00Z' 0
starts 'address.session.*.type.message_streamed?from=2000' 1
starts 'address.session.ses%2E1%20%2A' 667
"$tools/asm-cat" -q --jsonl=new.jsonl -F "$address/address?from=new" > /dev/null & reader=$!
sleep 0.5
printf '%s\n' '{"type":"message_streamed","data":{"delta":"tee"},"session_id":"t"}' > one.jsonl
limited "$tools/asm-tee" --jsonl="$address/address" -- cat one.jsonl > /dev/null 2> tee.log
for _ in $(seq 1 50); do [ -s new.jsonl ] && break; sleep 0.1; done
kill $reader
[ "$(grep -c '"delta":"tee"' new.jsonl)" -eq 1 ] && [ "$(wc -l < new.jsonl)" -eq 1 ] ||
    fail "of asm-tee came: $(cat new.jsonl tee.log)"

# says WORDS ARGUMENT...: asm-cat fails, and says them.
says() {
    words=$1
    shift
    limited "$tools/asm-cat" -q "$@" > out.log 2>&1 < /dev/null
    status=$?
    [ $status -eq 2 ] && grep -qF -- "$words" out.log || fail "$*: status $status: $(cat out.log)"
    ! grep -q secret out.log || fail "a password is told: $(cat out.log)"
}
says 'there is no stream elsewhere' "nats://me:secret@127.0.0.1:$((base + 1))/elsewhere"
says 'unknown parameter fro=1' "$address/address?fro=1"
says "must be all, new, last" "$address/address?from=yesterday"
says 'after the host comes a subject' "$address/"
says 'after the host comes a subject' "$address/a..b"
says 'below one name' --jsonl="$address/address.x" one.jsonl
says 'only events go there' --log="$address/address" one.jsonl
mkdir elsewhere
cp "$tools/asm-cat" elsewhere
PATH=/bin:/usr/bin limited elsewhere/asm-cat "$address/address" > out.log 2>&1
[ $? -eq 2 ] && grep -q 'needs asm-nats' out.log || fail "without asm-nats: $(cat out.log)"
kill_server 1
says 'no server answers' "$address/address"
# One that dies in mid-reading: what came is whole, and the end is an error, soon. A server sends some MB ahead, no more.
start_server 1
awk 'BEGIN { for (i = 0; i < 12; i++) printf "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"%0700000d\"}}\n", i }' |
    limited "$tools/asm-cat" -q --jsonl="$address/large" > /dev/null 2> out.log || fail "large events: $(cat out.log)"
mkfifo read
limited "$tools/asm-cat" -q --jsonl=- "$address/large?from=2&wait=2" > read 2> out.log & reader=$!
exec 4< read
head -c 1000 <&4 > /dev/null
kill_server 1
lines=$(wc -l <&4)
exec 4<&-
ended $reader
[ $? -eq 2 ] && grep -q 'do not answer any more' out.log || fail "a server that dies while it is read: $(cat out.log)"
[ "$lines" -ge 1 ] && [ "$lines" -lt 11 ] || fail "of a server that died came $lines events"
# What no server takes waits in the queue, which is bounded, for the next writer: also of one that is there and says nothing.
start_server 1
kill -STOP "$server1"
events 20 | limited "$tools/asm-cat" -q --jsonl="$address/later?queue=later.jsonl&wait=1" > /dev/null 2> out.log
[ $? -eq 2 ] && grep -q 'they wait in later.jsonl' out.log || fail "a silent server: $(cat out.log)"
kill -CONT "$server1"
limited "$tools/asm-cat" -q --jsonl="$address/later?queue=later.jsonl" /dev/null > /dev/null 2>&1
starts later 20
kill_server 1
printf 'authorization { user: me, password: "secret" }\n' >> n1.conf
start_server 1
says 'no server lets us in' "nats://me:wrong@127.0.0.1:$((base + 1))/later"
count=$(limited "$tools/asm-cat" -q --jsonl=- "nats://me:secret@127.0.0.1:$((base + 1))/later" | wc -l)
[ "$count" -eq 20 ] || fail "with a password came $count of 20"
kill_server 1

# A small device speaks MQTT: what it publishes is in the stream, and it hears what the stream is given.
if command -v mosquitto_pub > /dev/null && command -v mosquitto_sub > /dev/null; then
    config 1 1
    echo "mqtt { host: 127.0.0.1, port: $((base + 30)) }" >> n1.conf
    start_server 1
    limited "$tools/asm-cat" -q --jsonl="$address/device" one.jsonl > /dev/null 2>&1 # which makes the stream
    limited mosquitto_sub -h 127.0.0.1 -p $((base + 30)) -i hears -c -q 1 -C 1 -t 'device/session/+/type/run_started' > heard.txt & hears=$!
    sleep 0.5
    n=0
    for number in 1 2 3; do
        printf '{"type":"message_streamed","data":{"delta":"%s"},"session_id":"board"}' $number |
            limited mosquitto_pub -h 127.0.0.1 -p $((base + 30)) -i board -q 1 -s -t device/session/board/type/message_streamed || n=$((n + 1))
    done
    [ $n -eq 0 ] || fail "MQTT: $n of 3 were not taken"
    limited "$tools/asm-cat" -q --jsonl=- "$address/device.session.board" | sed 's/.*"delta":"\([0-9]*\)".*/\1/' > got.txt
    [ "$(tr '\n' ' ' < got.txt)" = '1 2 3 ' ] || fail "MQTT: the stream has $(cat got.txt)"
    echo '{"type":"run_started","data":{"title":"for the board"},"session_id":"b"}' > told.jsonl
    limited "$tools/asm-cat" -q --jsonl="$address/device" told.jsonl > /dev/null 2>&1
    ended $hears
    grep -q 'for the board' heard.txt || fail "MQTT: a subscriber hears: $(cat heard.txt)"
    kill_server 1
else
    echo "skipped: MQTT: $hint"
fi

for i in 1 2 3; do config $i 3; start_server $i; done
run three_publisher 3 1500 publisher
run three_consumer 3 1500 consumer
run three_leader 3 1500 leader
[ $failed -eq 0 ] && echo "nats: $kills kills of each kind ($leaders of a leader), nothing lost, nothing twice"
exit $failed
