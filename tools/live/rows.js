// A node of a session as a row of the conversation.
import {h, fill, add, quoted, button, copy} from './dom.js';
import {MarkdownView, codeBlock, markdown} from './markdown.js';
import {callWords, taskFacts, plainWords, isTask, kindOf} from './tools.js';
import {isFailed, isEnded, outputText, usageOf} from './model.js';
import {editOf, diffView} from './diff.js';
import {imagesOf} from './images.js';
import {amount, clock, cost, counted, cut, duration, firstLine, grouped, oneLine, shortPath, unmarked} from './text.js';

const shortOutput = 10;      // lines of an output before it is unfolded
const longestOutput = 60000; // characters that are put on the page at once

// "3,396 tokens out, 231k in (94% cached)"
export function usageWords(usage) {
    if (!usage) return [];
    const words = [];
    if (usage.output_tokens !== undefined) words.push(amount(usage.output_tokens) + ' tokens out');
    if (usage.input_tokens !== undefined) {
        const cached = usage.cache_read_tokens > 0 && usage.input_tokens > 0
            ? ' (' + Math.floor(usage.cache_read_tokens / usage.input_tokens * 100) + '% cached)' : '';
        words.push(amount(usage.input_tokens) + ' in' + cached);
    }
    return words;
}

function shell(node, state) {
    const element = h('article', {class: 'row ' + node.kind + (state ? ' ' + state : ''), tabindex: '-1', 'data-n': String(node.n)});
    element.style.setProperty('--depth', Math.min(node.depth, 8));
    return element;
}

function side(node, context) {
    return h('div', {class: 'side'},
        h('time', {title: Number.isFinite(node.time) ? new Date(node.time).toISOString() : 'no time'}, Number.isFinite(node.time) ? clock(node.time).slice(-8) : ''),
        button('\u22EF', () => context.showEvent(node), {class: 'quiet more', 'aria-label': 'Event ' + node.n + ', as it is'}));
}

// The symbol of a row that can be unfolded is the button for it.
function markButton(symbol, label, isOpen, toggle) {
    return button(symbol, toggle, {class: 'mark', 'aria-expanded': String(isOpen), 'aria-label': label});
}

const mark = symbol => h('span', {class: 'mark', 'aria-hidden': 'true'}, symbol);

// A click on the words unfolds, unless somebody marks text.
function clickable(element, toggle) {
    element.addEventListener('click', event => {
        if (event.target.closest('a, button, pre, table') || String(getSelection())) return;
        toggle();
    });
    return element;
}

function message(node, context) {
    const element = shell(node);
    const view = new MarkdownView();
    const head = h('p', {class: 'dim'}), main = h('div', {class: 'main'}, head, view.element), place = h('div', {class: 'place'});
    const toggle = () => context.toggle(node);
    element.append(place, main, side(node, context));
    const update = () => {
        const folds = node.isThinking || node.retracted;
        element.classList.toggle('thinking', node.isThinking);
        element.classList.toggle('retracted', Boolean(node.retracted));
        element.classList.toggle('streaming', node.isStreaming);
        const isOpen = !folds || node.isExpanded;
        const words = node.retracted ? 'Withdrawn' + (node.retracted.reason ? ' (' + cut(oneLine(node.retracted.reason), 60) + ')' : '')
            : node.isThinking ? 'Reasoning' : '';
        fill(place, folds ? markButton(isOpen ? '\u25BE' : '\u25B8', words, Boolean(node.isExpanded), toggle) : node.isStreaming ? mark('\u25D0') : null);
        fill(head, words, folds && !isOpen ? [words && ': ', quoted(cut(oneLine(unmarked(firstLine(node.text.slice(0, 600)))), 160))] : null,
            node.role && node.role !== 'assistant' ? [' ', quoted(cut(oneLine(node.role), 40))] : null,
            node.phase === 'commentary' ? ' Commentary' : null);
        head.hidden = !head.firstChild;
        view.element.hidden = !isOpen;
        if (isOpen) view.update(node.text);
        main.querySelector(':scope > .cut')?.remove();
        const notes = [node.isIncomplete && 'It broke off here.', node.over > 0 && counted(node.over, 'more character is', 'more characters are') + ' in the raw event.'].filter(Boolean);
        if (notes.length && isOpen) main.append(h('p', {class: 'cut dim'}, notes.join(' ')));
    };
    clickable(head, toggle);
    update();
    return {element, update};
}

const origins = {hook: 'From a hook', task_notification: 'From a task', replay: 'Replayed', context: 'Context', command: 'From a command'};

