// A session as its events tell it: a tree of nodes (what was said, tool calls, runs, notices), figures, spans for the timeline.
// An event's meaning stands in asm_events.h. Members are whatever a stranger put there: each is checked before it is used.
import {timeOf, firstLine} from './text.js';
import {rawAt} from './json.js';

export const str = value => typeof value === 'string' ? value : undefined;
export const num = value => typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const object = value => typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

const longText = 200000; // characters of one message that are kept
const longPart = 4000;   // of one text of a tool call; the rest comes from the raw event
const longEvent = 16000; // an event below this is kept as it is

const ends = new Set(['completed', 'unknown', 'failed', 'declined', 'cancelled', 'timeout']);
export const isEnded = call => ends.has(call.status);
export const isFailed = node => node.kind === 'call' ? ['failed', 'declined', 'cancelled', 'timeout'].includes(node.status)
    : node.kind === 'end' ? node.outcome !== 'completed' : node.level === 'error';

// Notices that are signs of life and nothing else, unless they warn.
const quietNotices = new Set(['hook_started', 'hook_progress', 'hook_response', 'hook.start', 'hook.end', 'task_started', 'task_progress',
    'task_updated', 'task_notification', 'rate_limit_event', 'status', 'ping', 'turn_start', 'turn_end', 'keep_alive']);
const compacted = new Set(['compact_boundary', 'context_compacted', 'summarization_completed']);

// A value of which long texts are cut; `note.partial` says whether one was.
function shortened(value, note, depth = 0) {
    if (typeof value === 'string') {
        if (value.length <= longPart) return value;
        note.partial = true;
        return value.slice(0, longPart);
    }
    if (typeof value !== 'object' || value === null) return value;
    if (depth > 6) {
        note.partial = true;
        return null;
    }
    if (Array.isArray(value)) {
        if (value.length > 200) note.partial = true;
        return value.slice(0, 200).map(each => shortened(each, note, depth + 1));
    }
    return Object.fromEntries(Object.entries(value).slice(0, 100).map(([key, each]) => [key, shortened(each, note, depth + 1)]));
}

class Usage {
    constructor() {
        this.messages = new Map();
        this.apart = [];
    }

    take(data) {
        const counts = usageOf(data);
        if (!counts) return;
        const id = str(data.message_id);
        if (id === undefined) this.apart.push(counts);
        else this.messages.set(id, counts);
    }

    total() {
        return [...this.messages.values(), ...this.apart].reduce(addUsage, null);
    }

    dropCost() {
        for (const each of [...this.messages.values(), ...this.apart]) delete each.cost_usd;
    }
}

// What a session used, from figures that overlap: message by message, by run, since its start; as the list counts it.
class Tally {
    constructor() {
        this.settled = null;         // of what has ended, or as the stream told it last
        this.messages = new Usage(); // since then
        this.cost = 0;               // of what has ended, if a run told one
        this.hasRunCost = false;
        this.isWhole = false;        // the stream told what the session used since its start, within this run
    }

    take(data, usage) {
        if (data.cumulative === true && str(data.parent_tool_call_id) === undefined) this.replace(usage, true);
        else this.messages.take(data);
    }

    // What is told of a whole session, or a run, replaces what was added up message by message.
    replace(usage, isOfSession) {
        const {cost_usd, ...tokens} = usage;
        const hasTokens = Object.keys(tokens).length > 0;
        if (hasTokens) this.messages = new Usage();
        if (!isOfSession) {
            this.settled = addUsage(this.settled, usage);
            return;
        }
        const cost = cost_usd ?? this.settled?.cost_usd;
        this.settled = {...(hasTokens ? tokens : this.settled), ...(cost === undefined ? {} : {cost_usd: cost})};
        this.isWhole = true;
    }

    // What a run has cost is what it says, else what its messages said.
    endRun(usage, isOfSession, cost) {
        this.cost += cost ?? this.messages.total()?.cost_usd ?? 0;
        if (!usage) {
            this.settled = addUsage(this.settled, this.messages.total());
            this.messages = new Usage();
        } else if (isOfSession || !this.isWhole) this.replace(usage, isOfSession);
        if (cost === undefined) return;
        this.hasRunCost = true;
        this.messages.dropCost();
    }

