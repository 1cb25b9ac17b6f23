// What an edit changed, as lines with signs, from whatever the tool call tells.
import {h, quoted} from './dom.js';
import {counted} from './text.js';

const mostSteps = 2000; // edit steps that are looked for before a change counts as a whole

// The shortest way from lines `a` to lines `b`: [[sign, text], …], sign ' ', '-', '+'.
export function lineDiff(a, b) {
    let head = 0, tail = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) head++;
    while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    const lines = a.slice(0, head).map(text => [' ', text]);
    lines.push(...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)));
    lines.push(...a.slice(a.length - tail).map(text => [' ', text]));
    return lines;
}

// Myers' algorithm; `trace` has for each number of steps the furthest x on each diagonal.
function middle(a, b) {
    const whole = () => [...a.map(text => ['-', text]), ...b.map(text => ['+', text])];
    if (!a.length || !b.length) return whole();
    const limit = Math.min(a.length + b.length, mostSteps);
    const trace = [];
    let reach = new Int32Array(2 * limit + 3);
    const middleAt = limit + 1;
    for (let steps = 0; steps <= limit; steps++) {
        if (steps * steps > 4e6) return whole();
        trace.push(reach.slice(middleAt - steps - 1, middleAt + steps + 2));
        for (let k = -steps; k <= steps; k += 2) {
            let x = k === -steps || (k !== steps && reach[middleAt + k - 1] < reach[middleAt + k + 1])
                ? reach[middleAt + k + 1] : reach[middleAt + k - 1] + 1;
            while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
            reach[middleAt + k] = x;
            if (x >= a.length && x - k >= b.length) return wayBack(a, b, trace);
        }
    }
    return whole();
}

function wayBack(a, b, trace) {
    const lines = [];
    let x = a.length, y = b.length;
    for (let steps = trace.length - 1; steps >= 0; steps--) {
        const at = k => trace[steps][k + steps + 1] ?? 0, k = x - y;
        const previous = k === -steps || (k !== steps && at(k - 1) < at(k + 1)) ? k + 1 : k - 1;
        const fromX = steps ? at(previous) : 0, fromY = steps ? fromX - previous : 0;
        for (; x > fromX && y > fromY; y--) lines.push([' ', a[--x]]);
        if (steps) lines.push(x === fromX ? ['+', b[--y]] : ['-', a[--x]]);
    }
    return lines.reverse();
}

const linesOf = text => {
    const lines = String(text).split('\n');
    if (lines.length > 1 && lines.at(-1) === '') lines.pop();
    return lines;
};

// Only changes with `around` lines before and after: hunks.
function hunksOf(lines, oldStart, newStart, around = 3) {
    const keep = new Uint8Array(lines.length);
    lines.forEach(([sign], i) => {
        if (sign !== ' ') keep.fill(1, Math.max(0, i - around), i + around + 1);
    });
    const hunks = [];
    let hunk = null, oldAt = oldStart, newAt = newStart;
    lines.forEach(([sign, text], i) => {
        if (!keep[i]) hunk = null;
        else {
            if (!hunk) hunks.push(hunk = {oldStart: oldAt, newStart: newAt, lines: []});
            hunk.lines.push([sign, text]);
        }
        if (sign !== '+' && oldAt) oldAt++;
        if (sign !== '-' && newAt) newAt++;
    });
    return hunks;
}

const text = value => typeof value === 'string' ? value : undefined;
const pathIn = input => ['file_path', 'path', 'absolute_path', 'filePath', 'filename', 'target_file', 'notebook_path', 'file']
    .map(name => input[name]).find(value => typeof value === 'string') ?? '';

function fromStructured(result, path) {
    if (!Array.isArray(result?.structuredPatch) || !result.structuredPatch.length) return null;
    const hunks = [];
    for (const each of result.structuredPatch) {
        if (!Array.isArray(each?.lines)) return null;
        hunks.push({
            oldStart: Number(each.oldStart) || 0, newStart: Number(each.newStart) || 0,
            lines: each.lines.filter(line => typeof line === 'string' && /^[-+ ]/.test(line)).map(line => [line[0], line.slice(1)]),
        });
    }
    return [{path, hunks}];
}

function fromPairs(pairs, path) {
    const hunks = pairs.flatMap(([before, after]) => hunksOf(lineDiff(linesOf(before), linesOf(after)), 0, 0));
    return hunks.length ? [{path, hunks}] : null;
}

