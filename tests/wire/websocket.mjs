// SPDX-License-Identifier: MIT OR Unlicense
// examples/wire_websocket with node's own WebSocket: usage: node websocket.mjs EXAMPLE EVENTS
// One who is there from the beginning and one who joins in the middle see the same session; a page of elsewhere sees none.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';

const [example, eventsPath] = process.argv.slice(2);
const must = (condition, text) => { if (!condition) { console.log(`not so: ${text}`); process.exit(1); } };
const timer = setTimeout(() => must(false, 'an end within 20 s'), 20000);
const server = spawn(example, ['0', 'http://localhost:3000'], { stdio: ['pipe', 'pipe', 'inherit'] });
process.on('exit', () => server.kill());
const url = await new Promise(yes => server.stdout.once('data', data => yes(String(data).trim())));
const ended = new Promise(yes => server.on('exit', code => yes(code)));

/** What comes, an event a line; `closed` is the code at the end. */
function connect() {
  const socket = new WebSocket(url), events = [], waiting = [];
  const look = () => waiting.filter(each => each.test()).forEach(each => each.yes());
  socket.onmessage = ({ data }) => {
    must(data.endsWith('\n'), 'whole lines');
    events.push(...data.split('\n').slice(0, -1).map(line => JSON.parse(line)));
    look();
  };
  return {
    events,
    opened: new Promise(yes => { socket.onopen = yes; }),
    closed: new Promise(yes => { socket.onclose = ({ code }) => yes(code); }),
    has: (test) => new Promise(yes => { waiting.push({ test: () => test(events), yes }); look(); }),
  };
}

/** The status of a connection from a page of `origin`. */
const statusFor = (origin) => new Promise((yes) => {
  const asked = request(url.replace('ws:', 'http:'), { headers: { origin, connection: 'upgrade', upgrade: 'websocket',
    'sec-websocket-version': 13, 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' } });
  asked.on('upgrade', (answer, socket) => { socket.destroy(); yes(answer.statusCode); });
  asked.on('response', answer => yes(answer.statusCode));
  asked.on('error', () => yes(0));
  asked.end();
});

/** What a page would show: texts and results by their ids, and how runs ended. */
function shown(events) {
  const all = new Map(), add = (key, text) => all.set(key, (all.get(key) ?? '') + text);
  for (const event of events) {
    if (/^(TEXT|REASONING)_MESSAGE_CONTENT$/.test(event.type)) add(event.messageId, event.delta);
    if (event.type === 'TOOL_CALL_ARGS') add(`${event.toolCallId} input`, event.delta);
    if (event.type === 'TOOL_CALL_RESULT') add(event.toolCallId, event.content);
    if (/^(TEXT_MESSAGE|TOOL_CALL|RUN)_(START|STARTED|END|FINISHED|ERROR)$/.test(event.type))
      add(`${event.type} ${event.messageId ?? event.toolCallId ?? event.runId ?? ''}`, '.');
  }
  return JSON.stringify([...all].sort());
}

const lines = readFileSync(eventsPath, 'utf8').split('\n').slice(0, -1), middle = lines.length >> 1;
const write = (part) => server.stdin.write(part.map(line => `${line}\n`).join(''));
const first = connect();
await first.opened;
write(lines.slice(0, middle));
await first.has(events => events.some(event => event.type === 'TOOL_CALL_START'));
must(await statusFor('http://elsewhere.example') !== 101, 'a page of elsewhere is refused');
must(await statusFor('http://localhost:3000') === 101, 'the page is let in');
const late = connect();
await late.has(events => events.length > 0);
write(lines.slice(middle));
server.stdin.end();
must(await first.closed === 1000 && await late.closed === 1000 && await ended === 0, 'an end in peace');
must(/^RUN_/.test(first.events.at(-1).type) && first.events.filter(e => e.type === 'TEXT_MESSAGE_CONTENT').length > 2, 'a session');
must(late.events.length < first.events.length, 'who joins late gets messages in one piece');
must(shown(late.events) === shown(first.events), `who joins late sees the same: ${shown(first.events)} ${shown(late.events)}`);
clearTimeout(timer);
