// SPDX-License-Identifier: MIT OR Unlicense
// The official client of ACP and asm-agent --acp, against a model that is not there: usage: node client.mjs AGENT MOCK
// Prompts, permissions, cancels at every moment, failures of the model, session/load in the same and in a new process;
// all that the agent sends is judged. Prints what is wrong, and a last line; ends with status 1 if anything is.
import * as acp from '@agentclientprotocol/sdk';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { AcpRules, must } from './acp.mjs';

const [agentPath, mockPath] = process.argv.slice(2).map(path => resolve(path));
const work = mkdtempSync(`${tmpdir()}/acp-`);
const children = [];
const env = { ...process.env, XDG_STATE_HOME: work, ANTHROPIC_API_KEY: 'key-of-the-test', http_proxy: '', https_proxy: '' };
const start = (path, args, stdio) => {
  const child = spawn(path, args, { stdio, env, cwd: work });
  children.push(child);
  return child;
};
const within = (promise, what) => {
  let timer;
  const late = new Promise((_, no) => { timer = setTimeout(() => no(new Error(`${what}: nothing within 20 s`)), 20000); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

writeFileSync(`${work}/script`, [
  { if: 'in pieces', text: 'word '.repeat(400), piece_ms: 10 },
  { if: 'fail', status: 400, error: { type: 'error', error: { type: 'invalid_request_error', message: 'not like this' } } },
].map(line => `${JSON.stringify(line)}\n`).join(''));
const mock = start(mockPath, ['--port', '0', '--script', `${work}/script`], ['ignore', 'pipe', 'inherit']);
const url = await within(new Promise(yes => mock.stdout.once('data', data => yes(String(data).trim()))), 'the model');

/** An agent's process, and the client that speaks with it. */
class Agent {
  constructor() {
    this.child = start(agentPath, ['-u', url, '--api=anthropic', '-m', 'model-1', '--acp'], ['pipe', 'pipe', 'ignore']);
    this.gone = new Promise(yes => this.child.on('exit', code => yes(code)));
    this.sent = [];
    this.newSession();
    let rest = '';
    const judge = new TransformStream({ transform: (bytes, out) => {
      const lines = (rest + Buffer.from(bytes).toString()).split('\n');
      rest = lines.pop();
      for (const line of lines) this.judge(JSON.parse(line));
      out.enqueue(bytes);
    } });
    const stream = acp.ndJsonStream(Writable.toWeb(this.child.stdin), Readable.toWeb(this.child.stdout).pipeThrough(judge));
    const client = acp.client({ name: 'test' })
      .onRequest(acp.methods.client.session.requestPermission, async ({ params }) => {
        this.asked++;
        return { outcome: await this.answer(params) };
      })
      .onNotification(acp.methods.client.session.update, () => this.onUpdate?.());
    this.connected = new Promise(yes => {
      client.connectWith(stream, ctx => { yes(ctx); return new Promise(() => {}); }).catch(() => {}); // ends with the process
    });
  }

  newSession() { this.rules = new AcpRules(); this.asked = 0; this.wrong = undefined; this.sent = []; }

  judge(message) {
    this.sent.push(message);
    try {
      if (message.result?.stopReason || message.method) this.rules.agent(message);
    } catch (error) { this.wrong ??= error; }
  }

  async open() {
    this.context = await within(this.connected, 'the connection');
    await this.request(acp.methods.agent.initialize, { protocolVersion: acp.PROTOCOL_VERSION, clientCapabilities: {} });
  }

  request(method, params) { return within(this.context.request(method, params), method); }

  /** A prompt; `cancelAt`: session/cancel comes with that update, or, where it is 'asked', with the permission. */
  async prompt(sessionId, text, { answer = 'allow', cancelAt } = {}) {
    let updates = 0;
    const cancel = () => this.context.notify(acp.methods.agent.session.cancel, { sessionId });
    this.answer = async () => {
      if (cancelAt === 'asked') cancel();
      if (answer === 'cancelled') return { outcome: 'cancelled' };
      return { outcome: 'selected', optionId: answer };
    };
    this.onUpdate = () => { if (++updates === cancelAt) cancel(); };
    try {
      return (await this.request(acp.methods.agent.session.prompt, { sessionId, prompt: [{ type: 'text', text }] })).stopReason;
    } catch (error) { return `error ${error.code}`; }
  }

  async close() {
    this.child.stdin.end();
    must(await within(this.gone, 'the end') === 0, 'the agent ends with an error');
  }
}

let tried = 0, failed = 0;
const check = async (what, run) => {
  tried++;
  try { await run(); } catch (error) {
    failed++;
    console.log(`not so: ${what}: ${error.message}`);
  }
};
const command = (line) => `call run_command ${JSON.stringify({ command: line })}`;
const texts = (sent, kind) => sent.filter(m => m.params?.update?.sessionUpdate === kind).map(m => m.params.update.content.text).join('');
const updatesOf = (sent, kind) => sent.map(m => m.params?.update).filter(u => u?.sessionUpdate === kind);

const agent = new Agent();
await agent.open();
const fresh = async () => {
  agent.newSession();
  return (await agent.request(acp.methods.agent.session.new, { cwd: work, mcpServers: [] })).sessionId;
};

/** A session of its own for a prompt; its calls are announced once, and it can go on. */
const turn = (what, text, options, stop, permissions = 0) => check(what, async () => {
  const id = await fresh();
  const got = await agent.prompt(id, text, options);
  must(stop.includes(got), `its end is ${got}`);
  must(permissions === null || agent.asked === permissions, `asked ${agent.asked} times`);
  const again = await agent.prompt(id, 'and now');
  must(again === 'end_turn' && texts(agent.sent, 'agent_message_chunk').includes('and now'), `it does not go on: ${again}: ${texts(agent.sent, 'agent_message_chunk')}`);
  const calls = updatesOf(agent.sent, 'tool_call').filter(u => u.name === 'run_command');
  must(calls.length <= (text.match(/run_command/g)?.length ?? 0), `${calls.length} calls are announced`);
  if (agent.wrong) throw agent.wrong;
});

await turn('a prompt', 'hello', {}, ['end_turn']);
await turn('allowed', command('echo done'), {}, ['end_turn'], 1);
await turn('rejected', command('echo done'), { answer: 'reject' }, ['end_turn'], 1);
await turn('answered with cancelled', command('echo done'), { answer: 'cancelled' }, ['end_turn', 'cancelled'], 1);
await turn('cancelled while it asks, and allowed too late', command('echo done'), { cancelAt: 'asked' }, ['cancelled'], 1);
await turn('cancelled while it asks', command('echo done'), { cancelAt: 'asked', answer: 'cancelled' }, ['cancelled'], 1);
for (let at = 1; at <= 8; at++)
  await turn(`cancelled at update ${at}`, command('sleep 0.2'), { cancelAt: at }, ['cancelled', 'end_turn'], null);
await turn('cancelled while a command runs', command('sleep 30'), { cancelAt: 3 }, ['cancelled'], null);
await turn('cancelled while it speaks', 'in pieces', { cancelAt: 2 }, ['cancelled']);
await turn('a model that refuses', 'fail', {}, ['error -32603']);

await check('session/load', async () => {
  const id = await fresh();
  await agent.prompt(id, command('echo one'));
  await agent.prompt(id, command('echo two'), { answer: 'reject' });
  await agent.prompt(id, command('echo three'), { cancelAt: 'asked' });
  if (agent.wrong) throw agent.wrong;
  const before = updatesOf(agent.sent, 'tool_call').length, said = texts(agent.sent, 'agent_message_chunk');
  must(before === 3, `${before} calls`);
  const load = async (each) => {
    each.newSession();
    await each.request(acp.methods.agent.session.load, { sessionId: id, cwd: work, mcpServers: [] });
    if (each.wrong) throw each.wrong;
    each.rules.ended();
    must(updatesOf(each.sent, 'tool_call').length === before, `${updatesOf(each.sent, 'tool_call').length} calls are loaded`);
    must(texts(each.sent, 'agent_message_chunk') === said, 'what was said is not the same');
    must(texts(each.sent, 'user_message_chunk').includes('echo three'), 'the prompts are not told');
    must(each.asked === 0, 'what is over is asked for again');
  };
  await load(agent);
  await agent.close();
  const later = new Agent();
  await later.open();
  await load(later);
  must(await later.prompt(id, 'go on') === 'end_turn', 'it does not go on');
  if (later.wrong) throw later.wrong;
  await later.close();
});

for (const child of children) child.kill('SIGKILL');
rmSync(work, { recursive: true, force: true });
console.log(`the client of ACP: ${tried} sessions, ${tried - failed} as they should be`);
process.exit(failed ? 1 : 0);