// "*** Begin Patch" and unified diffs.
export function fromPatch(patch) {
    const files = [];
    let file = null, hunk = null;
    const begin = (path, note) => files.push(file = {path, note, hunks: []});
    for (const line of patch.split('\n')) {
        let match;
        if ((match = /^\*\*\* (Add|Update|Delete) File: (.*)$/.exec(line))) {
            begin(match[2], {Add: 'new', Delete: 'deleted', Update: ''}[match[1]]);
            hunk = null;
        } else if (file && (match = /^\*\*\* Move to: (.*)$/.exec(line))) {
            file.note = 'moved to ' + match[1];
        } else if (/^\*\*\* /.test(line) || /^(diff --git|index |new file mode|deleted file mode|--- )/.test(line)) {
            hunk = null;
        } else if (!hunk && (match = /^\+\+\+ (?:b\/)?(.*)$/.exec(line))) {
            begin(match[1], '');
        } else if (file && (match = /^@@(?: -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@)?/.exec(line))) {
            file.hunks.push(hunk = {oldStart: Number(match[1]) || 0, newStart: Number(match[2]) || 0, lines: []});
        } else if (file && /^[-+ ]/.test(line)) {
            if (!hunk) file.hunks.push(hunk = {oldStart: 0, newStart: 0, lines: []});
            hunk.lines.push([line[0], line.slice(1)]);
        }
    }
    return files.some(each => each.hunks.length) ? files : null;
}

// The files that a call changes: [{path, note, hunks: [{oldStart, newStart, lines: [[sign, text]]}]}], or null if it is no edit.
export function editOf(input, result) {
    if (typeof input === 'string') return fromPatch(input);
    if (typeof input !== 'object' || input === null) return null;
    const path = pathIn(input);
    const structured = fromStructured(result, path);
    if (structured) return structured;
    const before = text(input.old_string) ?? text(input.old_str) ?? text(input.oldString) ?? text(input.oldText);
    const after = text(input.new_string) ?? text(input.new_str) ?? text(input.newString) ?? text(input.newText);
    if (before !== undefined && after !== undefined) return fromPairs([[before, after]], path);
    if (Array.isArray(input.edits)) {
        const pairs = input.edits.map(each => [text(each?.old_string) ?? text(each?.oldText), text(each?.new_string) ?? text(each?.newText)]);
        if (pairs.length && pairs.every(pair => pair[0] !== undefined && pair[1] !== undefined)) return fromPairs(pairs, path);
    }
    const patch = text(input.patch) ?? text(input.input) ?? text(input.diff);
    if (patch !== undefined) return fromPatch(patch);
    return null;
}

const mostLines = 400;

function fileDiff(file, label) {
    const table = h('table', {class: 'diff', 'aria-label': label});
    let shownLines = 0, all = 0;
    for (const hunk of file.hunks) all += hunk.lines.length;
    const numbered = file.hunks.some(hunk => hunk.oldStart || hunk.newStart);
    for (const hunk of file.hunks) {
        let oldAt = hunk.oldStart, newAt = hunk.newStart;
        if (shownLines && shownLines < mostLines) table.append(h('tr', {class: 'skip'}, h('td', {colspan: numbered ? '4' : '2'}, '\u22EF')));
        for (const [sign, line] of hunk.lines) {
            if (shownLines++ >= mostLines) break;
            table.append(h('tr', {class: sign === '+' ? 'added' : sign === '-' ? 'removed' : null},
                numbered && [h('td', {class: 'number'}, sign === '+' || !oldAt ? '' : String(oldAt)),
                    h('td', {class: 'number'}, sign === '-' || !newAt ? '' : String(newAt))],
                h('td', {class: 'sign'}, sign === '-' ? '\u2212' : sign === ' ' ? '' : sign), h('td', {class: 'line'}, line)));
            if (sign !== '+' && oldAt) oldAt++;
            if (sign !== '-' && newAt) newAt++;
        }
    }
    return [h('div', {class: 'wide', tabindex: '0', role: 'region', 'aria-label': label}, table),
        all > mostLines && h('p', {class: 'dim'}, counted(all - mostLines, 'more line', 'more lines') + ': see the raw event')];
}

export function diffView(files, pathWords) {
    return h('div', {class: 'edits'}, files.map(file => [
        (files.length > 1 || file.note) && h('p', {class: 'file'}, quoted(pathWords(file.path)), file.note && h('span', {class: 'dim'}, ' ' + file.note)),
        fileDiff(file, 'Changes of ' + (file.path || 'a file')),
    ]));
}