function person(node, context) {
    const element = shell(node, node.isSynthetic || node.isPrompt ? 'synthetic' : null);
    const lines = node.text.split('\n');
    const isLong = lines.length > 20 || node.text.length > 3000;
    const toggle = () => context.toggle(node);
    const place = h('div', {class: 'place'}), main = h('div', {class: 'main'});
    element.append(place, main, side(node, context));
    const update = () => {
        const who = node.isSynthetic ? origins[node.origin] ?? (node.origin ? 'From ' + cut(oneLine(node.origin), 40) : 'Written by a program')
            : node.isPrompt ? 'Prompt' : node.role && node.role !== 'user' ? cut(oneLine(node.role), 40) : '';
        if (node.isSynthetic && !node.isExpanded) {
            fill(place, markButton('\u25B8', who, false, toggle));
            fill(main, h('p', {class: 'dim'}, who, ': ', quoted(cut(oneLine(firstLine(node.text.slice(0, 600))), 160))));
            return;
        }
        fill(place, node.isSynthetic ? markButton('\u25BE', who, true, toggle) : mark('\u276F'));
        const text = isLong && !node.isExpanded ? cut(lines.slice(0, 12).join('\n'), 2400) : node.text;
        fill(main, who && h('p', {class: 'dim'}, who), h('div', {class: 'said', dir: 'auto'}, text),
            isLong && !node.isSynthetic && button(node.isExpanded ? 'Less' : 'All ' + counted(lines.length, 'line', 'lines'), toggle, {class: 'quiet'}),
            node.over > 0 && h('p', {class: 'dim'}, counted(node.over, 'more character is', 'more characters are') + ' in the raw event.'));
    };
    update();
    return {element, update};
}

// A text in a box: its beginning, and all of it when asked for.
function textBox(label, text, isWhole, more) {
    const lines = text.split('\n');
    const shown = isWhole ? text.slice(0, longestOutput) : lines.slice(0, shortOutput).join('\n').slice(0, 4000);
    const rest = text.length - shown.length;
    return h('div', {class: 'box'},
        h('div', {class: 'code-bar'}, h('span', null, label), button('Copy', () => copy(text), {class: 'quiet'})),
        h('pre', {tabindex: '0', 'aria-label': label}, shown),
        rest > 0 && !isWhole && more && button('All ' + counted(lines.length, 'line', 'lines'), more, {class: 'quiet'}),
        rest > 0 && isWhole && h('p', {class: 'dim'}, counted(rest, 'more character', 'more characters') + ': Copy has them all.'));
}

function json(value) {
    return typeof value === 'string' ? value : JSON.stringify(value, null, 2) ?? '';
}

function inputView(call, whole) {
    const input = whole?.input ?? call.input;
    if (input === undefined) return null;
    const kind = kindOf(call.name);
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
        const rest = {...input}, parts = [];
        const command = kind === 'command' ? ['command', 'cmd', 'script'].find(name => typeof input[name] === 'string') : undefined;
        if (command) {
            parts.push(codeBlock(input[command], 'command'));
            delete rest[command];
        }
        if (typeof input.prompt === 'string' && isTask(call)) {
            parts.push(h('div', {class: 'box'}, h('div', {class: 'code-bar'}, h('span', null, 'prompt')), markdown(input.prompt.slice(0, longestOutput))));
            delete rest.prompt;
        }
        if (Object.keys(rest).length) parts.push(codeBlock(json(rest).slice(0, longestOutput), 'input'));
        return parts;
    }
    return codeBlock(json(input).slice(0, longestOutput), 'input');
}

function decisionWords(approval) {
    const decision = approval?.decision;
    if (!decision) return null;
    const words = decision.isGranted
        ? {always: '\u2713 Approved, always', edit: '\u2713 Approved with other arguments', answer: '\u2713 Answered'}[decision.word] ?? '\u2713 Approved'
        : {withdrawn: '\u2717 Withdrawn', timeout: '\u2717 Nobody decided in time'}[decision.word] ?? '\u2717 Denied';
    const answer = decision.answer === undefined ? '' : typeof decision.answer === 'string' ? decision.answer : JSON.stringify(decision.answer);
    const more = decision.reason ?? answer;
    return h('p', {class: decision.isGranted ? 'ok' : 'bad'}, words, more && [': ', quoted(cut(oneLine(more), 400))],
        decision.policy && h('span', {class: 'dim'}, ' by rule ', quoted(cut(oneLine(decision.policy), 60))));
}

