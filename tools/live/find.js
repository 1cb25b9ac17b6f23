// Search in the session that is looked at: which rows have a text, how many, and from one to the next. Several 100,000 rows are
// looked through in slices, so that nothing else waits.
import {h, button, announce, setText} from './dom.js';
import {pause, slice} from './watch.js';
import {questionText} from './rows.js';
import {grouped} from './text.js';

const patience = 120;      // milliseconds after a key until it is looked for
const mostMarks = 2000;    // places that are marked at a time
const markup = /[*_`~]/g;

// Calls `tell` with each text in a value; true as soon as that gives true.
function someText(value, tell, depth = 0) {
    if (typeof value === 'string') return tell(value);
    if (typeof value === 'number') return tell(String(value));
    if (typeof value !== 'object' || value === null || depth > 8) return false;
    for (const name in value) if (someText(value[name], tell, depth + 1)) return true;
    return false;
}

// Whether a row has what is looked for, in its text as it came or as it is read. Long texts of calls are known by their beginning.
export function hasText(node, pattern) {
    const is = text => text !== undefined && (pattern.test(text) || (/[*_`~]/.test(text) && pattern.test(text.replace(markup, ''))));
    switch (node.kind) {
    case 'message':
    case 'person': return is(node.text);
    case 'call': return is(node.name) || is(node.display) || is(node.error) || is(node.output) || is(node.live) || someText(node.input, is) || someText(node.changes, is);
    case 'todos': return node.todos.some(todo => is(todo.text));
    case 'ask': return is(questionText(node.approval));
    default: return [node.model, node.cwd, node.branch, node.title, node.reason, node.error, node.type, node.text, node.hint].some(is);
    }
}

export const patternOf = words => new RegExp(words.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'i');

// Where a row of this number stands, or would, among rows by their numbers.
function placeOf(nodes, n) {
    let low = 0, high = nodes.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (nodes[middle].n < n) low = middle + 1;
        else high = middle;
    }
    return low;
}

export class Find {
    // context: session(); the conversation comes later, by `conversation`
    constructor(context) {
        this.context = context;
        this.words = '';
        this.matches = [];      // rows that have it, by their numbers
        this.touched = new Set();
        this.round = 0;
        this.input = h('input', {type: 'search', placeholder: 'Find in this session', 'aria-label': 'Find in this session', spellcheck: 'false', autocomplete: 'off'});
        this.count = h('span', {class: 'dim', role: 'status'});
        this.steps = h('span', {class: 'pair', hidden: true}, button('\u2191', () => this.next(-1), {'aria-label': 'Previous place'}),
            button('\u2193', () => this.next(1), {'aria-label': 'Next place'}));
        this.element = h('span', {class: 'find', role: 'search'}, this.input, this.count, this.steps);
        this.input.addEventListener('input', () => {
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this.start(), patience);
        });
        this.input.addEventListener('keydown', event => this.key(event));
        this.marks = typeof Highlight === 'function' && CSS.highlights ? new Highlight() : null;
        if (this.marks) CSS.highlights.set('found', this.marks);
    }

    key(event) {
        if (event.key === 'Escape' && this.input.value !== '') {
            event.stopPropagation();
            this.clear();
        } else if (event.key === 'Enter') {
            event.preventDefault();
            if (this.input.value !== this.words) this.start();
            this.next(event.shiftKey ? -1 : 1);
        }
    }

    clear() {
        this.input.value = '';
        this.start();
    }

    focus() {
        this.input.focus();
        this.input.select();
    }

    // Looks through all rows anew.
    async start() {
        clearTimeout(this.timer);
        const round = ++this.round, session = this.context.session();
        this.words = this.input.value;
        this.pattern = this.words === '' || !session ? null : patternOf(this.words);
        this.matches = [];
        this.touched.clear();
        this.isBusy = this.pattern !== null;
        this.tell();
        if (!this.pattern) return;
        // One step each: a row, then what stands below it.
        const stack = [{nodes: session.root.children, at: 0}];
        let begin = performance.now(), steps = 0;
        while (stack.length) {
            const top = stack.at(-1), node = top.nodes[top.at++];
            if (!node) stack.pop();
            else {
                this.test(node);
                if (node.children) stack.push({nodes: node.children, at: 0});
            }
            if (++steps % 16 || performance.now() - begin < slice) continue;
            this.tell();
            await pause();
            if (round !== this.round) return;
            begin = performance.now();
        }
        this.isBusy = false;
        this.tell();
        const wanted = this.wanted;
        this.wanted = undefined;
        if (wanted) this.next(wanted);
    }

    test(node) {
        const has = hasText(node, this.pattern);
        let at = placeOf(this.matches, node.n);
        while (this.matches[at] && this.matches[at] !== node && this.matches[at].n === node.n) at++;
        const stands = this.matches[at] === node;
        if (has && !stands) this.matches.splice(at, 0, node);
        if (!has && stands) this.matches.splice(at, 1);
    }

    // A row is new, or has changed.
    touch(node) {
        if (!this.pattern) return;
        this.touched.add(node);
        this.later ??= setTimeout(() => {
            this.later = undefined;
            if (!this.pattern) return;
            for (const each of this.touched) this.test(each);
            this.touched.clear();
            this.tell();
        }, patience);
    }

    // To the next or previous row that has it; from the end on to the other end.
    next(step) {
        if (!this.pattern) {
            this.focus();
            return;
        }
        const {selected, isAtEnd} = this.conversation, nodes = this.matches;
        if (!nodes.length && this.isBusy) this.wanted = step; // as soon as there is one
        else if (!nodes.length) announce('Nowhere in this session.');
        if (!nodes.length) return;
        const here = selected?.n ?? (isAtEnd ? Infinity : this.conversation.place()?.n ?? 0);
        const at = placeOf(nodes, here);
        let wanted = step > 0 ? at + (nodes[at]?.n === here ? 1 : 0) : at - 1;
        if (here === Infinity) wanted = nodes.length - 1; // who reads the end wants what was last
        else if (wanted < 0 || wanted >= nodes.length) announce(wanted < 0 ? 'On from the end.' : 'On from the beginning.');
        this.show(nodes[(wanted + nodes.length) % nodes.length]);
    }

    show(node) {
        this.conversation.goTo(node, false);
        this.tell();
        // What is folded away is unfolded.
        requestAnimationFrame(() => requestAnimationFrame(() => {
            const element = this.conversation.views.get(node)?.element;
            if (element && this.pattern && !node.isExpanded && !this.pattern.test(element.textContent) && ['call', 'message', 'person', 'todos'].includes(node.kind))
                this.conversation.toggle(node);
        }));
    }

    tell() {
        const at = this.matches.indexOf(this.conversation?.selected);
        this.steps.hidden = this.words === '';
        const count = grouped(this.matches.length) + (this.isBusy ? '\u2026' : '');
        setText(this.count, this.words === '' ? '' : at >= 0 ? grouped(at + 1) + ' of ' + count : count);
        this.mark();
    }

    // Marks the places in the rows that are on the page.
    mark() {
        if (!this.marks) return;
        this.marks.clear();
        if (!this.pattern) return;
        const all = new RegExp(this.pattern, 'gi');
        const walker = document.createTreeWalker(this.conversation.list, NodeFilter.SHOW_TEXT);
        for (let text; this.marks.size < mostMarks && (text = walker.nextNode());)
            for (const found of text.data.matchAll(all)) {
                const range = new Range();
                range.setStart(text, found.index);
                range.setEnd(text, found.index + found[0].length);
                this.marks.add(range);
                if (this.marks.size >= mostMarks) break;
            }
    }
}
