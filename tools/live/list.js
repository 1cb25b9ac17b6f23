// The sessions in lanes: who needs you, who works, who is done.
import {h, fill, quoted, button, setText} from './dom.js';
import {amount, cost, counted, cut, duration, grouped, oneLine, timeOf, unmarked} from './text.js';
import {get} from './stream.js';

export const lanes = [['needs_you', 'Needs you'], ['working', 'Working'], ['done', 'Done'], ['failed', 'Failed'], ['idle', 'Idle']];

const str = value => typeof value === 'string' ? value : undefined;
const num = value => typeof value === 'number' && Number.isFinite(value) ? value : undefined;

// Longest wait first, begun first, else changed last first.
function order(lane) {
    const by = lane === 'needs_you' || lane === 'working' ? row => -timeOf(row.since) : row => timeOf(row.changed);
    return (a, b) => (by(b) || 0) - (by(a) || 0) || (a.key < b.key ? -1 : 1);
}

const page = 50;

// What a session is called: its title, else what was said first, else its id.
export function titleOf(row, title = str(row?.title)) {
    return title ?? (str(row?.first_words) !== undefined ? unmarked(row.first_words) : str(row?.session_id) ?? row?.key);
}

export class SessionList {
    constructor({now}) {
        this.now = now;
        this.rows = new Map();
        this.counts = {};
        this.found = null;     // rows of a search, by the server
        this.items = new Map();
        this.more = {};
        this.selected = null;
        this.search = h('input', {type: 'search', id: 'search', placeholder: 'Search', 'aria-label': 'Search sessions', autocomplete: 'off', spellcheck: 'false', on: {input: () => this.ask()}});
        this.agent = h('select', {'aria-label': 'Agent', on: {change: () => this.ask()}});
        this.directory = h('select', {'aria-label': 'Directory', on: {change: () => this.ask()}});
        this.filters = h('div', {class: 'filters'}, this.search, this.agent, this.directory);
        this.places = new Map(lanes.map(([lane, title]) => {
            const count = h('span', {class: 'count'}), list = h('ul');
            const more = button('', () => {
                this.more[lane] = (this.more[lane] ?? 0) + page;
                if (this.shownCount(lane) > this.all().filter(row => row.lane === lane).length) this.ask(0);
                this.show();
            }, {class: 'quiet'});
            const section = h('section', {class: 'lane ' + lane, 'aria-labelledby': 'lane-' + lane}, h('h2', {id: 'lane-' + lane}, title, ' ', count), list, more);
            return [lane, {section, count, list, more}];
        }));
        this.empty = h('p', {class: 'dim empty'});
        this.element = h('div', {class: 'list'}, this.filters, this.empty, h('div', {class: 'lanes'}, [...this.places.values()].map(place => place.section)));
        this.options(this.agent, 'All agents', []);
        this.options(this.directory, 'All directories', []);
    }

    shownCount(lane) {
        return page + (this.more[lane] ?? 0);
    }

    isFiltered() {
        return this.search.value.trim() !== '' || this.chosen(this.agent) !== '' || this.chosen(this.directory) !== '';
    }

    // What a filter stands on; '' is all. Options are numbered: what they stand for is in no attribute.
    chosen(select) {
        return select.values?.[Number(select.value) - 1] ?? '';
    }

    options(select, title, values) {
        const chosen = this.chosen(select);
        const all = [...new Set(values.filter(value => str(value)))].sort().slice(0, 500);
        if (chosen && !all.includes(chosen)) all.unshift(chosen);
        if (select.values && select.values.length === all.length && all.every((value, i) => value === select.values[i])) return;
        select.values = all;
        fill(select, h('option', {value: '0'}, title), all.map((value, i) => h('option', {value: String(i + 1)}, cut(oneLine(value), 60))));
        select.value = String(all.indexOf(chosen) + 1);
        select.hidden = all.length < 2 && !chosen;
    }

    takeList(data) {
        this.rows.clear();
        for (const row of data.rows ?? []) if (str(row?.key)) this.rows.set(row.key, row);
        this.agents = data.agents;
        this.directories = data.directories;
        this.takeCounts(data);
    }

    takeChanges(data) {
        for (const row of data.rows ?? []) {
            if (!str(row?.key)) continue;
            this.rows.set(row.key, row);
            this.found?.has(row.key) && this.found.set(row.key, row);
        }
        for (const key of data.gone ?? []) {
            this.rows.delete(key);
            this.found?.delete(key);
        }
        this.takeCounts(data);
        if (this.found) this.ask(2000);
    }

    takeCounts(data) {
        if (data.counts) this.counts = data.counts;
        this.options(this.agent, 'All agents', this.agents ?? [...this.rows.values()].map(row => row.agent));
        this.options(this.directory, 'All directories', this.directories ?? [...this.rows.values()].map(row => row.directory));
        this.show();
    }

    // What the stream does not have is asked for: soon, but not with each letter.
    ask(wait = 120) {
        if (!this.isFiltered() && !Object.values(this.more).some(count => count > 0)) {
            this.found = null;
            this.show();
            return;
        }
        if (this.isAsking) return;
        this.isAsking = true;
        setTimeout(async () => {
            this.isAsking = false;
            const number = this.asked = (this.asked ?? 0) + 1;
            const query = new URLSearchParams({limit: String(Math.min(1000, page + Math.max(0, ...Object.values(this.more)) * lanes.length))});
            if (this.search.value.trim()) query.set('q', this.search.value.trim());
            for (const name of ['agent', 'directory']) if (this.chosen(this[name])) query.set(name, this.chosen(this[name]));
            try {
                const data = await (await get('/api/list?' + query)).json();
                if (number !== this.asked) return;
                this.found = new Map((data.rows ?? []).filter(row => str(row?.key)).map(row => [row.key, row]));
                this.total = num(data.total);
            } catch {
                this.found = null; // what the stream gave is searched instead
            }
            this.show();
        }, wait);
        this.show();
    }

