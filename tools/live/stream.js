// The connection with the server: its stream, which is taken up again where it was, and single requests. See docs/live-protocol.md.
import {begun, takeEarly} from './early.js';

const silence = 40000;  // milliseconds without a sign of life; the server gives one every 15 s
const longestWait = 10000;

export class Refusal extends Error {
    constructor(status, body) {
        super(typeof body?.message === 'string' ? body.message : 'The server answered with status ' + status + '.');
        this.status = status;
        this.code = body?.error;
        this.body = body;
    }
}

async function refusalOf(response) {
    let body = null;
    try {
        body = await response.json();
    } catch {
        // no JSON: the status says it
    }
    return new Refusal(response.status, body);
}

const ask = (path, options) => fetch(path, {cache: 'no-store', credentials: 'same-origin', ...options});

export async function get(path, options) {
    const response = await ask(path, options);
    if (!response.ok) throw await refusalOf(response);
    return response;
}

// `body`: JSON text, or what becomes it.
export async function post(path, body) {
    const response = await fetch(path, {method: 'POST', credentials: 'same-origin', headers: {'Content-Type': 'application/json'}, body: typeof body === 'string' ? body : JSON.stringify(body)});
    if (!response.ok) throw await refusalOf(response);
    return response.json();
}

export const sessionPath = key => '/api/sessions/' + encodeURIComponent(key);

// Reads server-sent events as they come: give(name, data, id) for each.
export class FrameReader {
    constructor(give) {
        this.give = give;
        this.rest = [];
        this.reset();
    }

    reset() {
        this.name = '';
        this.data = null;
        this.id = undefined;
    }

    push(text) {
        if (!text.includes('\n')) {
            this.rest.push(text);
            return;
        }
        const all = this.rest.join('') + text;
        let at = 0;
        for (let end; (end = all.indexOf('\n', at)) >= 0; at = end + 1) {
            const line = all.charCodeAt(end - 1) === 13 && end > at ? all.slice(at, end - 1) : all.slice(at, end);
            this.line(line);
        }
        this.rest = [all.slice(at)];
    }

    line(line) {
        if (line === '') {
            if (this.data !== null) this.give(this.name, this.data, this.id);
            this.reset();
            return;
        }
        const colon = line.indexOf(':');
        if (colon === 0) return;
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
        if (field === 'data') this.data = this.data === null ? value : this.data + '\n' + value;
        else if (field === 'event') this.name = value;
        else if (field === 'id') this.id = value;
    }
}

// One stream at a time. address() gives the path to ask for, lastId() the id to go on after, or null.
export class Stream {
    constructor({address, lastId, frame, state}) {
        Object.assign(this, {address, lastId, frame, tell: state});
        this.round = 0;
        this.failures = 0;
        this.timer = 0;
        this.lastSign = performance.now();
        setInterval(() => this.look(), 5000);
        addEventListener('online', () => this.again());
        document.addEventListener('visibilitychange', () => document.hidden || this.look());
        // What came while the page stood still may never be handed on.
        document.addEventListener('resume', () => this.again());
        addEventListener('pageshow', event => event.persisted && this.again());
    }

    // After a sleep nobody told us that the line is dead: silence does.
    look() {
        if (this.isOpen && performance.now() - this.lastSign > silence) this.again();
    }

    again() {
        this.failures = 0;
        this.start();
    }

    stop() {
        this.round++;
        clearTimeout(this.timer);
        this.abort?.abort();
        this.isOpen = false;
    }

    async start() {
        this.stop();
        const round = this.round;
        const address = this.address(), lastId = this.lastId(), early = lastId === null ? takeEarly(address) : null;
        this.abort = early?.abort ?? new AbortController();
        this.tell('connecting');
        try {
            this.isOpen = true;
            this.lastSign = performance.now();
            const {response, reader, first} = await (early?.begun ?? begun(ask(address, {signal: this.abort.signal, headers: lastId === null ? {} : {'Last-Event-ID': lastId}})));
            if (round !== this.round) return;
            if (!reader) throw await refusalOf(response);
            await this.read(reader, first, round);
            if (round === this.round) this.later('The server ended the connection.');
        } catch (error) {
            if (round === this.round) this.later(error instanceof Refusal ? error.message : 'The server cannot be reached.', error instanceof Refusal ? error : null);
        }
    }

    async read(reader, next, round) {
        const decoder = new TextDecoder();
        const frames = new FrameReader((name, data, id) => {
            if (round === this.round) this.frame(name, data, id);
        });
        let isFirst = true;
        for (;; next = reader.read()) {
            const {value, done} = await next;
            if (round !== this.round || done) return;
            this.lastSign = performance.now();
            if (isFirst) {
                isFirst = false;
                this.failures = 0;
                this.tell('open');
            }
            frames.push(decoder.decode(value, {stream: true}));
        }
    }

    later(reason, refusal = null) {
        this.isOpen = false;
        if (refusal && (refusal.status === 401 || refusal.status === 404)) {
            this.tell('refused', reason, 0, refusal);
            return;
        }
        const wait = Math.min(longestWait, 500 * 2 ** Math.min(this.failures++, 5)) * (0.75 + Math.random() / 2);
        this.tell('waiting', reason, wait);
        this.timer = setTimeout(() => this.start(), wait);
    }
}
