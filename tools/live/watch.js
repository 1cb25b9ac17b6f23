// The events of the session that is looked at: from the stream in order, each once; what came before it, and what is missing, from the log.
import {Session} from './model.js';
import {get, sessionPath} from './stream.js';
import {rawMember} from './json.js';

const historyPage = 5000;       // events asked for at once
export const slice = 8;                // milliseconds of work before others have their turn

export const pause = () => new Promise(resolve => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
});

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

export class Watch {
    // told: replaced(session) when all events have been read anew, changed() after events, loading(part or null), lost(first, last, reason)
    constructor(key, told) {
        this.key = key;
        this.told = told;
        this.epoch = undefined;
        this.isOver = false;
        this.clear();
    }

    clear() {
        this.session = new Session();
        this.next = undefined;     // number of the event that comes next
        this.oldest = undefined;   // of the first that the stream gave
        this.first = 1;            // of the first that there is
        this.kept = [];            // events of the stream, until what is before them has been read
        this.held = null;          // frames, while events before them are fetched
        this.isCaughtUp = false;
        this.isWhole = false;
        this.round = (this.round ?? 0) + 1;
    }

    close() {
        this.isOver = true;
        this.round++;
    }

    lastId() {
        return this.epoch !== undefined && this.next !== undefined && this.next > 1 ? this.epoch + '.' + (this.next - 1) : null;
    }

    hello(about) {
        const epoch = String(about?.epoch ?? '');
        const first = Number(about?.first) || 1, next = Number(about?.next) || 1;
        this.held = null;
        if (this.epoch !== undefined && this.epoch !== epoch) this.restart();
        this.epoch = epoch;
        this.first = first;
        if (this.next === undefined) {
            this.next = this.oldest = next;
            this.isWhole = next <= first;
        }
        this.lastKnown = Number(about?.last) || 0;
    }

    restart() {
        this.clear();
        this.told.replaced(this.session);
    }

    reset(epoch) {
        this.restart();
        this.epoch = String(epoch ?? '');
        this.next = undefined;
    }

    caughtUp() {
        if (this.held) {
            this.held.push(() => this.caughtUp());
            return;
        }
        this.isCaughtUp = true;
        this.told.changed();
        // After the first picture, which is to come soon.
        if (!this.isWhole && !this.isLoading) setTimeout(() => this.isWhole || this.isLoading || this.isOver || this.loadBefore(), 150);
    }

    event(id, text) {
        const point = id.lastIndexOf('.');
        if (this.held) {
            this.held.push(() => this.event(id, text));
            return;
        }
        if (id.slice(0, point) !== this.epoch) return;
        this.take(Number(id.slice(point + 1)), text);
    }

    // Once, and in order: what was there already is passed over, what is missing is fetched first.
    take(number, text) {
        if (!Number.isSafeInteger(number) || number < 1) return;
        if (this.next === undefined) {
            this.next = this.oldest = number;
            this.isWhole = number <= this.first;
        }
        if (number < this.next) return;
        if (number > this.next) {
            this.held = [() => this.take(number, text)];
            this.fill(number);
            return;
        }
        this.next = number + 1;
        this.lastKnown = Math.max(this.lastKnown ?? 0, number);
        if (!this.isWhole) this.kept.push([number, text]);
        applyText(this.session, number, text);
        this.told.changed();
    }

    gap(first, last, reason) {
        if (this.held) {
            this.held.push(() => this.gap(first, last, reason));
            return;
        }
        if (this.next !== undefined && last >= this.next) this.next = last + 1;
        this.told.lost(first, last, reason);
    }

    // Fetches what is missing before an event; a line that breaks meanwhile is waited for.
    async fill(before) {
        const round = this.round, held = this.held;
        const isOurs = () => round === this.round && this.held === held;
        for (let tries = 0; tries < 6 && isOurs() && this.next < before;) {
            const from = this.next;
            try {
                await this.history(from - 1, before, (number, text) => {
                    if (number !== this.next || !isOurs()) return;
                    this.next++;
                    if (!this.isWhole) this.kept.push([number, text]);
                    applyText(this.session, number, text);
                });
                if (this.next === from) tries++;
            } catch {
                await sleep(200 * 2 ** tries++);
            }
        }
        if (!isOurs()) return;
        if (this.next < before) {
            this.told.lost(this.next, before - 1, 'they could not be fetched');
            this.next = before;
        }
        this.held = null;
        for (let i = 0; i < held.length; i++) {
            held[i]();
            if (this.held) {
                this.held.push(...held.slice(i + 1));
                return;
            }
        }
    }

    // Gives the events after `after` and before `before`, as many as one answer has; returns the number of the last.
    async history(after, before, give) {
        const response = await get(sessionPath(this.key) + '/history?after=' + after + '&before=' + before + '&limit=' + historyPage + '&epoch=' + encodeURIComponent(this.epoch));
        const decoder = new TextDecoder(), reader = response.body.getReader();
        let rest = '', last = after, begin = performance.now();
        const line = text => {
            const number = Number(rawMember(text, 'number')), event = rawMember(text, 'event');
            if (event === undefined) return;
            give(number, event);
            last = number;
        };
        for (;;) {
            const {value, done} = await reader.read();
            const lines = (rest + decoder.decode(value, {stream: !done})).split('\n');
            rest = done ? '' : lines.pop();
            for (const text of lines) {
                if (text) line(text);
                if (performance.now() - begin > slice) {
                    await pause();
                    begin = performance.now();
                }
            }
            if (done) return last;
        }
    }

    // Reads all from the first event on, into a session of its own, which then takes the place of the one that began late.
    async loadBefore() {
        const round = this.round, end = this.oldest, whole = new Session();
        this.isLoading = true;
        let after = this.first - 1, wait = 500;
        while (after < end - 1 && round === this.round) {
            try {
                const read = await this.history(after, end, (number, text) => applyText(whole, number, text));
                if (read <= after) break;
                after = read;
                wait = 500;
                this.told.loading((after - this.first + 1) / Math.max(1, end - this.first));
            } catch (error) {
                if (error.code === 'other_epoch' || error.status === 404) break;
                await sleep(wait);
                wait = Math.min(10000, wait * 2);
            }
        }
        this.isLoading = false;
        if (round !== this.round) return;
        this.told.loading(null);
        let begin = performance.now();
        for (let i = 0; i < this.kept.length; i++) {
            applyText(whole, ...this.kept[i]);
            if (performance.now() - begin > slice) {
                await pause();
                if (round !== this.round) return;
                begin = performance.now();
            }
        }
        this.kept = [];
        this.isWhole = true;
        copyViewState(this.session.root, whole);
        this.session = whole;
        this.told.replaced(whole);
    }
}

function applyText(session, number, text) {
    let event = null;
    try {
        event = JSON.parse(text);
    } catch {
        // no JSON: an event without a meaning
    }
    session.apply(number, event, text);
}

// What was unfolded stays so.
function copyViewState(node, session) {
    for (const child of node.children ?? []) {
        if (child.isOpen || child.isExpanded) {
            const same = session.nodeAt(child.n);
            if (same?.kind === child.kind) {
                same.isOpen = child.isOpen && Boolean(same.children);
                same.isExpanded = child.isExpanded;
            }
        }
        if (child.children) copyViewState(child, session);
    }
}
