// SPDX-License-Identifier: MIT OR Unlicense
// usage: node tee.mjs ASM-TEE
// The protocol's own client and agent (@agentclientprotocol/sdk) with asm-tee between them: all bytes pass, 5 MB messages too,
// and a permission that a second person gives on the page reaches the agent once, while the client is told to ask no more.
// With `agent DIRECTORY` it is the agent: what it hears and says is kept there.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {setTimeout as sleep} from 'node:timers/promises';
import * as acp from '@agentclientprotocol/sdk';

const self = fileURLToPath(import.meta.url);
const big = 'x'.repeat(5 << 20);
const must = (is, words) => {
    if (!is) throw new Error(words);
};

/** A stream of messages over two of node's streams, and all bytes that came and went. */
function streamOf(from, to) {
    const heard = [], said = [];
    let isOver = false;
    const input = new ReadableStream({
        start(controller) {
            from.on('data', bytes => {
                heard.push(bytes);
                if (!isOver) controller.enqueue(new Uint8Array(bytes));
            });
            from.on('end', () => isOver || controller.close());
        },
        cancel() {
            isOver = true;
        }
    });
    const output = new WritableStream({write: bytes => new Promise(done => {
        said.push(Buffer.from(bytes));
        to.write(bytes, () => done());
    })});
    return {stream: acp.ndJsonStream(output, input), heard: () => Buffer.concat(heard), said: () => Buffer.concat(said)};
}

async function beAgent(directory) {
    const {stream, heard, said} = streamOf(process.stdin, process.stdout);
    process.stdin.on('end', () => {
        fs.writeFileSync(path.join(directory, 'heard'), heard());
        fs.writeFileSync(path.join(directory, 'said'), said());
        process.exit(3);
    });
    const options = [{optionId: 'ok', name: 'Allow', kind: 'allow_once'}, {optionId: 'no', name: 'Reject', kind: 'reject_once'}];
    acp.agent({name: 'made-up'})
        .onRequest(acp.methods.agent.initialize, () => ({protocolVersion: acp.PROTOCOL_VERSION, agentCapabilities: {}}))
        .onRequest(acp.methods.agent.session.new, () => ({sessionId: 's1'}))
        .onRequest(acp.methods.agent.session.prompt, async ({params, client}) => {
            const {sessionId} = params, say = update => client.notify(acp.methods.client.session.update, {sessionId, update});
            await say({sessionUpdate: 'tool_call', toolCallId: 'c1', title: 'ls', kind: 'execute', status: 'pending', rawInput: {command: 'ls'}});
            const {outcome} = await client.request(acp.methods.client.session.requestPermission, {sessionId, toolCall: {toolCallId: 'c1'}, options});
            await say({sessionUpdate: 'agent_message_chunk', content: {type: 'text', text: (outcome.optionId ?? outcome.outcome) + params.prompt[0].text}});
            return {stopReason: 'end_turn'};
        })
        .connect(stream);
}

/** Waits for something; an error after ten seconds. */
async function within(words, find) {
    for (let i = 0; i < 500; i++, await sleep(20)) {
        const found = await find();
        if (found) return found;
    }
    throw new Error(words + ': not in ten seconds');
}

/** A second person: looks at the page until something is asked, and approves. */
async function approve(address) {
    const url = new URL(address), headers = {Authorization: 'Bearer ' + url.searchParams.get('token'), 'Content-Type': 'application/json'};
    const needs = await within('a request on the page', async () => {
        const list = await (await fetch(new URL('/api/list', url), {headers})).json();
        return Object.values(list.lanes ?? {}).flat().concat(list.rows ?? []).find(row => row.needs)?.needs;
    });
    const body = {interrupt: needs.interrupt, request_id: needs.request_id, decisions: [{tool_call_id: needs.tool_call_id, type: 'approve'}]};
    return (await fetch(new URL('/api/sessions/s1/resume', url), {method: 'POST', headers, body: JSON.stringify(body)})).status;
}

