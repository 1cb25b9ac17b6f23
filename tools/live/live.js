// The page: what is looked at, by the part of the address after #, and everything that comes from the stream to where it is shown.
//     #/                        the list
//     #/s/KEY                   a session; /e/N at event N; /timeline, /events, /debug
import {h, fill, quoted, button, announce, setText} from './dom.js';
import {routeIn, streamAddress} from './early.js';
import {Stream, get, sessionPath} from './stream.js';
import {SessionList, titleOf} from './list.js';
import {Conversation} from './conversation.js';
import {Watch} from './watch.js';
import {Desk} from './act.js';
import {Find} from './find.js';
import {Timeline} from './timeline.js';
import {EventList, showEvent} from './events.js';
import {DebugView} from './debug.js';
import {todoList, todoWords, usageWords, wholeOf} from './rows.js';
import {Alerts} from './alerts.js';
import {amount, cost, counted, cut, duration, grouped, oneLine, timeOf, visible} from './text.js';

const $ = id => document.getElementById(id);
const str = value => typeof value === 'string' ? value : undefined;

let clockOffset = 0;
let viewer = '';
let route = {view: 'list'};
let watch = null;
let row = null;        // what the list says of the session that is looked at
let viewers = null;
let isLive = false;
let isMissing = false; // the server has no such session (yet): the list goes on without it
let wantedEvent = null; // a number to go to as soon as it is there

const now = () => Date.now() + clockOffset;

// The address has the token only until the cookie is there.
if (new URLSearchParams(location.search).has('token')) history.replaceState(null, '', location.pathname + location.hash);

const list = new SessionList({now});
const alerts = new Alerts(key => {
    location.hash = '#/s/' + encodeURIComponent(key);
}, () => stream.again());

const context = {
    key: () => route.key,
    session: () => watch?.session ?? null,
    directory: () => watch?.session.about.cwd ?? str(row?.directory),
    agent: () => str(row?.agent),
    now,
    isLive: () => isLive && (row?.lane === 'working' || row?.lane === 'needs_you' || row === null),
    isRunning: () => row?.lane === 'working' || row?.lane === 'needs_you',
    can: action => Array.isArray(row?.actions) && row.actions.includes(action),
    viewer: () => viewer,
    first: () => watch?.first ?? 0,
    last: () => Math.max(watch?.lastKnown ?? 0, watch?.session.last ?? 0),
    link: number => '#/s/' + encodeURIComponent(route.key) + '/e/' + number,
    fetchEvent: async number => (await get(sessionPath(route.key) + '/event?number=' + number)).json(),
    wholeCall: node => wholeOf(node, context.fetchEvent),
    showEvent: node => showEvent(context, node.n),
    showNumber: number => showEvent(context, number),
    tellError: error => announce(error.message, true),
    goTo: node => {
        location.hash = context.link(node.n);
    },
    goToNumber: number => {
        location.hash = context.link(number);
    },
    scrolled: view => {
        jumps.update(view);
        if (find.pattern) find.tell();
    },
    touched: node => find.touch(node),
    find: step => find.next(step),
};

const find = new Find(context);
const conversation = new Conversation(context);
find.conversation = conversation;
const desk = new Desk(context);
const timeline = new Timeline(context);
const events = new EventList(context);
const debug = new DebugView(context);

const jumps = {
    failures: h('span', {class: 'pair'}), persons: h('span', {class: 'pair'}),
    end: button('End \u2193', () => conversation.toEnd(), {title: 'End'}),
    update(view) {
        this.end.classList.toggle('away', !view.isAtEnd);
    },
    show(session) {
        const pair = (place, nodes, symbol, what, state) => {
            const words = symbol + ' ' + nodes.length;
            if (place.words === words) return;
            place.words = words;
            place.hidden = nodes.length === 0;
            fill(place, h('span', {class: state}, words), button('\u2191', () => conversation.jump(nodes === session.failures ? context.session().failures : context.session().persons, -1, what), {'aria-label': 'Previous ' + what}),
                button('\u2193', () => conversation.jump(nodes === session.failures ? context.session().failures : context.session().persons, 1, what), {'aria-label': 'Next ' + what}));
        };
        pair(this.failures, session.failures, '\u2717', 'failure', 'bad');
        pair(this.persons, session.persons, '\u276F', 'words of the person', null);
    },
};