    total() {
        return addUsage(this.hasRunCost ? {...this.settled, cost_usd: this.cost} : this.settled, this.messages.total());
    }
}

const counts = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_creation_tokens', 'reasoning_tokens', 'cost_usd'];

// The counts that an object gives; null if it gives none.
export function usageOf(data) {
    const usage = {};
    for (const name of counts) if (num(data?.[name]) !== undefined) usage[name] = data[name];
    return Object.keys(usage).length ? usage : null;
}

// Absent stays absent.
export function addUsage(a, b) {
    if (!a || !b) return a ?? b;
    const sum = {...a};
    for (const name of counts) if (b[name] !== undefined) sum[name] = (sum[name] ?? 0) + b[name];
    return sum;
}

// What a tool's output is as text.
export function outputText(value) {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    if (Array.isArray(value) && value.length && value.every(part => object(part) && (str(part.text) !== undefined || part.type === 'image')))
        return value.filter(part => str(part.text) !== undefined).map(part => part.text).join('\n');
    return JSON.stringify(value, null, 2);
}

const emptyListener = {inserted() {}, changed() {}, removed() {}};

export class Session {
    constructor(listener = emptyListener) {
        this.listener = listener;
        this.root = {kind: 'root', children: [], depth: -1, parent: null};
        this.first = 0;     // number of the first event that was applied
        this.last = 0;      // of the last
        this.owners = [];   // event number - first: the node it belongs to
        this.calls = new Map();
        this.openCalls = new Set();
        this.messages = new Map();
        this.approvals = new Map();
        this.failures = []; // nodes by their number
        this.persons = [];
        this.runs = [];
        this.todos = null;
        this.middleware = [];
        this.snapshots = [];
        this.about = {};    // title, cwd, model, git_branch, agent_version
        this.tally = new Tally();
        this.status = undefined;
        this.shutdown = null;
        this.pieces = [];   // {time, tokens, cost, model, parent}: for the flame graph
        this.start = NaN;
        this.end = NaN;
        this.toolCount = {own: 0, ofAgents: 0}; // calls of the agent, and of its sub-agents
        this.sinceStart = {tools: 0, failed: 0}; // of the agent, in the run that is open
    }

    // `text`: the event's JSON.
    apply(n, event, text = '') {
        if (!this.first) this.first = n;
        this.last = n;
        this.n = n;
        this.raw = text;
        this.size = text.length;
        const time = timeOf(event?.ts);
        this.time = time;
        if (Number.isFinite(time)) {
            if (!(this.start <= time)) this.start = time;
            if (!(this.end >= time)) this.end = time;
        }
        const data = object(event?.data) ?? {};
        const type = str(event?.type) ?? 'custom';
        const run = str(event?.run_id);
        const node = Object.hasOwn(handlers, type) ? handlers[type](this, data, type, run) : this.notice(data, type);
        this.owners[n - this.first] = node ?? null;
        if (node && node.last < n) {
            node.last = n;
            node.count++;
        }
    }

    usageTotal() {
        return this.tally.total();
    }

    // The node that an event belongs to, else the one before it.
    nodeAt(n) {
        for (let i = Math.min(n - this.first, this.owners.length - 1); i >= 0; i--) if (this.owners[i]) return this.owners[i];
        return this.root.children[0] ?? null;
    }

    add(parent, kind, more) {
        const node = {kind, n: this.n, last: this.n, count: 1, time: this.time, parent, depth: parent.depth + 1, children: null, isOpen: false, ...more};
        parent.children ??= [];
        parent.children.push(node);
        if (kind === 'call' || kind === 'message' || kind === 'person') parent.talk = node;
        this.listener.inserted(node);
        if (isFailed(node)) this.failed(node);
        return node;
    }

    changed(node) {
        this.listener.changed(node);
    }

    failed(node) {
        if (node.isListed) return;
        node.isListed = true;
        let at = this.failures.length;
        while (at > 0 && this.failures[at - 1].n > node.n) at--;
        this.failures.splice(at, 0, node);
    }