/** One turn through `words`; with `hasSecond` the client does not answer, but waits to be told that it need not. */
async function turn(words, hasSecond) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'asm-tee-'));
    const child = spawn(words[0], [...words.slice(1), process.execPath, self, 'agent', directory], {stdio: ['pipe', 'pipe', 'pipe'], env: {...process.env, XDG_STATE_HOME: directory}});
    const ended = new Promise(done => child.on('exit', code => done(code)));
    let errors = '', text = '', wasTold = false;
    child.stderr.on('data', bytes => errors += bytes);
    const {stream, heard, said} = streamOf(child.stdout, child.stdin);
    const app = acp.client({name: 'editor'})
        .onNotification(acp.methods.client.session.update, ({params}) => {
            text += params.update.content?.text ?? '';
        })
        .onRequest(acp.methods.client.session.requestPermission, ({signal}) => hasSecond ? new Promise((_, refuse) => signal.addEventListener('abort', () => {
            wasTold = true;
            refuse(acp.RequestError.requestCancelled?.() ?? new Error('cancelled'));
        })) : {outcome: {outcome: 'selected', optionId: 'no'}});
    await app.connectWith(stream, async context => {
        await context.request(acp.methods.agent.initialize, {protocolVersion: acp.PROTOCOL_VERSION, clientCapabilities: {}});
        const {sessionId} = await context.request(acp.methods.agent.session.new, {cwd: process.cwd(), mcpServers: []});
        const second = hasSecond && within('the address', () => /^http\S+/m.exec(errors)?.[0]).then(approve);
        const result = await context.request(acp.methods.agent.session.prompt, {sessionId, prompt: [{type: 'text', text: big}]});
        must(result.stopReason === 'end_turn', 'the turn did not end well');
        if (!hasSecond) return;
        must(await second === 200, 'the page did not take the approval');
        await within('what the client says to it', () => said().includes('"error"'));
    });
    child.stdin.end();
    must(await ended === 3, 'another exit status');
    must(text === (hasSecond ? 'ok' : 'no') + big, 'the agent heard something else: ' + text.slice(0, 40));
    const agent = name => fs.readFileSync(path.join(directory, name));
    const lines = bytes => String(bytes).split('\n').filter(Boolean);
    if (!hasSecond) {
        must(agent('heard').equals(said()) && agent('said').equals(heard()), 'bytes have changed');
    } else {
        must(wasTold, 'the client was not told');
        const given = lines(agent('heard')).filter(line => !lines(said()).includes(line)), missing = lines(said()).filter(line => !lines(agent('heard')).includes(line));
        must(given.length === 1 && JSON.parse(given[0]).result?.outcome?.optionId === 'ok', 'the agent got ' + given);
        must(missing.length === 1 && JSON.parse(missing[0]).id === JSON.parse(given[0]).id, 'left out is ' + missing.map(line => line.slice(0, 200)));
        const told = lines(heard()).filter(line => !lines(agent('said')).includes(line));
        must(told.length === 1 && JSON.parse(told[0]).method === '$/cancel_request', 'the client got ' + told);
    }
    fs.rmSync(directory, {recursive: true});
}

if (process.argv[2] === 'agent') {
    await beAgent(process.argv[3]);
} else {
    const tee = process.argv[2];
    await turn([tee, '--'], false);
    const page = spawn(tee, ['--live=0', '--', 'true'], {stdio: ['ignore', 'ignore', 'pipe'], env: {...process.env, XDG_STATE_HOME: os.tmpdir()}});
    let words = '';
    page.stderr.on('data', bytes => words += bytes);
    await new Promise(done => page.on('close', done));
    if (words.includes('without libmicrohttpd')) console.log('skipped: asm-tee was built without libmicrohttpd: nobody approves on its page');
    else await turn([tee, '--approve=page', '--live=0', '--'], true);
    process.exit(0);
}
