// What a person can do: decide, answer, say something, cancel. Each names what it is about; what counts is told by the events that follow.
import {h, quoted, button, announce, setText} from './dom.js';
import {codeBlock, markdown} from './markdown.js';
import {editOf, diffView} from './diff.js';
import {post, sessionPath, Refusal} from './stream.js';
import {cut, oneLine, shortPath, duration} from './text.js';
import {questionText} from './rows.js';
import {kindOf} from './tools.js';
import {pretty} from './json.js';

const str = value => typeof value === 'string' ? value : undefined;

export class Desk {
    // context: key(), viewer(), can(action), directory(), now(), fetchEvent(n)
    constructor(context) {
        this.context = context;
        this.cards = new Map();
        this.asks = h('section', {class: 'asks', 'aria-label': 'Needs you'});
        this.text = h('textarea', {rows: '1', 'aria-label': 'Message to the agent', placeholder: 'Message to the agent', on: {
            input: () => this.grow(), keydown: event => {
                if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
                    event.preventDefault();
                    this.send();
                }
            }}});
        this.sendButton = button('Send', () => this.send());
        this.cancelButton = button('Cancel run', () => this.cancel(), {class: 'danger'});
        this.form = h('div', {class: 'say'}, this.text, this.sendButton, this.cancelButton);
        this.element = h('footer', {class: 'desk', 'aria-label': 'Acting'}, this.asks, this.form);
        this.update([]);
    }

    grow() {
        this.text.style.height = 'auto';
        this.text.style.height = Math.min(160, this.text.scrollHeight + 2) + 'px';
    }

    update(waiting) {
        this.waiting = waiting;
        const keys = new Set(waiting.map(approval => approval.key));
        for (const [key, card] of this.cards)
            if (!keys.has(key)) {
                const had = card.element.contains(document.activeElement);
                card.element.remove();
                this.cards.delete(key);
                if (had) (this.asks.querySelector('button, textarea') ?? document.querySelector('.conversation'))?.focus();
            }
        for (const approval of waiting) {
            let card = this.cards.get(approval.key);
            if (!card || card.n !== approval.n) {
                card?.element.remove();
                card = {element: this.card(approval), n: approval.n};
                this.cards.set(approval.key, card);
                this.asks.append(card.element);
            }
        }
        this.asks.hidden = waiting.length === 0;
        const can = action => this.context.can(action);
        this.text.hidden = this.sendButton.hidden = !can('message');
        this.cancelButton.hidden = !can('cancel') || !this.context.isRunning();
        this.form.hidden = this.text.hidden && this.cancelButton.hidden;
        this.element.hidden = this.form.hidden && this.asks.hidden;
        for (const approval of waiting) {
            const {element} = this.cards.get(approval.key), isOurs = can('resume') && approval.interrupt !== undefined;
            for (const controls of element.querySelectorAll('.controls')) controls.hidden = !isOurs;
            element.querySelector('.watch-only').hidden = isOurs;
        }
    }

    card(approval) {
        const isQuestion = approval.kind === 'question';
        const note = h('p', {class: 'note', role: 'status'});
        const body = isQuestion ? this.question(approval, note) : this.approval(approval, note);
        return h('div', {class: 'ask', 'data-key': approval.key},
            h('h3', null, isQuestion ? 'Question' : ['Approve? ', quoted(cut(oneLine(approval.name ?? 'a tool'), 80))],
                Number.isFinite(approval.time) && [' ', h('span', {class: 'dim', 'data-since': String(approval.time)})]),
            approval.reason && !isQuestion && h('p', null, quoted(oneLine(approval.reason))), body,
            h('p', {class: 'dim watch-only', hidden: true}, 'This can only be watched here: decide where it runs.'), note);
    }

    // All of the input is shown: a person decides by it.
    inputOf(approval) {
        const input = approval.input;
        if (input === undefined) return h('p', {class: 'dim'}, 'Its arguments were not told.');
        const files = editOf(input, null);
        const command = kindOf(approval.name) === 'command' && typeof input === 'object' && input !== null ? ['command', 'cmd', 'script'].find(name => str(input[name]) !== undefined) : undefined;
        const all = pretty(approval.rawInput ?? JSON.stringify(input));
        const isMore = files || (command && Object.keys(input).length > 1);
        return h('div', {class: 'asked'}, files && diffView(files, path => shortPath(path, this.context.directory())), command && codeBlock(input[command], 'command'),
            isMore ? h('details', {open: Boolean(command) && !files}, h('summary', null, 'All arguments'), codeBlock(all, 'arguments')) : !command && codeBlock(all, 'arguments'));
    }

    approval(approval, note) {
        const reason = h('input', {type: 'text', 'aria-label': 'Why not (optional)', placeholder: 'Why not (optional)', maxlength: '2000'});
        const edit = h('textarea', {class: 'edit', 'aria-label': 'Arguments, as JSON', spellcheck: 'false', rows: '6'});
        const editPart = h('div', {class: 'edit-part', hidden: true}, edit);
        const rejectPart = h('div', {class: 'reject-part', hidden: true}, reason);
        const decide = (type, more, text) => this.decide(approval, {decisions: [{tool_call_id: approval.callId, type, ...more}]}, note, text);
        const sendEdit = button('Approve as edited', () => {
            try {
                JSON.parse(edit.value);
            } catch (error) {
                setText(note, 'That is no JSON: ' + error.message);
                edit.focus();
                return;
            }
            decide('edit', {}, edit.value);
        });
        const sendReject = button('Reject', () => decide('reject', reason.value.trim() ? {message: reason.value.trim()} : {}), {class: 'danger'});
        reason.addEventListener('keydown', event => event.key === 'Enter' && sendReject.click());
        editPart.append(sendEdit);
        rejectPart.append(sendReject);
        const open = (part, field) => {
            const isOpen = part.hidden;
            editPart.hidden = rejectPart.hidden = true;
            part.hidden = !isOpen;
            if (isOpen) field.focus();
        };
        edit.value = approval.input === undefined ? '{}' : pretty(approval.rawInput ?? JSON.stringify(approval.input));
        return [this.inputOf(approval), h('div', {class: 'controls'},
            button('Approve', () => decide('approve'), {class: 'primary'}),
            approval.callId !== undefined && button('Edit\u2026', () => open(editPart, edit)),
            button('Reject\u2026', () => open(rejectPart, reason), {class: 'danger'})), editPart, rejectPart];
    }

    question(approval, note) {
        const answer = value => this.decide(approval, {answer: value}, note);
        const questions = Array.isArray(approval.input?.questions) ? approval.input.questions : null;
        const options = approval.options.length ? approval.options : questions?.length === 1 && Array.isArray(questions[0]?.options) ? questions[0].options : [];
        const text = h('textarea', {rows: '2', 'aria-label': 'Your answer', placeholder: options.length ? 'Or another answer' : 'Your answer'});
        const choice = option => {
            const label = str(option.label) ?? str(option.id) ?? '';
            return h('li', null, button(cut(oneLine(label), 200), () => answer(str(option.id) ?? label)), str(option.description) && h('span', {class: 'dim'}, ' ', quoted(option.description)));
        };
        return [markdown(questionText(approval)), h('div', {class: 'controls'}, options.length ? h('ul', {class: 'options'}, options.slice(0, 50).map(choice)) : null,
            text, button('Answer', () => {
                if (text.value.trim()) answer(text.value.trim());
                else text.focus();
            }, {class: 'primary'}))];
    }

    // The interrupt and the call are named: a decision can never count for another.
    async decide(approval, body, note, argumentsText) {
        const card = this.cards.get(approval.key)?.element;
        const controls = card ? [...card.querySelectorAll('button')].filter(each => !each.closest('.code-bar')) : [];
        for (const control of controls) control.disabled = true;
        setText(note, 'Sent\u2026');
        const named = {...body};
        if (approval.interrupt !== undefined) named.interrupt = approval.interrupt;
        if (approval.requestId !== undefined) named.request_id = approval.requestId;
        try {
            let text = JSON.stringify(named);
            // As they were typed: numbers keep their digits.
            if (argumentsText !== undefined) text = text.replace('"type":"edit"', () => '"type":"edit","arguments":' + argumentsText);
            await this.act('resume', text);
            setText(note, 'Taken.');
        } catch (error) {
            const other = error.body?.decided;
            const who = str(other?.name) ?? str(other?.viewer);
            const done = {approve: 'approved', edit: 'approved with other arguments', reject: 'rejected'}[other?.type] ?? 'decided';
            setText(note, error.code === 'already_decided' ? (who ? cut(oneLine(who), 60) + ' was first: ' : 'Somebody else was first: ') + done + '.' : error.message);
            if (error.code === 'already_decided') announce(note.textContent);
            else for (const control of controls) control.disabled = false;
        }
    }

    act(what, body) {
        return post(sessionPath(this.context.key()) + '/' + what + '?viewer=' + encodeURIComponent(this.context.viewer()), body);
    }

    async send() {
        const text = this.text.value;
        if (!text.trim()) return;
        this.sendButton.disabled = true;
        try {
            await this.act('message', {text});
            if (this.text.value === text) this.text.value = '';
            this.grow();
            announce('Sent.');
        } catch (error) {
            announce(error instanceof Refusal ? error.message : 'Not sent: the server cannot be reached.', true);
        }
        this.sendButton.disabled = false;
    }

    async cancel() {
        if (this.cancelButton.dataset.sure === undefined) {
            this.cancelButton.dataset.sure = '';
            setText(this.cancelButton, 'Really cancel?');
            setTimeout(() => {
                delete this.cancelButton.dataset.sure;
                setText(this.cancelButton, 'Cancel run');
            }, 4000);
            return;
        }
        try {
            await this.act('cancel', {});
            announce('Cancelled.');
        } catch (error) {
            announce(error instanceof Refusal ? error.message : 'Not cancelled: the server cannot be reached.', true);
        }
    }

    tick() {
        for (const element of this.asks.querySelectorAll('[data-since]')) setText(element, 'waits ' + duration(Math.max(0, this.context.now() - Number(element.dataset.since)), true));
    }
}