function call(node, context) {
    const element = shell(node);
    const place = h('div', {class: 'place'}), words = h('p', {class: 'words'}), body = h('div', {class: 'body'}), fold = h('div', {class: 'fold'});
    const main = h('div', {class: 'main'}, words, fold, body);
    element.append(place, main, side(node, context));
    const toggle = () => context.toggle(node);
    clickable(words, toggle);
    let whole = null; // input and output that were fetched, as the model keeps only parts of large ones
    let shownMark = '';

    const load = async () => {
        try {
            whole = await context.wholeCall(node);
        } catch (error) {
            context.tellError(error);
        }
        update();
        if (!element.contains(document.activeElement)) element.focus({preventScroll: true});
    };

    const head = () => {
        const told = callWords(node, context.directory());
        for (const state of ['runs', 'done', 'failed', 'waits', 'open']) element.classList.toggle(state, told.state === state);
        const key = told.mark + Boolean(node.isExpanded);
        if (key !== shownMark) {
            keepFocus(place, () => fill(place, markButton(told.mark, 'Details of event ' + node.n, Boolean(node.isExpanded), toggle)));
            shownMark = key;
        }
        const since = told.state === 'runs' && Number.isFinite(node.started) && context.isLive()
            ? h('span', {class: 'dim', 'data-since': String(node.started)}, '') : null;
        fill(words, h('strong', null, told.words), quoted(told.subject, 'subject'), told.reason && [h('span', {class: 'reason'}, ' \u2014 ', quoted(told.reason))],
            told.facts && h('span', {class: 'dim'}, ' (' + told.facts + ')'), since);
    };

    const foldView = () => {
        const count = node.children?.length ?? 0;
        if (!count && !isTask(node)) return fill(fold);
        const told = taskFacts(node);
        const kind = node.agentKind ? cut(oneLine(node.agentKind), 60) : 'Sub-agent';
        const usage = node.usage ? usageWords(node.usage)[0] : null;
        const now = !isEnded(node) && told.last ? plainWords(told.last, context.directory()) : '';
        const state = isEnded(node) ? isFailed(node) ? 'failed' : 'finished' : node.isLost ? 'its end was not told' : node.status === 'running_in_background' ? 'running in the background' : 'running';
        const line = [quoted(kind), ': ', state, told.facts && ', ' + told.facts, usage && ', ' + usage, now && [' \u00B7 ', quoted(cut(now, 120))]];
        keepFocus(fold, () => fill(fold, count ? button([node.isOpen ? '\u25BE ' : '\u25B8 ', line], () => context.fold(node), {class: 'quiet', 'aria-expanded': String(node.isOpen)}) : h('p', {class: 'dim'}, line)));
    };

    const bodyView = () => {
        const isWhole = Boolean(node.isExpanded);
        const files = editOf(whole?.input ?? node.input, whole?.result ?? node.result);
        const isPartial = node.isInputPartial || node.isResultPartial || (node.outputSize ?? 0) > (node.output?.length ?? 0);
        const parts = [decisionWords(node.approval)];
        if (files && !isFailed(node)) parts.push(diffView(isWhole ? files : firstLines(files, 14), path => shortPath(path, context.directory())));
        if (!isWhole) {
            if (files && !isFailed(node) && lineCount(files) > 14) parts.push(button('All ' + counted(lineCount(files), 'line', 'lines'), toggle, {class: 'quiet'}));
            if (!isEnded(node) && node.live) parts.push(h('pre', {class: 'live', tabindex: '0', 'aria-label': 'Output so far'}, node.live.split('\n').slice(-4).join('\n').slice(-600)));
            return fill(body, parts);
        }
        if (isPartial && !whole) parts.push(button('Load all of input and output', load, null));
        if (!files || isFailed(node)) parts.push(inputView(node, whole));
        else if (!files.some(file => file.path)) parts.push(inputView(node, whole));
        const output = whole?.output ?? node.output;
        if (node.error !== undefined && node.error !== output) parts.push(h('div', {class: 'bad-box'}, textBox('error', node.error, true)));
        if (output) parts.push(textBox(isFailed(node) ? 'output (failed)' : 'output', output, node.isOutputOpen || Boolean(whole), () => {
            node.isOutputOpen = true;
            update();
        }));
        else if (node.live) parts.push(textBox('output so far', node.live, true));
        if (node.hasImage && !whole) parts.push(button('Show the image', load, null));
        for (const image of whole?.images ?? []) parts.push(h('img', {src: image.url, alt: 'An image that ' + cut(oneLine(node.name ?? 'the tool'), 60) + ' gave', loading: 'lazy'}));
        const facts = [node.exitCode !== undefined && 'exit ' + node.exitCode, node.duration !== undefined && duration(node.duration), ...usageWords(node.usage), node.usage?.cost_usd !== undefined && cost(node.usage.cost_usd)].filter(Boolean);
        if (facts.length) parts.push(h('p', {class: 'dim'}, facts.join(', ')));
        fill(body, parts);
    };

    const update = () => {
        head();
        foldView();
        keepFocus(body, bodyView);
    };
    update();
    return {element, update};
}