    all() {
        if (this.found && this.isFiltered()) return [...this.found.values()];
        let rows = [...new Map([...(this.found ?? []), ...this.rows]).values()];
        const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
        if (words.length) rows = rows.filter(row => {
            const text = [row.title, row.first_words, row.directory, row.agent, row.what, row.session_id, row.key].filter(str).join('\n').toLowerCase();
            return words.every(word => text.includes(word));
        });
        for (const name of ['agent', 'directory']) if (this.chosen(this[name])) rows = rows.filter(row => row[name] === this.chosen(this[name]));
        return rows;
    }

    select(key) {
        if (this.selected !== key) this.isAway = key !== undefined;
        this.selected = key;
        this.bringNear();
        for (const [each, item] of this.items) item.link.toggleAttribute('data-current', each === key);
        for (const [each, item] of this.items) each === key ? item.link.setAttribute('aria-current', 'page') : item.link.removeAttribute('aria-current');
    }

    // Beside a session its row is in sight, once; what the reader does then stays.
    bringNear() {
        const item = this.items.get(this.selected);
        if (!this.isAway || !item?.element.isConnected) return;
        this.isAway = false;
        item.link.scrollIntoView({block: 'nearest'});
    }

    show() {
        if (this.isPlanned) return;
        this.isPlanned = true;
        const draw = () => {
            this.isPlanned = false;
            this.draw();
        };
        document.hidden ? setTimeout(draw, 200) : requestAnimationFrame(draw);
    }

    draw() {
        const rows = this.all(), isFiltered = this.isFiltered(), kept = new Set();
        for (const [lane] of lanes) {
            const place = this.places.get(lane);
            const mine = rows.filter(row => row.lane === lane).sort(order(lane));
            const count = isFiltered ? mine.length : num(this.counts[lane]) ?? mine.length;
            setText(place.count, grouped(count));
            place.section.hidden = count === 0 && mine.length === 0;
            const shown = mine.slice(0, this.shownCount(lane));
            let previous = null;
            for (const row of shown) {
                kept.add(row.key);
                const item = this.item(row);
                const next = previous ? previous.nextSibling : place.list.firstChild;
                if (next !== item.element) place.list.insertBefore(item.element, next);
                previous = item.element;
            }
            place.more.hidden = count <= shown.length || shown.length < this.shownCount(lane);
            setText(place.more, 'Show more of ' + grouped(count));
        }
        for (const [key, item] of this.items)
            if (!kept.has(key)) {
                item.element.remove();
                this.items.delete(key);
            }
        this.empty.hidden = rows.length > 0;
        setText(this.empty, isFiltered ? 'No session matches.' : 'No session yet. It appears here as soon as an agent says something.');
        this.tick();
        requestAnimationFrame(() => this.bringNear()); // where it is, is known when all has been laid out
    }

    item(row) {
        let item = this.items.get(row.key);
        if (!item) {
            const link = h('a', {href: '#/s/' + encodeURIComponent(row.key), class: 'session'});
            item = {element: h('li', null, link), link, row: null};
            this.items.set(row.key, item);
            if (row.key === this.selected) {
                link.setAttribute('aria-current', 'page');
                link.toggleAttribute('data-current', true);
            }
        }
        if (item.row !== row) {
            item.row = row;
            this.fillItem(item.link, row);
        }
        return item;
    }

    fillItem(link, row) {
        const title = titleOf(row);
        const tokens = num(row.output_tokens) !== undefined || num(row.input_tokens) !== undefined;
        const since = timeOf(row.since), whatSince = timeOf(row.what_since);
        fill(link,
            h('span', {class: 'line'}, h('span', {class: 'title'}, quoted(cut(oneLine(title), 200))),
                Number.isFinite(since) && h('span', {class: 'dim since', 'data-since': String(since)})),
            str(row.what) && h('span', {class: 'what'}, quoted(cut(oneLine(row.what), 240)),
                row.lane !== 'done' && Number.isFinite(whatSince) && [' ', h('span', {class: 'dim', 'data-since': String(whatSince)})]),
            h('span', {class: 'dim facts'},
                str(row.agent) && h('span', null, quoted(cut(oneLine(row.agent), 40))),
                str(row.directory) && h('span', {class: 'directory', title: row.directory}, quoted(shortDirectory(oneLine(row.directory)))),
                num(row.todo_count) && h('span', null, 'todo ' + (num(row.todo_done) ?? 0) + '/' + row.todo_count),
                tokens && h('span', {title: [num(row.input_tokens) !== undefined && counted(row.input_tokens, 'token', 'tokens') + ' in', num(row.output_tokens) !== undefined && grouped(row.output_tokens) + ' out'].filter(Boolean).join(', ')},
                    amount((num(row.input_tokens) ?? 0) + (num(row.output_tokens) ?? 0)) + ' tokens'),
                num(row.cost_usd) !== undefined && h('span', null, cost(row.cost_usd)),
                num(row.viewers) > 0 && h('span', null, counted(row.viewers, 'viewer', 'viewers'))));
    }

    // How long something has been so: once a second.
    tick() {
        for (const element of this.element.querySelectorAll('[data-since]')) setText(element, duration(Math.max(0, this.now() - Number(element.dataset.since)), true));
    }
}

function shortDirectory(path) {
    const parts = path.split('/').filter(Boolean);
    return parts.length > 2 ? '\u2026/' + parts.slice(-2).join('/') : path;
}
