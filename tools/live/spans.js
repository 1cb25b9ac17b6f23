// What the timeline and the flame graph draw, from a session. Only times, tokens and costs that events tell.
import {isFailed, isEnded} from './model.js';
import {callWords, durationOf, isTask} from './tools.js';
import {cost, counted, cut, duration, grouped, oneLine, amount} from './text.js';

const label = (call, directory) => {
    const told = callWords(call, directory);
    return told.words + told.subject;
};

// Words are made when they are asked for: there may be 100,000 spans.
// Lanes of a session: [{title, spans: [{from, to, kind, node, text()}]}], spans of a lane in order and apart.
export function lanesOf(session, directory, now) {
    const lanes = [];
    const until = time => Number.isFinite(time) ? time : now;
    const runs = session.runs.filter(run => Number.isFinite(run.started)).map(run => ({
        from: run.started, to: Math.max(run.started, until(run.ended)), kind: run.outcome && run.outcome !== 'completed' ? 'failed' : 'run', node: run.node ?? run.endNode,
        text: () => 'Run' + (run.outcome ? ' ' + run.outcome : ', goes on'),
    }));
    if (runs.length) lanes.push({title: 'Runs', spans: runs});
    const waits = [...session.approvals.values()].filter(each => Number.isFinite(each.time)).map(each => ({
        from: each.time, to: until(each.decision?.time ?? (each.node.kind === 'call' && isEnded(each.node) ? each.node.ended : each.isWithdrawn ? each.time : NaN)), kind: 'waits', node: each.node,
        text: () => 'Waits for a person: ' + (each.name ?? each.kind),
    }));
    if (waits.length) lanes.push(...packed('Waiting for you', waits));
    addAgent(lanes, session.root, 'Agent', directory, until);
    return lanes;
}

function addAgent(lanes, agent, title, directory, until) {
    const talk = [], tools = [], tasks = [];
    // One that was only asked for has not begun.
    const addCall = node => {
        const from = Number.isFinite(node.started) ? node.started : node.ended - node.duration;
        const to = isEnded(node) ? until(node.ended) : node.isLost ? from : until(NaN);
        tools.push({from, to: Math.max(from, to), kind: isFailed(node) ? 'failed' : 'tool', node, text: () => label(node, directory)});
    };
    for (const node of agent.children ?? []) {
        if (!Number.isFinite(node.time)) continue;
        if (node.kind === 'message') talk.push({from: node.time, to: Number.isFinite(node.lastTime) ? node.lastTime : node.time, kind: node.isThinking ? 'thinking' : 'text', node,
            text: () => (node.isThinking ? 'Reasoning: ' : '') + cut(oneLine(node.text.slice(0, 300)), 120)});
        else if (node.kind === 'person') talk.push({from: node.time, to: node.time, kind: 'person', node, text: () => 'Person: ' + cut(oneLine(node.text.slice(0, 300)), 120)});
        else if (node.kind === 'call') {
            if (Number.isFinite(node.started) || node.duration !== undefined) addCall(node);
            if (node.children?.length) tasks.push(node);
        }
    }
    if (talk.length) lanes.push(...packed(title, talk, 1));
    if (tools.length) lanes.push(...packed(talk.length ? 'Tools' : title, tools));
    for (const task of tasks) addAgent(lanes, task, cut(oneLine((task.agentKind ? task.agentKind + ': ' : '') + (task.display ?? callWords(task, directory).subject)), 80) || 'Sub-agent', directory, until);
}

const mostLanes = 12;

// Spans that overlap go to lanes of their own: each to the lowest that is free.
function packed(title, spans, most = mostLanes) {
    const lanes = [];
    spans.sort((a, b) => a.from - b.from);
    for (const span of spans) {
        let lane = lanes.find(each => each.end <= span.from);
        if (!lane && lanes.length < most) lanes.push(lane = {title: lanes.length ? '' : title, spans: [], end: -Infinity});
        lane ??= lanes.at(-1);
        lane.spans.push(span);
        lane.end = Math.max(lane.end, span.to);
    }
    return lanes;
}

export const measures = {
    time: {title: 'Time', words: value => duration(value), none: 'No event tells how long something took.'},
    tokens: {title: 'Tokens', words: value => counted(value, 'token', 'tokens'), none: 'No event tells tokens.'},
    cost: {title: 'Cost', words: value => cost(value), none: 'No event tells a cost.'},
};

const tokensOf = usage => usage && (usage.input_tokens !== undefined || usage.output_tokens !== undefined) ? (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0) : 0;