// What had the focus has it again, as far as it is still there.
function keepFocus(place, draw) {
    const controls = () => [...place.querySelectorAll('button, [tabindex], a, summary')];
    const at = place.contains(document.activeElement) ? controls().indexOf(document.activeElement) : -1;
    draw();
    if (at >= 0) controls()[at]?.focus({preventScroll: true});
}

const lineCount = files => files.reduce((sum, file) => sum + file.hunks.reduce((lines, hunk) => lines + hunk.lines.length, 0), 0);

function firstLines(files, count) {
    const some = [];
    for (const file of files) {
        if (count <= 0) break;
        const hunks = [];
        for (const hunk of file.hunks) {
            if (count <= 0) break;
            hunks.push({...hunk, lines: hunk.lines.slice(0, count)});
            count -= hunk.lines.length;
        }
        some.push({...file, hunks});
    }
    return some;
}

function line(node, context, state, symbol, ...words) {
    const element = shell(node, state);
    element.append(h('div', {class: 'place'}, mark(symbol)), h('div', {class: 'main'}, h('p', {class: 'words'}, words)), side(node, context));
    return {element, update() {}};
}

// A row without parts that live on: made anew when it changes.
function plain(make) {
    return (node, context) => {
        const view = make(node, context);
        view.update = () => {
            const next = make(node, context).element;
            view.element.className = next.className;
            view.element.replaceChildren(...next.childNodes);
        };
        return view;
    };
}

function run(node, context) {
    const who = node.model ?? context.agent();
    return line(node, context, null, '\u25CF', h('strong', null, quoted(cut(oneLine(who || 'Agent'), 80)), ' session started'), node.cwd && [' in ', quoted(cut(oneLine(node.cwd), 200))],
        node.branch && [' (', quoted(cut(oneLine(node.branch), 80)), ')'], node.title && [': ', quoted(cut(oneLine(node.title), 200))]);
}

function end(node, context) {
    const isGood = node.outcome === 'completed';
    const title = {completed: 'Session complete', failed: 'Session failed', cancelled: 'Session cancelled', timeout: 'Session timed out'}[node.outcome];
    const facts = [...usageWords(node.usage), node.tools > 0 && counted(node.tools, 'tool', 'tools'), node.failed > 0 && grouped(node.failed) + ' failed', node.openCalls > 0 && counted(node.openCalls, 'call never ended', 'calls never ended'),
        node.duration !== undefined && duration(node.duration), node.usage?.cost_usd !== undefined && cost(node.usage.cost_usd)].filter(Boolean);
    const code = node.reason ?? node.code;
    const why = code === 'stream_ended' && node.error ? null : code; // the words tell it, and how
    const made = line(node, context, isGood ? null : 'failed', isGood ? '\u25CF' : '\u2717',
        h('strong', null, title), why && [' (', quoted(cut(oneLine(why), 60)), ')'], node.error && h('span', {class: 'reason'}, ' \u2014 ', quoted(cut(oneLine(node.error), 400))),
        facts.length ? ' \u2014 ' + facts.join(', ') : null);
    if (node.denied.length) {
        const names = new Map();
        for (const name of node.denied) names.set(name, (names.get(name) ?? 0) + 1);
        add(made.element.querySelector('.main'), h('p', {class: 'bad'}, '\u2717 ' + counted(node.denied.length, 'call was', 'calls were') + ' not allowed: ',
            quoted([...names].map(([name, count]) => cut(oneLine(name), 60) + (count > 1 ? ' \u00D7' + count : '')).join(', '))));
    }
    return made;
}

// What a code tells of why a request is sent again.
function retryWords(code) {
    if (['429', '503', '529', 'rate_limit', 'overloaded'].includes(code)) return 'API busy';
    return ['connection', 'stream_ended', 'timeout'].includes(code) ? 'No answer' : 'API error';
}

// As asm-cat writes it: what begins with a word of small letters begins with a capital.
const sentence = text => /^[a-z]+[ :,]/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;

