// What an agent server tells for debugging: middleware actions, snapshots of the state and what changed between them.
import {h, fill, quoted, button} from './dom.js';
import {codeBlock} from './markdown.js';
import {differences, pretty} from './json.js';
import {clock, counted, cut, oneLine} from './text.js';
import {get, sessionPath} from './stream.js';
import {callWords, taskFacts, isTask} from './tools.js';

const longestValue = 2000;

export class DebugView {
    // context: key(), session(), fetchEvent(n), showNumber(n), goTo(node), can(action), tellError(error)
    constructor(context) {
        this.context = context;
        this.loose = []; // debug events without a number: kept here, the last of them
        this.element = h('div', {class: 'debug', tabindex: '0', role: 'region', 'aria-label': 'Debug'});
        this.result = h('div', {class: 'differences', 'aria-live': 'polite'});
    }

    reset() {
        this.loose = [];
        fill(this.result);
    }

    take(event) {
        if (this.loose.length >= 40) this.loose.shift();
        this.loose.push({event, time: Date.parse(event?.ts ?? '')});
    }

    snapshots() {
        const numbered = (this.context.session()?.snapshots ?? []).map(each => ({...each, load: async () => (await this.context.fetchEvent(each.n))?.data?.state}));
        const loose = this.loose.filter(each => each.event?.type === 'agent_state_update').map(each => ({time: each.time, load: async () => each.event?.data?.state}));
        return [...numbered, ...loose].slice(-60);
    }

    actions() {
        const numbered = (this.context.session()?.middleware ?? []).map(each => ({...each, load: async () => (await this.context.fetchEvent(each.n))?.data?.data}));
        const loose = this.loose.filter(each => each.event?.type === 'middleware_action')
            .map(({event, time}) => ({time, id: event?.data?.middleware, action: event?.data?.action, load: async () => event?.data?.data}));
        return [...numbered, ...loose].slice(-200);
    }

    // At most once a second.
    later() {
        this.timer ??= setTimeout(() => {
            this.timer = null;
            if (this.element.isConnected) this.draw();
        }, this.isDrawn ? 1000 : 0);
    }

    draw() {
        this.isDrawn = true;
        const session = this.context.session();
        if (!session || this.element.contains(document.activeElement) && document.activeElement !== this.element) return;
        const snapshots = this.snapshots(), actions = this.actions(), tasks = this.tasks(session.root);
        fill(this.element,
            h('section', {'aria-labelledby': 'debug-state'}, h('h2', {id: 'debug-state'}, 'State'),
                this.context.can('state') && button('The state as it is now', () => this.now()),
                snapshots.length === 0 && h('p', {class: 'dim'}, 'No snapshot of the state was told.'),
                h('ol', {class: 'plain-list'}, snapshots.map((each, i) => h('li', null, h('span', {class: 'dim'}, clock(each.time), ' '),
                    each.isRestored ? 'restored ' : '', button('Show', () => this.show(each), {class: 'quiet'}),
                    i > 0 && button('What changed', () => this.compare(snapshots[i - 1], each), {class: 'quiet'}))))),
            this.result,
            h('section', {'aria-labelledby': 'debug-middleware'}, h('h2', {id: 'debug-middleware'}, 'Middleware'),
                actions.length === 0 && h('p', {class: 'dim'}, 'No action of middleware was told.'),
                h('ol', {class: 'plain-list'}, actions.map(each => h('li', null, h('span', {class: 'dim'}, clock(each.time), ' '), quoted(cut(oneLine(each.id ?? ''), 80)), ' ',
                    h('strong', null, quoted(cut(oneLine(each.action ?? ''), 120))), ' ', button('Data', () => this.value(each, 'Data'), {class: 'quiet'}))))),
            h('section', {'aria-labelledby': 'debug-agents'}, h('h2', {id: 'debug-agents'}, 'Sub-agents'),
                tasks ?? h('p', {class: 'dim'}, 'None was started.')));
    }

    tasks(node) {
        const calls = (node.children ?? []).filter(child => child.kind === 'call' && (child.children?.length || isTask(child)));
        return calls.length === 0 ? null : h('ul', {class: 'tree'}, calls.map(call => {
            const told = callWords(call, undefined), facts = taskFacts(call).facts;
            return h('li', null, h('span', {'aria-hidden': 'true'}, told.mark, ' '), button([quoted(told.words + told.subject), facts && ' (' + facts + ')'], () => this.context.goTo(call), {class: 'quiet'}), this.tasks(call));
        }));
    }

    async guarded(work) {
        try {
            await work();
        } catch (error) {
            this.context.tellError(error);
        }
    }

    now() {
        return this.guarded(async () => {
            const text = await (await get(sessionPath(this.context.key()) + '/state')).text();
            fill(this.result, h('h3', null, 'The state now'), codeBlock(pretty(text).slice(0, 300000), 'state'));
        });
    }

    show(snapshot) {
        return this.guarded(async () => fill(this.result, h('h3', null, 'The state at ' + clock(snapshot.time)), codeBlock(text(await snapshot.load()).slice(0, 300000), 'state')));
    }

    value(action, label) {
        return this.guarded(async () => fill(this.result, h('h3', null, label), codeBlock(text(await action.load()).slice(0, 300000), 'data')));
    }

    compare(before, after) {
        return this.guarded(async () => {
            const found = differences(await before.load(), await after.load());
            fill(this.result, h('h3', null, 'What changed at ' + clock(after.time) + ': ' + counted(found.length, 'place', 'places')),
                found.length > 0 && h('div', {class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Differences'}, h('table', {class: 'changes'},
                    h('thead', null, h('tr', null, ['Where', 'Before', 'After'].map(title => h('th', {scope: 'col'}, title)))),
                    h('tbody', null, found.map(each => h('tr', null, h('td', null, quoted(each.path || '(all)')),
                        h('td', {class: 'removed'}, 'before' in each ? cut(text(each.before), longestValue) : ''), h('td', {class: 'added'}, 'after' in each ? cut(text(each.after), longestValue) : '')))))));
        });
    }
}

function text(value) {
    return value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
