// Markdown to elements: headings, lists, tables, quotes, code, emphasis, links with their host. Nothing is fetched, no HTML is
// read, work is linear in the text but for a depth that is limited.
import {h, add, copy, button} from './dom.js';
import {linkTarget} from './text.js';

const deepest = 8;

const fenceStart = /^( {0,3})(`{3,}|~{3,})([^`]*)$/;
const heading = /^ {0,3}(#{1,6})(?:[ \t](.*))?$/;
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const item = /^( *)([-*+]|\d{1,9}[.)])(?:\s+|$)(.*)$/;
const quote = /^ {0,3}> ?(.*)$/;
const divider = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

const startsBlock = line => fenceStart.test(line) || heading.test(line) || rule.test(line) || item.test(line) || quote.test(line);

// The blocks of `lines`: [{first, make}], where `first` is the number of its first line.
function blocks(lines, depth) {
    const found = [];
    let i = 0;
    while (i < lines.length) {
        const line = lines[i], first = i;
        let match;
        if (!line.trim()) {
            i++;
        } else if ((match = fenceStart.exec(line))) {
            const closing = new RegExp('^ {0,3}' + (match[2][0] === '`' ? '`' : '~') + '{' + match[2].length + ',}\\s*$');
            const begin = ++i;
            while (i < lines.length && !closing.test(lines[i])) i++;
            const text = lines.slice(begin, i++).join('\n'), language = match[3].trim().split(/\s/)[0];
            found.push({first, make: () => codeBlock(text, language)});
        } else if ((match = heading.exec(line))) {
            const level = Math.min(6, match[1].length + 2), text = (match[2] ?? '').trim().replace(/(^|[ \t])#+$/, '');
            i++;
            // Headings of a message stand below those of the page.
            found.push({first, make: () => inline(h('h' + level, {class: 'md-h' + (level - 2)}), text)});
        } else if (rule.test(line)) {
            i++;
            found.push({first, make: () => h('hr')});
        } else if (quote.test(line)) {
            const inner = [];
            while (i < lines.length && lines[i].trim() && (match = quote.exec(lines[i]) ?? (startsBlock(lines[i]) ? null : [0, lines[i]]))) {
                inner.push(match[1]);
                i++;
            }
            found.push({first, make: () => depth < deepest ? body(h('blockquote'), inner, depth + 1) : plain(inner)});
        } else if ((match = item.exec(line)) && match[1].length < 4) {
            i = listEnd(lines, i);
            const part = lines.slice(first, i);
            found.push({first, make: () => depth < deepest ? list(part, depth) : plain(part)});
        } else if (line.includes('|') && i + 1 < lines.length && divider.test(lines[i + 1]) && lines[i + 1].includes('|')) {
            i += 2;
            while (i < lines.length && lines[i].trim() && lines[i].includes('|')) i++;
            const part = lines.slice(first, i);
            found.push({first, make: () => table(part)});
        } else if (/^(?: {4}|\t)/.test(line)) {
            while (i < lines.length && (/^(?: {4}|\t)/.test(lines[i]) || !lines[i].trim())) i++;
            const text = lines.slice(first, i).map(each => each.replace(/^(?: {4}|\t)/, '')).join('\n').replace(/\n+$/, '');
            found.push({first, make: () => codeBlock(text, '')});
        } else {
            while (i < lines.length && lines[i].trim() && (i === first || !startsBlock(lines[i]))) i++;
            const text = lines.slice(first, i).map(each => each.trim()).join('\n');
            found.push({first, make: () => paragraph(text)});
        }
    }
    return found;
}

// Its direction is looked for once, not with each piece that is put in.
function paragraph(text) {
    const element = inline(h('p'), text);
    element.setAttribute('dir', 'auto');
    return element;
}

const plain = lines => h('p', {dir: 'auto', class: 'as-is'}, lines.join('\n'));

function body(parent, lines, depth) {
    for (const block of blocks(lines, depth)) parent.append(block.make());
    return parent;
}

const indentOf = line => /^ */.exec(line)[0].length;

// The line after a list that begins at `i`: a blank line ends it unless what follows is indented or an item.
function listEnd(lines, i) {
    const base = indentOf(lines[i]);
    for (i++; i < lines.length; i++) {
        const line = lines[i];
        if (line.trim()) {
            if (indentOf(line) > base || item.test(line)) continue;
            if (!lines[i - 1].trim() || startsBlock(line)) break;
        } else if (i + 1 < lines.length && !(indentOf(lines[i + 1]) > base || item.test(lines[i + 1])) && lines[i + 1].trim()) {
            break;
        }
    }
    return i;
}

function list(lines, depth) {
    const base = indentOf(lines[0]), number = /^\s*(\d+)/.exec(lines[0]);
    const element = number ? h('ol', {start: number[1] === '1' ? null : number[1]}) : h('ul');
    let inner = null, offset = base + 2;
    const finish = () => {
        if (!inner) return;
        const task = /^\[([ xX])\]\s+/.exec(inner[0]), entry = h('li');
        if (task) {
            inner[0] = inner[0].slice(task[0].length);
            entry.append(h('span', {role: 'img', 'aria-label': task[1] === ' ' ? 'open' : 'done'}, task[1] === ' ' ? '\u2610 ' : '\u2611 '));
        }
        const parts = blocks(inner, depth + 1);
        // An item of one paragraph is the paragraph's text.
        for (const part of parts) {
            const made = part.make();
            if (made.tagName === 'P' && parts[0] === part) entry.append(...made.childNodes);
            else entry.append(made);
        }
        element.append(entry);
    };
    for (const line of lines) {
        const match = item.exec(line);
        if (match && match[1].length <= base + 1) {
            finish();
            inner = [match[3]];
            offset = match[1].length + match[2].length + 1;
        } else {
            inner.push(line.slice(Math.min(indentOf(line), offset)));
        }
    }
    finish();
    return element;
}

function cells(line) {
    return line.trim().replace(/^\||\|$/g, '').split(/(?<!\\)\|/).map(each => each.trim().replace(/\\\|/g, '|'));
}

function table(lines) {
    const head = cells(lines[0]).slice(0, 64);
    const row = (tag, texts) => h('tr', null, head.map((unused, i) => inline(h(tag, tag === 'th' ? {scope: 'col'} : null), texts[i] ?? '')));
    return h('div', {class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Table'},
        h('table', null, h('thead', null, row('th', head)), h('tbody', null, lines.slice(2).map(line => row('td', cells(line))))));
}

export function codeBlock(text, language) {
    return h('div', {class: 'code'},
        h('div', {class: 'code-bar'}, h('span', null, language), button('Copy', () => copy(text), {class: 'quiet'})),
        h('pre', {tabindex: '0', 'aria-label': language ? language + ' code' : 'code'}, h('code', null, text)));
}

function link(label, address) {
    const target = linkTarget(address);
    if (!target) return h('span', null, label === address ? label : [label, ' (', address, ')']);
    const shownHost = label.includes(target.host) && !/[^\x20-\x7E]/.test(label) && linkTarget(label)?.host === target.host;
    const anchor = h('a', {href: target.href, target: '_blank', rel: 'noopener noreferrer nofollow', title: target.href}, label);
    return shownHost ? anchor : h('span', null, anchor, h('span', {class: 'host'}, ' (', target.host, ')'));
}

const token = /(`+)|(\*{1,3}|_{1,3}|~~)|(!?\[)|(https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?])|<(https?:\/\/[^\s<>]+)>|\\([!-/:-@[-`{-~])/g;

// The target after `](`: [address, end], or null.
function targetAt(text, at) {
    const match = /^\(\s*(?:<([^<>\n]{0,2000})>|([^\s()]{0,2000}(?:\([^\s()]{0,500}\)[^\s()]{0,500})?))(?:\s+(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?\s*\)/
        .exec(text.slice(at, at + 4000));
    return match ? [match[1] ?? match[2], at + match[0].length] : null;
}

// Appends emphasis, code and links of `text` to `parent`.
export function inline(parent, text) {
    const open = []; // {mark, element} of emphasis that has not ended
    let into = parent, at = 0;
    const put = (...what) => add(into, what);
    token.lastIndex = 0;
    for (let match; (match = token.exec(text));) {
        const [all, ticks, mark, bracket, address, angled, escaped] = match;
        let next = match.index + all.length;
        put(text.slice(at, match.index));
        if (ticks) {
            const end = text.indexOf(ticks, next);
            if (end > 0 && text[end + ticks.length] !== '`') {
                put(h('code', null, text.slice(next, end).replace(/^ (.+) $/, '$1')));
                next = end + ticks.length;
            } else {
                put(ticks);
            }
        } else if (mark) {
            const before = text[match.index - 1] ?? ' ', after = text[next] ?? ' ';
            const inWord = mark[0] === '_' && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
            const last = open.at(-1);
            if (last && last.mark === mark && !/\s/.test(before) && !inWord) {
                into = last.into;
                open.pop();
            } else if (!/\s/.test(after) && !inWord && open.length < deepest && text.indexOf(mark, next) > 0) {
                const element = h(mark === '~~' ? 's' : mark.length === 1 ? 'em' : 'strong');
                into.append(element);
                open.push({mark, into});
                into = element;
            } else {
                put(mark);
            }
        } else if (bracket) {
            const close = closingBracket(text, next);
            const target = close > 0 && text[close + 1] === '(' ? targetAt(text, close + 1) : null;
            if (target) {
                const label = text.slice(next, close).replace(/[`*]/g, '');
                put(link(label || target[0], target[0]));
                next = target[1];
            } else {
                put(bracket);
            }
        } else if (escaped) {
            put(escaped);
        } else {
            put(link(address ?? angled, address ?? angled));
        }
        token.lastIndex = at = next;
    }
    put(text.slice(at));
    return parent;
}

function closingBracket(text, at) {
    let depth = 1;
    for (const end = Math.min(text.length, at + 1000); at < end; at++) {
        if (text[at] === '\\') at++;
        else if (text[at] === '[') depth++;
        else if (text[at] === ']' && --depth === 0) return at;
    }
    return -1;
}

// A text that grows: only its last block is made anew.
export class MarkdownView {
    constructor() {
        this.element = h('div', {class: 'md'});
        this.text = '';
        this.blocks = []; // {at: its first character, node}
    }

    update(text) {
        if (text === this.text) return;
        const goesOn = text.startsWith(this.text) && this.blocks.length > 0;
        const from = goesOn ? this.blocks.at(-1).at : 0;
        while (this.blocks.length && this.blocks.at(-1).at >= from) this.blocks.pop().node.remove();
        this.text = text;
        // Before the marks are read: a character that is not seen must not split or make one.
        const lines = text.slice(from).split(/\r\n|\n/);
        const starts = [];
        let at = from;
        for (const line of lines) {
            starts.push(at);
            at += line.length + (text[at + line.length] === '\r' ? 2 : 1);
        }
        for (const block of blocks(lines, 0)) {
            const node = block.make();
            this.element.append(node);
            this.blocks.push({at: starts[block.first], node});
        }
    }
}

export function markdown(text) {
    const view = new MarkdownView();
    view.update(text);
    return view.element;
}
