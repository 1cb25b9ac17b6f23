// SPDX-License-Identifier: MIT OR Unlicense
// Judges what asm_wire.h writes with the packages that its readers use: usage: node check.mjs [--seconds=N] < STREAMS
// STREAMS, as `test_wire_content --print` writes them: a line FORMAT, NAME, SIZE with tabs between, and SIZE bytes; again.
// Prints what is refused, and a last line; ends with status 1 if anything is. After N seconds the rest is only counted.
import { createRequire } from 'node:module';
import { HttpAgent } from '@ag-ui/client';
import { EventSchema } from '@ag-ui/core/schemas';
import * as ai7 from 'ai';
import * as ai6 from 'ai6';
import { AcpRules, must } from './acp.mjs';

const require = createRequire(import.meta.url);
const { CloudEvent } = require('cloudevents');
const { opentelemetry } = require('@opentelemetry/otlp-transformer/build/src/generated/root.js');
const conventions = require('@opentelemetry/semantic-conventions/incubating');

const decoder = new TextDecoder('utf-8', { fatal: true });
let warning;
console.warn = console.error = (...words) => { warning ??= words.join(' '); };

// The packages copy all that there is of a message for whoever looks at it after each part, which of long streams takes the
// square of their length: those are read without copies. Nobody looks but at the end.
const clone = globalThis.structuredClone, LONG = 65536;
const copying = (bytes) => { globalThis.structuredClone = bytes.length > LONG ? value => value : clone; };

const bodyOf = (bytes) => new ReadableStream({
  start(controller) {
    for (let at = 0; at < bytes.length; at += 1500) controller.enqueue(bytes.subarray(at, at + 1500));
    controller.close();
  },
});

/** The data of each server-sent event; no line may be anything but data or an id. */
function frames(bytes) {
  const text = decoder.decode(bytes), all = [];
  must(!/[\r\0]/.test(text), 'CR or NUL');
  must(text.endsWith('\n\n'), 'the last event is not ended');
  for (const frame of text.slice(0, -2).split('\n\n')) {
    const lines = frame.split('\n').filter(line => !/^id: \d+\.\d+$/.test(line));
    must(lines.length === 1 && lines[0].startsWith('data: '), `not one line of data: ${frame.slice(0, 60)}`);
    all.push(lines[0].slice(6));
  }
  return all;
}

function lines(bytes) {
  const text = decoder.decode(bytes);
  must(text === '' || text.endsWith('\n'), 'the last line is not ended');
  return text.split('\n').slice(0, -1).map(line => JSON.parse(line));
}

async function agUi(bytes) {
  if (!bytes.length) return; // no run
  const events = frames(bytes).map(data => JSON.parse(data));
  for (const event of events) {
    const result = EventSchema.safeParse(event);
    must(result.success, `${event.type}: ${result.error?.issues[0]?.path} ${result.error?.issues[0]?.message}`);
    must(event.delta !== '', `${event.type}: an empty delta`);
  }
  warning = undefined;
  const agent = new HttpAgent({ url: 'http://localhost/', fetch: async () =>
    new Response(bodyOf(bytes), { headers: { 'content-type': 'text/event-stream' } }) });
  await agent.runAgent({});
  must(!warning, warning);
  must(/^RUN_(FINISHED|ERROR)$/.test(events.at(-1).type), `ends with ${events.at(-1).type}`);
  const results = new Set();
  for (const event of events) {
    if (event.type !== 'TOOL_CALL_RESULT') continue;
    must(!results.has(event.toolCallId), `two results of ${event.toolCallId}`);
    results.add(event.toolCallId);
  }
}

async function aiSdk(bytes) {
  const data = frames(bytes);
  must(data.pop() === '[DONE]', 'no [DONE]');
  for (const [name, sdk] of [['7', ai7], ['6', ai6]]) {
    const chunks = [];
    for await (const part of sdk.parseJsonEventStream({ stream: bodyOf(bytes), schema: sdk.uiMessageChunkSchema })) {
      must(part.success, `version ${name}: ${JSON.stringify(data[chunks.length]).slice(0, 200)}: ${part.error?.message?.slice(0, 100)}`);
      chunks.push(part.value);
    }
    must(chunks.length === data.length && chunks[0]?.type === 'start', `version ${name}: ${chunks.length} chunks of ${data.length}`);
    const told = chunks.filter(chunk => chunk.type === 'error').map(chunk => chunk.errorText);
    const last = chunks.filter(chunk => !/^(data-|message-metadata)/.test(chunk.type)).at(-1).type;
    must(/^(finish|abort|error)$/.test(last), `version ${name}: ends with ${last}`);
    let failure, message;
    const stream = new ReadableStream({ start(c) { chunks.forEach(chunk => c.enqueue(chunk)); c.close(); } });
    for await (const each of sdk.readUIMessageStream({ stream, onError: (e) => { if (!told.includes(e.message)) failure ??= e.message; } }))
      message = each;
    must(!failure, `version ${name}: ${failure}`);
    for (const part of message?.parts ?? [])
      must(last !== 'finish' || !/^(streaming|input-streaming|input-available)$/.test(part.state ?? ''), `version ${name}: ${part.type} is ${part.state}`);
  }
}

function acpMessages(bytes) {
  const rules = new AcpRules();
  for (const message of lines(bytes)) rules.agent(message);
  rules.ended();
}