const tabs = [['', 'Conversation'], ['timeline', 'Timeline'], ['events', 'Events'], ['debug', 'Debug']];
const page = {
    title: h('h2', {class: 'session-title', tabindex: '-1'}),
    facts: h('p', {class: 'dim facts'}),
    viewers: h('p', {class: 'viewers dim'}),
    todos: h('details', {class: 'todo-box'}),
    loading: h('p', {class: 'loading dim', role: 'status'}),
    tabs: h('nav', {class: 'tabs', 'aria-label': 'Views of the session'}),
    body: h('div', {class: 'session-body'}),
};
page.element = h('div', {class: 'session-page'},
    h('div', {class: 'session-head'}, h('a', {href: '#/', class: 'back'}, '\u2190 Sessions'), page.title, page.facts, page.viewers, page.todos,
        h('div', {class: 'bar'}, page.tabs, h('div', {class: 'jumps'}, find.element, jumps.failures, jumps.persons, jumps.end)), page.loading),
    page.body, desk.element);

// What changed is drawn once for each picture.
let isDrawPlanned = false;
function later() {
    if (isDrawPlanned) return;
    isDrawPlanned = true;
    requestAnimationFrame(() => {
        isDrawPlanned = false;
        drawHead();
    });
}

function drawHead() {
    if (route.view !== 'session' || !watch) return;
    const session = watch.session, about = session.about;
    const title = titleOf(row, about.title ?? str(row?.title)) ?? route.key;
    setText(page.title, cut(oneLine(title), 140));
    const usage = session.usageTotal();
    const facts = [
        str(row?.agent), about.model ?? str(row?.model), about.cwd ?? str(row?.directory), about.git_branch,
        ...usageWords(usage), usage?.cost_usd !== undefined && cost(usage.cost_usd),
        session.context !== undefined && session.contextWindow !== undefined && 'context ' + amount(session.context) + ' of ' + amount(session.contextWindow),
        toolWords(session.toolCount), context.last() > 0 && counted(context.last(), 'event', 'events'),
    ].filter(Boolean);
    const words = facts.join('\u0001');
    if (page.facts.words !== words) {
        page.facts.words = words;
        fill(page.facts, facts.map(fact => h('span', null, quoted(cut(oneLine(fact), 80)))));
    }
    page.todos.hidden = !session.todos?.length;
    if (session.todos?.length && page.todosOf !== session.todos) {
        page.todosOf = session.todos;
        fill(page.todos, h('summary', null, todoWords(session.todos)), todoList(session.todos));
    }
    jumps.show(session);
    desk.update(session.waiting());
    if (route.tab === 'timeline') timeline.update();
    if (route.tab === 'events') events.later();
    if (route.tab === 'debug') debug.later();
}

// `22 tools, 4 in sub-agents`: the first number is that of asm-cat.
function toolWords({own, ofAgents}) {
    return [own > 0 && counted(own, 'tool', 'tools'), ofAgents > 0 && (own > 0 ? grouped(ofAgents) : counted(ofAgents, 'tool', 'tools')) + ' in sub-agents'].filter(Boolean).join(', ');
}

function drawViewers() {
    const others = (viewers?.viewers ?? []).filter(each => each?.viewer !== viewer).map(each => str(each?.name) ?? str(each?.viewer)).filter(Boolean);
    const count = Number(viewers?.count) || 0;
    page.viewers.hidden = count < 2;
    fill(page.viewers, counted(count, 'viewer', 'viewers'), others.length > 0 && [': you, ', quoted(others.map(name => cut(oneLine(name), 40)).join(', '))]);
}

function drawTabs() {
    const base = '#/s/' + encodeURIComponent(route.key);
    fill(page.tabs, tabs.map(([tab, title]) => h('a', {href: base + (tab ? '/' + tab : ''), 'aria-current': route.tab === tab ? 'page' : null}, title)));
    page.element.querySelector('.jumps').hidden = route.tab !== '';
    const element = {'': conversation.element, timeline: timeline.element, events: events.element, debug: debug.element}[route.tab];
    if (page.body.firstChild !== element) page.body.replaceChildren(element);
    if (route.tab === '') conversation.later();
    if (route.tab === 'timeline') timeline.update();
    if (route.tab === 'events') events.later();
    if (route.tab === 'debug') debug.draw();
}

