// Every event of a session, one line each, fetched as they are looked at; and one event as it is.
import {h, fill, quoted, button, copy, announce} from './dom.js';
import {get, sessionPath} from './stream.js';
import {rawMember, pretty} from './json.js';
import {clock, cut, grouped, oneLine, timeOf} from './text.js';

const lineHeight = 28, pageSize = 200, mostPages = 40;
const longestShown = 300000;

export class EventList {
    constructor(context) {
        this.context = context; // key(), first(), last(), showNumber(n)
        this.pages = new Map(); // page: Promise or lines
        this.lines = h('ol', {class: 'lines', 'aria-label': 'Events'});
        this.space = h('div', {class: 'space'}, this.lines);
        this.element = h('div', {class: 'events', tabindex: '0', role: 'region', 'aria-label': 'All events'}, this.space);
        this.element.addEventListener('scroll', () => this.later(), {passive: true});
        new ResizeObserver(() => this.later()).observe(this.element);
    }

    later() {
        if (this.isPlanned) return;
        this.isPlanned = true;
        requestAnimationFrame(() => {
            this.isPlanned = false;
            this.draw();
        });
    }

    draw() {
        const first = this.context.first(), last = this.context.last(), height = this.element.clientHeight;
        if (!first || !height) return;
        this.space.style.height = (last - first + 1) * lineHeight + 'px';
        const begin = Math.max(0, Math.floor(this.element.scrollTop / lineHeight) - 5);
        const count = Math.min(last - first + 1 - begin, Math.ceil(height / lineHeight) + 10);
        this.lines.style.transform = 'translateY(' + begin * lineHeight + 'px)';
        const focused = document.activeElement?.dataset?.number;
        fill(this.lines, Array.from({length: Math.max(0, count)}, (unused, i) => this.line(first + begin + i)));
        if (focused) this.lines.querySelector('[data-number="' + focused + '"]')?.focus({preventScroll: true});
    }

    line(number) {
        const page = Math.floor(number / pageSize), known = this.pages.get(page);
        const text = Array.isArray(known) ? known[number - page * pageSize] : null;
        if (!Array.isArray(known)) this.load(page);
        else if (text === undefined) this.load(page, true);
        let words = null;
        if (text) {
            const type = JSON.parse(rawMember(text, 'type') ?? '""'), time = timeOf(JSON.parse(rawMember(text, 'ts') ?? 'null'));
            words = [h('time', {class: 'dim'}, Number.isFinite(time) ? clock(time).slice(-8) : ''), h('b', null, quoted(cut(oneLine(type), 60))),
                h('span', {class: 'dim data'}, quoted(cut(rawMember(text, 'data') ?? '', 400)))];
        }
        return h('li', null, h('button', {type: 'button', class: 'event-line', 'data-number': String(number), on: {click: () => this.context.showNumber(number)}},
            h('span', {class: 'number'}, grouped(number)), words));
    }

    async load(page, isStale = false) {
        const known = this.pages.get(page);
        if (known && !(isStale && Array.isArray(known))) return;
        this.pages.delete(page);
        const from = page * pageSize;
        this.pages.set(page, 'asked');
        if (this.pages.size > mostPages) this.pages.delete(this.pages.keys().next().value);
        try {
            const text = await (await get(sessionPath(this.context.key()) + '/history?after=' + Math.max(0, from - 1) + '&before=' + (from + pageSize) + '&limit=' + pageSize)).text();
            const lines = [];
            for (const line of text.split('\n')) {
                if (!line) continue;
                lines[Number(rawMember(line, 'number')) - from] = rawMember(line, 'event');
            }
            this.pages.set(page, lines);
        } catch (error) {
            this.pages.set(page, []);
            announce(error.message, true);
        }
        this.later();
    }

    goTo(number) {
        this.element.scrollTop = Math.max(0, (number - this.context.first()) * lineHeight - 100);
        this.later();
    }
}

// The dialog with one event as it is. context: key(), first(), last(), link(n)
export async function showEvent(context, number) {
    const dialog = document.getElementById('dialog');
    const body = h('div', {class: 'raw'}), title = h('h2', {id: 'dialog-title'}, 'Event ' + grouped(number));
    const go = next => () => showEvent(context, next);
    const address = context.link(number);
    let text = '';
    const before = button('Earlier', go(number - 1), {disabled: number <= context.first()}), after = button('Later', go(number + 1), {disabled: number >= context.last()});
    fill(dialog, h('div', {class: 'dialog-bar'}, title, before, after, button('Copy', () => copy(text)), button('Copy link', () => copy(location.origin + location.pathname + address)),
        h('a', {href: address, on: {click: () => dialog.close()}}, 'In the conversation'), button('Close', () => dialog.close(), {class: 'primary'})), body);
    if (!dialog.open) dialog.showModal();
    try {
        text = await (await get(sessionPath(context.key()) + '/event?number=' + number)).text();
        const isPlain = text.length <= longestShown;
        fill(body, h('pre', {tabindex: '0', 'aria-label': 'Event ' + number}, isPlain ? pretty(text) : text.slice(0, longestShown)),
            !isPlain && h('p', {class: 'dim'}, grouped(text.length - longestShown) + ' more characters: Copy has them all.'));
    } catch (error) {
        fill(body, h('p', {class: 'bad'}, error.message));
    }
}