    // Where a sub-agent's events go: its call.
    speaker(data) {
        const id = str(data.parent_tool_call_id);
        if (id === undefined) return this.root;
        const call = this.calls.get(id) ?? this.newCall(this.root, id);
        if (!call.children) {
            call.children = [];
            this.changed(call);
        }
        return call.depth < 40 ? call : this.root;
    }

    newCall(parent, id) {
        const call = this.add(parent, 'call', {id, name: undefined, status: 'identified', output: undefined, approval: null});
        if (id !== undefined) this.calls.set(id, call);
        this.openCalls.add(call);
        return call;
    }

    // The call that an event is about; made if it was not told before.
    call(data, run, begins) {
        const id = str(data.tool_call_id);
        let call = id === undefined ? undefined : this.calls.get(id);
        // Some agents count their calls anew in each run.
        if (call && begins && (isEnded(call) || (call.run !== undefined && run !== undefined && call.run !== run && call.started !== undefined))) call = undefined;
        if (!call) call = this.newCall(this.speaker(data), id);
        call.run ??= run;
        return call;
    }

    takeCall(call, data) {
        call.name = str(data.tool_name) ?? call.name;
        call.display = str(data.display_text) ?? call.display;
        call.agentKind = str(data.agent_kind) ?? call.agentKind;
        if (data.tool_input !== undefined && call.input === undefined) {
            const note = {partial: false};
            call.input = this.size <= longEvent ? data.tool_input : shortened(data.tool_input, note);
            call.inputAt = this.n;
            call.isInputPartial = note.partial;
        }
    }

    endCall(call, data, status) {
        this.takeCall(call, data);
        const stated = str(data.status);
        call.status = stated && (ends.has(stated) || stated === 'running_in_background') ? stated : status;
        if (stated && !ends.has(stated)) call.statedStatus = stated;
        call.endAt = this.n;
        call.isLost = false;
        if (ends.has(call.status)) this.openCalls.delete(call);
        call.ended = this.time;
        call.duration = num(data.duration_ms);
        call.exitCode = num(data.exit_code);
        call.error = str(data.error_message);
        const output = outputText(data.tool_output);
        if (output !== undefined) {
            call.outputSize = output.length;
            call.output = output.length > longPart ? output.slice(0, longPart) : output;
        }
        if (Array.isArray(data.changes)) call.changes = shortened(data.changes, {});
        const result = object(data.tool_result);
        // Of a file that was read: as the structured result has them, else those of the output.
        call.outputLines = result ? num(object(result.file)?.numLines) : output && !Array.isArray(data.tool_output) ? countLines(output) : undefined;
        if (result?.structuredPatch !== undefined) {
            if (this.size <= longEvent) call.result = {structuredPatch: result.structuredPatch};
            else call.isResultPartial = true;
        }
        call.hasImage = this.size > 0 && /"image/.test(JSON.stringify([data.tool_result?.type, data.content?.[0]?.type, data.tool_output?.[0]?.type]));
        call.usage = object(data.token_usage) ? usageOf(data.token_usage) : call.usage;
        this.closeTexts(call);
        if (isFailed(call)) {
            this.failed(call);
            if (call.parent === this.root) this.sinceStart.failed++;
        }
        this.changed(call);
        return call;
    }

    // No text of that speaker grows any more.
    closeTexts(speaker) {
        const node = speaker.streaming;
        if (!node) return;
        speaker.streaming = null;
        node.isStreaming = false;
        this.changed(node);
    }

    segments(data, parent) {
        const id = str(data.message_id) ?? 'of ' + parent.n;
        const key = (data.thinking === true ? 'thinking ' : 'text ') + (parent.n ?? 0) + ' ' + id;
        let list = this.messages.get(key);
        if (!list) this.messages.set(key, list = []);
        return list;
    }

    message(parent, data, text) {
        return this.add(parent, 'message', {
            text: text.slice(0, longText), over: Math.max(0, text.length - longText), id: str(data.message_id), isThinking: data.thinking === true,
            role: str(data.role), phase: str(data.phase), isStreaming: false,
        });
    }