const Request = opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
const names = new Set(Object.entries(conventions).filter(([key]) => key.startsWith('ATTR_')).map(([, value]) => value));
function otlp(bytes) {
  const spans = new Map();
  for (const request of lines(bytes)) {
    const error = Request.verify(Request.fromObject(request));
    must(!error, error);
    for (const resource of request.resourceSpans) for (const scope of resource.scopeSpans) for (const span of scope.spans) {
      const at = `span ${span.name}`;
      must(/^(?!0+$)[0-9a-f]{32}$/.test(span.traceId) && /^(?!0+$)[0-9a-f]{16}$/.test(span.spanId), `${at}: ids`);
      must(!spans.has(span.traceId + span.spanId), `${at}: an id twice`);
      spans.set(span.traceId + span.spanId, span);
      must([1, 3].includes(span.kind) && /^\d+$/.test(span.startTimeUnixNano) && BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano), `${at}: kind or times`);
      const attributes = new Map(span.attributes.map(a => [a.key, Object.values(a.value)[0]]));
      must(attributes.size === span.attributes.length, `${at}: an attribute twice`);
      for (const key of attributes.keys()) must(!/^(gen_ai|error)\./.test(key) || names.has(key), `${at}: ${key} is no name of the conventions`);
      must(span.status?.code !== 2 || attributes.has('error.type'), `${at}: no error.type`);
      const operation = attributes.get('gen_ai.operation.name');
      must(!operation || span.name.startsWith(operation), `${at}: its operation is ${operation}`);
    }
  }
  for (const span of spans.values())
    must(!span.parentSpanId || spans.has(span.traceId + span.parentSpanId), `span ${span.name}: no parent`);
}

function cloudEvents(bytes) {
  const seen = new Set();
  for (const event of lines(bytes)) {
    new CloudEvent(event).validate();
    must(event.specversion === '1.0' && event.id && event.type && event.source, 'a required attribute');
    const key = `${event.source} ${event.id}`;
    must(!seen.has(key), `${key} twice`);
    seen.add(key);
  }
}

/** No package judges this format: slices of a track must nest, what is asynchronous must end as often as it begins. */
function trace(bytes) {
  if (!bytes.length) return;
  const tracks = new Map(), open = new Map(), flows = new Set();
  for (const event of JSON.parse(decoder.decode(bytes))) {
    const track = `${event.pid}/${event.tid}`, key = `${event.pid} ${event.cat} ${event.id}`;
    must('BEXibeCMsf'.includes(event.ph) && Number.isInteger(event.pid) && event.ts >= 0 && event.name, JSON.stringify(event).slice(0, 120));
    if (!tracks.has(track)) tracks.set(track, []);
    const slices = tracks.get(track);
    if (event.ph === 'B') slices.push({ begin: event.ts, end: Infinity });
    if (event.ph === 'X') slices.push({ begin: event.ts, end: event.ts + event.dur });
    if (event.ph === 'E') {
      const slice = slices.findLast(s => s.end === Infinity);
      must(slice && event.ts >= slice.begin, `${event.name}: nothing to end`);
      slice.end = event.ts;
    }
    if (event.ph === 'b') open.set(key, (open.get(key) ?? 0) + 1);
    if (event.ph === 'e') { must(open.get(key), `${key} is not open`); open.set(key, open.get(key) - 1); }
    must(!'sf'.includes(event.ph) || Number.isSafeInteger(event.id), `flow ${event.id}: Perfetto wants a number`);
    if (event.ph === 's') flows.add(event.id);
    must(event.ph !== 'f' || flows.has(event.id), `flow ${event.id} has no start`);
  }
  for (const [key, count] of open) must(!count, `${key} is open at the end`);
  for (const [track, slices] of tracks) {
    const stack = [];
    for (const slice of slices.sort((a, b) => a.begin - b.begin || b.end - a.end)) {
      while (stack.length && stack.at(-1).end <= slice.begin) stack.pop();
      must(!stack.length || slice.end <= stack.at(-1).end, `track ${track}: a slice reaches out of another`);
      stack.push(slice);
    }
  }
}

const judges = { 'ag-ui': agUi, 'ai-sdk': aiSdk, acp: acpMessages, otlp, cloudevents: cloudEvents, trace };
const seconds = Number(/^--seconds=(\d+)$/.exec(process.argv[2] ?? '')?.[1] ?? 0), until = Date.now() + seconds * 1000;
let rest = Buffer.alloc(0), judged = 0, passed = 0, left = 0;
async function take(format, name, bytes) {
  if (seconds && Date.now() > until) { left++; return; }
  judged++;
  try {
    must(judges[format], 'an unknown format');
    copying(bytes);
    await judges[format](bytes);
    passed++;
  } catch (error) {
    if (judged - passed <= 20) console.log(`refused: ${name}: ${String(error?.message ?? error).replace(/\s+/g, ' ').slice(0, 300)}`);
  }
}
// A stream's pieces are put together once, when they are all there.
let pieces = [], gathered = 0, wanted = 0;
for await (const piece of process.stdin) {
  pieces.push(piece);
  if ((gathered += piece.length) < wanted) continue;
  rest = Buffer.concat(pieces);
  for (wanted = 0;;) {
    const end = rest.indexOf(10), [format, name, size] = rest.subarray(0, Math.max(end, 0)).toString().split('\t');
    if (end >= 0) wanted = end + 1 + Number(size);
    if (end < 0 || rest.length < wanted) break;
    await take(format, name, new Uint8Array(rest.subarray(end + 1, wanted)));
    rest = rest.subarray(wanted);
    wanted = 0;
  }
  pieces = [rest];
  gathered = rest.length;
}
console.log(`${judged} streams judged, ${passed} accepted${left ? `, ${left} left out for want of time` : ''}`);
process.exitCode = judged > 0 && judged === passed && rest.length === 0 ? 0 : 1;