function notice(node, context) {
    const isBad = node.level === 'error';
    if (node.attempt !== undefined)
        return line(node, context, 'warns', '\u25CF', retryWords(node.code), node.code && [' (', quoted(cut(oneLine(node.code), 24)), ')'], ': retry ' + grouped(node.attempt) +
            (node.most !== undefined ? ' of ' + grouped(node.most) : '') + (node.wait !== undefined ? ' in ' + duration(node.wait) : ''));
    const known = node.text !== undefined;
    const resets = Date.parse(node.resets ?? '');
    return line(node, context, isBad ? 'failed' : node.level === 'warning' ? 'warns' : known ? null : 'unknown', isBad ? '\u2717' : known ? '\u25CF' : '?',
        known ? quoted(cut(oneLine(sentence(firstLine(node.text))), 400)) : quoted(cut(oneLine(node.type), 80)),
        node.hint && [' \u2014 ', quoted(cut(oneLine(node.hint), 400))],
        node.level !== 'info' && Number.isFinite(resets) && ', again at ' + clock(resets));
}

const todoMarks = {completed: '\u2713', in_progress: '\u25D0', pending: '\u00B7', cancelled: '\u2717'};

export function todoList(todos) {
    return h('ul', {class: 'todos'}, todos.map(todo => h('li', {class: todo.status === 'completed' ? 'done' : todo.status === 'in_progress' ? 'now' : null},
        h('span', {class: 'mark', role: 'img', 'aria-label': todo.status ?? 'unknown'}, todoMarks[todo.status] ?? '?'), quoted(cut(oneLine(todo.text), 400)))));
}

export function todoWords(todos) {
    const done = todos.filter(todo => todo.status === 'completed').length;
    const now = todos.find(todo => todo.status === 'in_progress');
    return ['Todo ' + done + '/' + todos.length, now && [': ', quoted(cut(oneLine(now.text), 160))]];
}

function todos(node, context) {
    const element = shell(node);
    const toggle = () => context.toggle(node);
    element.append(h('div', {class: 'place'}, markButton(node.isExpanded ? '\u25BE' : '\u25CF', 'Todo list', Boolean(node.isExpanded), toggle)),
        h('div', {class: 'main'}, clickable(h('p', {class: 'words'}, todoWords(node.todos)), toggle), node.isExpanded && todoList(node.todos)), side(node, context));
    return {element, update() {}};
}

function ask(node, context) {
    const approval = node.approval;
    const isOpen = !approval.decision && !approval.isWithdrawn;
    const made = line(node, context, isOpen ? 'waits' : null, '\u25CF', h('strong', null, approval.kind === 'question' ? 'Question: ' : 'Approve? '),
        quoted(cut(oneLine(questionText(approval)), 400)), approval.isWithdrawn && !approval.decision && h('span', {class: 'dim'}, ' (no longer waiting)'));
    add(made.element.querySelector('.main'), decisionWords(approval));
    return made;
}

// What a person is asked.
export function questionText(approval) {
    const input = approval.input;
    if (typeof input === 'string') return input;
    if (typeof input?.question === 'string') return input.question;
    if (Array.isArray(input?.questions)) return input.questions.map(each => typeof each?.question === 'string' ? each.question : '').filter(Boolean).join(' ');
    return approval.reason ?? approval.name ?? (input === undefined ? '' : JSON.stringify(input));
}

const makers = {message, person, call, run: plain(run), end: plain(end), notice: plain(notice), todos: plain(todos), ask: plain(ask)};

// {element, update} for a node; update() is called when the node has changed.
export function rowView(node, context) {
    return makers[node.kind](node, context);
}

// Pixels that a row takes, before it is known.
export function likelyHeight(node) {
    if (node.kind === 'message' && !node.isThinking) return 13 + Math.min(4000, Math.ceil(node.text.length / 90) * 22);
    if (node.kind === 'person') return 24 + Math.min(12, node.text.split('\n', 12).length) * 22;
    return 30;
}

// Input and output of a call, whole, from its events.
export async function wholeOf(node, fetchEvent) {
    const begin = node.inputAt !== undefined ? (await fetchEvent(node.inputAt))?.data : null;
    const finish = node.endAt !== undefined ? (await fetchEvent(node.endAt))?.data : null;
    return {
        input: begin?.tool_input ?? finish?.tool_input, output: outputText(finish?.tool_output), result: finish?.tool_result,
        usage: usageOf(finish?.token_usage), images: imagesOf(finish),
    };
}