    streamed(data) {
        const text = str(data.delta) ?? str(data.content) ?? '';
        const parent = this.speaker(data);
        if (text === '') return null;
        const list = this.segments(data, parent);
        let node = list.at(-1);
        if (!node || parent.talk !== node || node.isDone) {
            this.closeTexts(parent);
            node = this.message(parent, data, text);
            list.push(node);
        } else {
            const room = longText - node.text.length;
            node.text += text.slice(0, room);
            node.over += Math.max(0, text.length - room);
            this.changed(node);
        }
        if (parent.streaming !== node) {
            this.closeTexts(parent);
            node.isStreaming = true;
            parent.streaming = node;
        }
        node.lastTime = this.time;
        return node;
    }

    received(data) {
        const parent = this.speaker(data), list = this.segments(data, parent).filter(node => !node.isDone);
        const content = str(data.content) ?? str(data.delta);
        if (data.thinking !== true) this.closeTexts(parent);
        let node = list.at(-1);
        if (!node && !content) return null;
        if (!node) {
            node = this.message(parent, data, content);
            list.push(node);
            this.segments(data, parent).push(node);
        } else if (content && list.length === 1 && content !== node.text) {
            node.text = content.slice(0, longText);
            node.over = Math.max(0, content.length - longText);
        } else if (content && list.length > 1 && !inOrder(content, list)) {
            node = this.message(parent, data, content);
            for (const old of list) {
                old.retracted = {reason: 'replaced'};
                this.changed(old);
            }
            this.segments(data, parent).push(node);
        }
        for (const each of list) {
            each.isDone = true;
            each.isStreaming = false;
            each.isIncomplete = data.incomplete === true;
            each.phase = str(data.phase) ?? each.phase;
            this.changed(each);
        }
        node.isDone = true;
        node.lastTime = this.time;
        if (parent.streaming && list.includes(parent.streaming)) parent.streaming = null;
        return node;
    }

    retracted(data) {
        const parent = this.speaker(data);
        let found = null;
        for (const thinking of [false, true])
            for (const node of this.segments({...data, thinking}, parent)) {
                node.retracted = {reason: str(data.reason), replacedBy: str(data.replaced_by)};
                node.isStreaming = false;
                this.changed(node);
                found = node;
            }
        return found ?? this.add(parent, 'notice', {type: 'message_retracted', level: 'info', text: undefined});
    }

    takeAbout(data) {
        for (const name of ['title', 'cwd', 'model', 'git_branch', 'agent_version']) this.about[name] = str(data[name]) ?? this.about[name];
    }

    runEnded(data, type, run) {
        const outcome = type.slice(4);
        const open = this.runs.findLast(each => !each.outcome && (run === undefined || each.id === run));
        const usage = object(data.token_usage) ? usageOf(data.token_usage) : null;
        if (usage && num(data.cost_usd) !== undefined) usage.cost_usd ??= data.cost_usd;
        const told = usage ?? (num(data.cost_usd) !== undefined ? {cost_usd: data.cost_usd} : null);
        const {cost_usd: _, ...tokens} = usage ?? {};
        this.tally.endRun(usage && tokens, data.token_usage?.cumulative === true, num(data.cost_usd));
        const record = open ?? {id: run, started: NaN};
        if (!open) this.runs.push(record);
        Object.assign(record, {outcome, ended: this.time, usage: told, mainUsage: usageOf(data.main_token_usage),
            models: object(data.models), duration: num(data.duration_ms)});
        this.closeTexts(this.root);
        for (const approval of this.waiting()) {
            approval.isWithdrawn = true;
            this.changed(approval.node);
        }
        for (const call of this.openCalls)
            if (call.status !== 'running_in_background' && (run === undefined || call.run === undefined || call.run === run)) {
                call.isLost = true;
                this.openCalls.delete(call);
                this.changed(call);
            }
        const node = this.add(this.root, 'end', {
            outcome, run, reason: str(data.stop_reason), duration: num(data.duration_ms), usage: told, code: str(data.error_code), error: str(data.error_message),
            ...this.sinceStart, turns: num(data.num_turns), openCalls: num(data.open_tool_calls), record,
            denied: Array.isArray(data.permission_denials) ? data.permission_denials.slice(0, 20).map(each => str(each?.tool_name)).filter(name => name) : [],
        });
        record.endNode = node;
        return node;
    }