// A tree of {name(), value, children, node}: children stand below their parent and are never wider than it.
export function flameOf(session, measure, directory, now) {
    const root = {name: () => 'Session', value: 0, children: [], node: session.root.children[0] ?? null};
    if (measure === 'time') root.children = byTime(session, directory, now);
    else root.children = measure === 'tokens' ? byTokens(session) : byCost(session);
    settle(root);
    return root;
}

function settle(frame) {
    let sum = 0;
    for (const child of frame.children) sum += settle(child);
    frame.value = Math.max(frame.value, sum);
    frame.children = frame.children.filter(child => child.value > 0).sort((a, b) => b.value - a.value);
    return frame.value;
}

function callFrames(calls, directory, now) {
    const byName = new Map();
    for (const call of calls) {
        const time = durationOf(call) ?? (!isEnded(call) && !call.isLost && Number.isFinite(call.started) ? now - call.started : 0);
        const frame = {name: () => label(call, directory), value: Math.max(0, time), children: [], node: call, isFailed: isFailed(call)};
        const inner = (call.children ?? []).filter(child => child.kind === 'call');
        if (inner.length) frame.children = callFrames(inner, directory, now);
        const name = isTask(call) ? 'Sub-agents' : call.name ?? 'Unnamed';
        let group = byName.get(name);
        if (!group) {
            const children = [];
            byName.set(name, group = {name: () => oneLine(name) + ' \u00D7' + grouped(children.length), value: 0, children, node: call});
        }
        group.children.push(frame);
    }
    return [...byName.values()];
}

function byTime(session, directory, now) {
    const calls = session.root.children.filter(node => node.kind === 'call');
    if (!session.runs.length) return callFrames(calls, directory, now);
    const frames = session.runs.map((run, i) => ({
        name: () => 'Run ' + (i + 1), value: run.duration ?? (Number.isFinite(run.started) ? Math.max(0, (Number.isFinite(run.ended) ? run.ended : now) - run.started) : 0),
        children: [], node: run.node ?? run.endNode, calls: [], from: run.node?.n ?? 0,
    }));
    for (const call of calls) (frames.findLast(frame => frame.from <= call.n) ?? frames[0]).calls.push(call);
    for (const frame of frames) frame.children = callFrames(frame.calls, directory, now);
    return frames;
}

function byTokens(session) {
    const frames = new Map();
    const frameOf = index => {
        let frame = frames.get(index);
        const run = session.runs[index];
        if (!frame) frames.set(index, frame = {name: () => run ? 'Run ' + (index + 1) : 'Before a run', value: tokensOf(run?.usage), children: [], node: run?.node ?? run?.endNode ?? null, run, agents: new Map()});
        return frame;
    };
    session.runs.forEach((run, index) => run.usage && frameOf(index));
    for (const piece of session.pieces) {
        const value = tokensOf(piece.usage);
        if (!value) continue;
        const frame = frameOf(piece.run), call = piece.parent === undefined ? null : session.calls.get(piece.parent);
        const key = piece.parent ?? '';
        let agent = frame.agents.get(key);
        if (!agent) {
            const name = () => piece.parent === undefined ? 'Main agent' : call ? oneLine(callWords(call).subject || call.name || 'Sub-agent') : 'Sub-agent';
            frame.agents.set(key, agent = {name, value: 0, children: [], node: call ?? frame.node, pieces: new Map()});
            frame.children.push(agent);
        }
        // Told again for the same message: it replaces what was told before.
        agent.pieces.set(piece.id ?? 'of ' + piece.n, {name: () => (piece.model ? oneLine(piece.model) + ': ' : '') + amount(piece.usage.input_tokens ?? 0) + ' in, ' + amount(piece.usage.output_tokens ?? 0) + ' out',
            value, children: [], n: piece.n});
    }
    for (const frame of frames.values()) {
        for (const agent of frame.agents.values()) agent.children = [...agent.pieces.values()];
        if (!frame.agents.size) frame.children = models(frame.run, tokensOf);
    }
    return [...frames.values()];
}

function models(run, valueOf) {
    if (!run?.models) return [];
    return Object.entries(run.models).map(([name, usage]) => ({name: () => oneLine(name), value: typeof usage === 'object' && usage ? valueOf(usage) : 0, children: [], node: run.endNode ?? run.node}));
}

function byCost(session) {
    const costOf = usage => typeof usage?.cost_usd === 'number' && usage.cost_usd > 0 ? usage.cost_usd : 0;
    const frames = session.runs.map((run, index) => ({name: () => 'Run ' + (index + 1), value: costOf(run.usage), children: models(run, costOf), node: run.endNode ?? run.node}));
    if (frames.every(frame => !frame.value)) {
        const total = costOf(session.usageTotal());
        if (total) return [{name: () => 'All runs', value: total, children: [], node: null}];
    }
    return frames;
}