function follow() {
    const before = route;
    route = routeIn(location.hash);
    document.body.dataset.view = route.view;
    if (route.view === 'list') {
        if (watch) closeSession();
        if ($('content').firstChild !== null) fill($('content'));
        isMissing = false;
        $('banner').hidden = true;
        if (before.view === 'session') {
            stream.again();
            list.items.get(before.key)?.link.focus();
        }
    } else {
        if (before.key !== route.key || !watch) openSession();
        wantedEvent = route.event;
        drawTabs();
        goToWanted();
    }
    list.select(route.key);
    nameWindow();
}

function openSession() {
    closeSession();
    row = list.rows.get(route.key) ?? null;
    viewers = null;
    isMissing = false;
    timeline.reset();
    debug.reset();
    events.pages.clear();
    page.todosOf = null;
    jumps.failures.words = jumps.persons.words = '';
    watch = new Watch(route.key, {
        changed: later,
        replaced: session => {
            conversation.setSession(session);
            find.start();
            later();
            goToWanted();
        },
        loading: part => setText(page.loading, part === null ? '' : 'Reading what was before: ' + Math.floor(part * 100) + '%'),
        lost: (first, last, reason) => announce('Events ' + first + ' to ' + last + ' are lost' + (str(reason) ? ': ' + oneLine(reason) : '') + '.', true),
    });
    conversation.isAtEnd = true;
    conversation.setSession(watch.session);
    find.clear();
    setText(page.loading, '');
    if (!page.element.isConnected) fill($('content'), page.element);
    drawHead();
    drawViewers();
    stream.again();
    if (isStarted && matchMedia('(max-width: 899px)').matches) page.title.focus();
}

function closeSession() {
    watch?.close();
    watch = null;
    row = null;
    conversation.setSession(null);
}

// An address can name an event that has not been read yet.
function goToWanted() {
    if (wantedEvent === null || !watch || route.tab !== '') return;
    const session = watch.session;
    if (session.first && wantedEvent >= session.first && wantedEvent <= session.last) {
        conversation.goTo(session.nodeAt(wantedEvent), isStarted);
        wantedEvent = null;
    } else if (watch.isWhole && watch.isCaughtUp) {
        announce('There is no event ' + wantedEvent + ' (yet).', true);
        wantedEvent = null;
    }
}

function nameWindow() {
    const waiting = Number(list.counts.needs_you) || 0;
    const title = route.view === 'session' ? oneLine(titleOf(row, watch?.session.about.title ?? str(row?.title)) ?? 'Session') + ' \u2014 asm-live' : 'asm-live';
    const name = (waiting ? '(' + waiting + ') ' : '') + visible(cut(title, 120));
    if (document.title !== name) document.title = name;
}

function frame(name, data, id) {
    if (id !== undefined && name === '') {
        watch?.event(id, data);
        if (wantedEvent !== null) goToWanted();
        return;
    }
    let told;
    try {
        told = JSON.parse(data);
    } catch {
        return;
    }
    if (Object.hasOwn(frames, name)) frames[name](told);
}

function takeRow(next) {
    if (!watch || next?.key !== route.key) return;
    row = next;
    later();
}

const frames = {
    hello(told) {
        viewer = String(told.viewer ?? '');
        const time = timeOf(told.now);
        if (Number.isFinite(time)) clockOffset = time - Date.now();
        if (watch && told.session?.key === route.key) watch.hello(told.session);
    },
    list(told) {
        list.takeList(told);
        alerts.take([...list.rows.values()]);
        takeRow(list.rows.get(route.key));
        nameWindow();
        lookForMissing();
    },
    changes(told) {
        list.takeChanges(told);
        alerts.take([...list.rows.values()]);
        nameWindow();
        lookForMissing();
    },
    row: takeRow,
    caught_up() {
        watch?.caughtUp();
        goToWanted();
    },
    reset(told) {
        watch?.reset(told.epoch);
        announce('The log was written anew: all is read again.');
    },
    gap(told) {
        watch?.gap(Number(told.first), Number(told.last), told.reason);
    },
    viewers(told) {
        viewers = told;
        drawViewers();
    },
    decided(told) {
        if (told.viewer === viewer) return;
        const who = str(told.name) ?? str(told.viewer) ?? 'Somebody';
        announce(cut(oneLine(who), 40) + ' ' + ({approve: 'approved', edit: 'approved with other arguments', reject: 'rejected'}[told.type] ?? 'answered') + '.');
    },
    debug(told) {
        debug.take(told);
        if (route.tab === 'debug') debug.later();
    },
};