    notice(data, type) {
        const level = str(data.level), text = str(data.text);
        const short = type.slice(type.indexOf('.') + 1);
        const matters = level === 'error' || level === 'warning';
        if (quietNotices.has(short) && !matters) return null;
        const node = this.root.children.at(-1);
        const attempt = num(data.attempt);
        const more = {type, level, code: str(data.code), attempt, most: num(data.max_attempts), wait: num(data.retry_in_ms), resets: str(data.resets_at),
            text: text ?? (compacted.has(short) ? 'Context compacted' : undefined), hint: text === undefined ? firstText(data) : undefined};
        // A retry is one line, however often it comes.
        if (attempt !== undefined && node?.kind === 'notice' && node.type === type && node.attempt !== undefined) {
            Object.assign(node, more);
            this.changed(node);
            return node;
        }
        return this.add(this.root, 'notice', more);
    }

    approvalKey(data) {
        return str(data.request_id) ?? (num(data.interrupt) !== undefined ? 'interrupt ' + data.interrupt + ' ' : '') + (str(data.tool_call_id) ?? '');
    }

    asked(data, run) {
        const approval = {
            key: this.approvalKey(data), requestId: str(data.request_id), interrupt: num(data.interrupt), callId: str(data.tool_call_id), name: str(data.tool_name),
            kind: str(data.kind) ?? 'tool', input: data.tool_input, rawInput: rawAt(this.raw, ['data', 'tool_input']), reason: str(data.reason), policy: str(data.policy_name),
            options: Array.isArray(data.options) ? data.options.filter(object) : [], n: this.n, time: this.time, decision: null,
        };
        this.approvals.set(approval.key, approval);
        const node = approval.kind === 'question' || approval.callId === undefined ? this.add(this.root, 'ask', {approval}) : this.call(data, run, true);
        approval.node = node;
        if (node.kind === 'call') {
            this.takeCall(node, data);
            node.approval = approval;
            if (node.status === 'identified' || node.status === 'running') node.status = 'waiting';
        }
        this.changed(node);
        return node;
    }

    decided(data, isGranted) {
        const approval = this.approvals.get(this.approvalKey(data)) ??
            [...this.approvals.values()].findLast(each => !each.decision && each.callId !== undefined && each.callId === str(data.tool_call_id));
        const decision = {isGranted, word: str(data.decision), reason: str(data.reason), answer: data.answer, policy: str(data.policy_name), n: this.n, time: this.time};
        if (!approval) {
            const call = this.calls.get(str(data.tool_call_id));
            if (!call) return this.add(this.root, 'notice', {type: isGranted ? 'approved' : 'denied', level: 'info', text: isGranted ? 'Approved' : 'Not approved', hint: str(data.tool_name)});
            call.approval = {decision, kind: 'tool', name: call.name};
            this.changed(call);
            return call;
        }
        approval.decision = decision;
        const node = approval.node;
        if (node.kind === 'call') {
            if (isGranted && data.tool_input !== undefined) node.input = data.tool_input;
            if (node.status === 'waiting') node.status = isGranted ? 'running' : 'declined';
            if (isFailed(node)) this.failed(node);
        }
        this.changed(node);
        return node;
    }

    waiting() {
        return [...this.approvals.values()].filter(each => !each.decision && !(each.node.kind === 'call' && isEnded(each.node)) && !each.isWithdrawn);
    }
}

function countLines(text) {
    let lines = text === '' || text.endsWith('\n') ? 0 : 1;
    for (let at = -1; (at = text.indexOf('\n', at + 1)) >= 0;) lines++;
    return lines;
}

// Whether the segments stand in the text, one after the other.
function inOrder(text, segments) {
    let at = 0;
    for (const node of segments) {
        const found = text.indexOf(node.text, at);
        if (found < 0) return false;
        at = found + node.text.length;
    }
    return true;
}

function firstText(data) {
    for (const value of Object.values(data)) {
        if (typeof value === 'string' && value.trim()) return firstLine(value.slice(0, 400));
        const inner = object(value);
        if (inner) for (const each of Object.values(inner)) if (typeof each === 'string' && each.trim()) return firstLine(each.slice(0, 400));
    }
    return undefined;
}

const noRow = () => null;

function sessionStarted(session, data, type) {
    session.takeAbout(data);
    return type === 'session_updated' && str(data.title) !== undefined ? session.add(session.root, 'notice', {type, level: 'info', text: 'Title: ' + data.title}) : null;
}

function runStarted(session, data, type, run) {
    session.takeAbout(data);
    session.sinceStart = {tools: 0, failed: 0};
    session.tally.isWhole = false;
    const node = session.add(session.root, 'run', {run, model: str(data.model), cwd: str(data.cwd), branch: str(data.git_branch), title: str(data.title)});
    session.runs.push({id: run, started: session.time, node});
    return node;
}

function usageUpdated(session, data) {
    const usage = usageOf(data);
    if (!usage) return null;
    const window = num(data.context_window);
    if (window) session.contextWindow = window;
    const model = str(data.model), parent = str(data.parent_tool_call_id);
    session.tally.take(data, usage);
    if (data.cumulative !== true) {
        session.pieces.push({time: session.time, usage, model, parent, n: session.n, id: str(data.message_id), run: session.runs.length - 1});
        if (parent === undefined && usage.input_tokens !== undefined) session.context = usage.input_tokens;
    }
    return null;
}

function statusChanged(session, data, type) {
    session.status = str(data.status);
    const waits = ['interrupted', 'paused', 'cancelled', 'error'].includes(session.status);
    if (session.status !== 'interrupted') for (const approval of session.approvals.values()) if (!approval.decision) approval.isWithdrawn = approval.interrupt !== undefined;
    if (!waits) return null;
    if (session.status === 'interrupted') return null;
    return session.add(session.root, 'notice', {type, level: session.status === 'error' ? 'error' : 'info',
        text: {paused: 'Paused', cancelled: 'Cancelled', error: 'The agent ended with an error'}[session.status], hint: str(data.error_message)});
}

function failure(session, data, type) {
    const text = str(data.error_message) ?? str(data.message) ?? str(data.error_code) ?? str(data.policy) ?? str(data.kind);
    const level = type === 'error_recovered' ? 'info' : 'error';
    return session.add(session.root, 'notice', {type, level, text, code: str(data.error_code)});
}

function sessionEnded(session, data, type) {
    const words = {session_completed: 'Session completed', session_failed: 'Session failed', session_cancelled: 'Session cancelled',
        session_paused: 'Session paused', session_resumed: 'Session resumed'}[type];
    return session.add(session.root, 'notice', {type, level: type === 'session_failed' ? 'error' : 'info', text: words,
        hint: str(data.error_message) ?? str(data.error_code)});
}