function address() {
    return streamAddress(isMissing ? undefined : watch?.key, Boolean(watch) && watch.lastId() !== null);
}

// The connection in words: it is seen when something is wrong.
function connection(state, reason, wait, refusal) {
    isLive = state === 'open' || (state === 'connecting' && isLive);
    $('connection').className = state;
    setText($('connection'), {open: 'live', connecting: 'connecting\u2026', waiting: 'not connected', refused: 'refused'}[state]);
    const banner = $('banner');
    if (isMissing && route.view === 'session') return;
    banner.hidden = state === 'open' || state === 'connecting';
    if (state === 'waiting' && stream.failures > 1)
        fill(banner, reason + ' Again in ' + duration(wait, true) + '. ', button('Now', () => stream.again()));
    else if (state === 'waiting') banner.hidden = true;
    if (state !== 'refused') return;
    if (refusal.status === 404 && watch) {
        isMissing = true;
        fill(banner, 'There is no session ', quoted(cut(oneLine(route.key), 80)), ' here. ', h('a', {href: '#/'}, 'To the list'));
        stream.again();
    } else {
        fill(banner, refusal.status === 401 ? 'The server does not know you: open the address that it printed at its start.' : reason);
    }
}

// It may appear later.
function lookForMissing() {
    if (!isMissing || !list.rows.has(route.key)) return;
    isMissing = false;
    $('banner').hidden = true;
    stream.again();
}

const stream = new Stream({address, lastId: () => watch?.lastId() ?? null, frame, state: connection});

function help() {
    const keys = [['/', 'find in the session; in the list: search the sessions'], ['n N', 'next, previous place that was found'], ['j k', 'next, previous row'], ['Enter', 'unfold a row'], ['o', 'unfold a sub-agent'], ['f F', 'next, previous failure'],
        ['p P', 'next, previous words of the person'], ['e', 'to the end'], ['Home', 'to the beginning'], ['r', 'the event as it is'], ['Escape', 'back to the list']];
    const dialog = $('dialog');
    fill(dialog, h('div', {class: 'dialog-bar'}, h('h2', {id: 'dialog-title'}, 'Keys'), button('Close', () => dialog.close(), {class: 'primary'})),
        h('dl', {class: 'keys'}, keys.map(([key, words]) => [h('dt', null, key.split(' ').map(each => [h('kbd', null, each), ' '])), h('dd', null, words)])));
    if (!dialog.open) dialog.showModal();
}

document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || $('dialog').open) return;
    const isTyping = event.target.closest('input, textarea, select');
    if (event.key === '/' && !isTyping) {
        event.preventDefault();
        if (route.view === 'session' && route.tab === '') {
            find.focus();
            return;
        }
        if (route.view === 'session' && matchMedia('(max-width: 899px)').matches) location.hash = '#/';
        list.search.focus();
    } else if (event.key === '?' && !isTyping) {
        event.preventDefault();
        help();
    } else if (event.key === 'Escape' && route.view === 'session' && !isTyping) {
        location.hash = '#/';
    } else if (event.key === 'Escape' && isTyping) {
        event.target.blur();
    }
});

let isStarted = false;
fill($('list'), list.element);
fill($('choices'), alerts.element, button('?', help, {class: 'quiet', 'aria-label': 'Keys'}));
$('skip').addEventListener('click', event => {
    event.preventDefault();
    (route.view === 'session' ? $('content') : $('list').querySelector('a, input')).focus();
});
addEventListener('hashchange', follow);
setInterval(() => {
    if (document.hidden) return;
    list.tick();
    desk.tick();
    for (const element of conversation.element.querySelectorAll('.words [data-since]'))
        setText(element, ' ' + duration(Math.max(0, now() - Number(element.dataset.since)), true));
}, 1000);
follow();
isStarted = true;
if (route.view === 'list') stream.start();