const handlers = {
    session_created: sessionStarted,
    session_started: sessionStarted,
    session_updated: sessionStarted,
    session_paused: sessionEnded,
    session_resumed: sessionEnded,
    session_completed: sessionEnded,
    session_failed: sessionEnded,
    session_cancelled: sessionEnded,
    run_started: runStarted,
    run_completed: (session, data, type, run) => session.runEnded(data, type, run),
    run_failed: (session, data, type, run) => session.runEnded(data, type, run),
    run_cancelled: (session, data, type, run) => session.runEnded(data, type, run),
    run_timeout: (session, data, type, run) => session.runEnded(data, type, run),
    message_sent(session, data) {
        const text = str(data.content) ?? str(data.delta) ?? '';
        const parent = session.speaker(data);
        session.closeTexts(parent);
        const node = session.add(parent, 'person', {text: text.slice(0, longText), over: Math.max(0, text.length - longText), role: str(data.role),
            isSynthetic: data.synthetic === true, isPrompt: parent !== session.root, origin: str(data.origin)});
        if (!node.isSynthetic && parent === session.root) session.persons.push(node);
        return node;
    },
    message_received: (session, data) => session.received(data),
    message_streamed: (session, data) => session.streamed(data),
    message_retracted: (session, data) => session.retracted(data),
    tool_call_identified(session, data, type, run) {
        const call = session.call(data, run, true);
        session.takeCall(call, data);
        session.changed(call);
        return call;
    },
    tool_call_started(session, data, type, run) {
        const call = session.call(data, run, true);
        session.closeTexts(call.parent);
        session.takeCall(call, data);
        call.started = session.time;
        if (call.parent === session.root) {
            session.toolCount.own++;
            session.sinceStart.tools++;
        } else session.toolCount.ofAgents++;
        const status = str(data.status);
        call.status = status === 'waiting' || status === 'running_in_background' ? status : 'running';
        session.changed(call);
        return call;
    },
    tool_call_updated(session, data, type, run) {
        const call = session.call(data, run, false);
        session.takeCall(call, data);
        const status = str(data.status);
        if (['running', 'running_in_background', 'waiting'].includes(status) && !isEnded(call)) call.status = status;
        session.changed(call);
        return call;
    },
    tool_output_streamed(session, data, type, run) {
        const call = session.call(data, run, false);
        const whole = outputText(data.tool_output), delta = str(data.delta);
        const text = delta !== undefined ? (call.live ?? '') + delta : whole ?? '';
        call.liveSize = (delta !== undefined ? (call.liveSize ?? 0) : 0) + (delta ?? text).length;
        call.live = text.slice(-longPart);
        session.changed(call);
        return call;
    },
    tool_call_completed: (session, data, type, run) => session.endCall(session.call(data, run, false), data, 'completed'),
    tool_call_failed: (session, data, type, run) => session.endCall(session.call(data, run, false), data, 'failed'),
    tool_approval_requested: (session, data, type, run) => session.asked(data, run),
    tool_approval_granted: (session, data) => session.decided(data, true),
    tool_approval_denied: (session, data) => session.decided(data, false),
    token_usage_updated: usageUpdated,
    turn_completed: usageUpdated,
    error_occurred: failure,
    error_recovered: failure,
    policy_violation: failure,
    step_started: noRow,
    step_completed: noRow,
    continuation_evaluated: noRow,
    status_changed: statusChanged,
    todos_updated(session, data) {
        if (!Array.isArray(data.todos)) return null;
        session.todos = data.todos.filter(object).map(each => ({text: str(each.content) ?? str(each.active_form) ?? '', status: str(each.status)}));
        const last = session.root.children.at(-1);
        if (last?.kind === 'todos') {
            last.todos = session.todos;
            session.changed(last);
            return last;
        }
        return session.add(session.root, 'todos', {todos: session.todos});
    },
    agent_shutdown(session, data, type) {
        session.shutdown = {reason: str(data.reason)};
        return session.add(session.root, 'notice', {type, level: data.reason === 'crash' ? 'error' : 'info', text: 'The agent was shut down', hint: str(data.reason)});
    },
    display_message_saved: noRow,
    display_message_updated: noRow,
    state_restored(session, data) {
        session.snapshots.push({n: session.n, time: session.time, isRestored: true});
        return session.add(session.root, 'notice', {type: 'state_restored', level: 'info', text: 'State restored'});
    },
    agent_state_update(session) {
        session.snapshots.push({n: session.n, time: session.time});
        return null;
    },
    middleware_action(session, data) {
        session.middleware.push({n: session.n, time: session.time, id: str(data.middleware), action: str(data.action)});
        return null;
    },
    node_transferring: (session, data, type) => session.add(session.root, 'notice', {type, level: 'info', text: 'Leaves node', hint: str(data.from_node)}),
    node_transferred: (session, data, type) => session.add(session.root, 'notice', {type, level: 'info', text: 'Now on node', hint: str(data.to_node)}),
    workspace_snapshot_taken: noRow,
    workspace_diff_computed: noRow,
};
