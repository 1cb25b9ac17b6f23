// Lanes of time and a flame graph, drawn on a canvas, usable by mouse and by keyboard.
import {h, fill, quoted, button, setText} from './dom.js';
import {lanesOf, flameOf, measures} from './spans.js';
import {clock, cut, duration, oneLine, visible} from './text.js';

const laneHeight = 20, frameHeight = 22, axisHeight = 22, titleWidth = 120, narrowTitleWidth = 64;

function colors() {
    const style = getComputedStyle(document.documentElement);
    return new Proxy({}, {get: (unused, name) => style.getPropertyValue('--' + name).trim()});
}

const spanColor = {run: 'dim', waits: 'warn', text: 'accent', thinking: 'think', person: 'person', tool: 'ok', failed: 'bad'};

// A canvas as wide as its place, in device pixels.
function context2d(canvas, width, height) {
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.style.width = width + 'px';
        canvas.style.height = height + 'px';
    }
    const context = canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = '12px system-ui, "DejaVu Sans Mono", sans-serif';
    context.textBaseline = 'middle';
    return context;
}

function textIn(context, text, x, y, width) {
    if (width < 24) return;
    const fits = Math.floor(width / 6.2);
    context.fillText(visible(cut(oneLine(text), Math.max(2, fits))), x, y, width);
}

function stepOf(span, pixels) {
    const wanted = span / Math.max(1, pixels / 110);
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];
    return steps.find(step => step >= wanted) ?? Math.ceil(wanted / 864e5) * 864e5;
}

export class Timeline {
    // context: session(), directory(), now(), goTo(node), goToNumber(n), isLive()
    constructor(context) {
        this.context = context;
        this.measure = 'time';
        this.view = null;  // [from, to] of the lanes
        this.zoomed = null; // path of the flame graph's frame
        this.canvas = h('canvas', {tabindex: '0', role: 'application', 'aria-label': 'Timeline: arrows choose, plus and minus zoom, Enter goes to the event'});
        this.flame = h('canvas', {tabindex: '0', role: 'application', 'aria-label': 'Flame graph: arrows choose, plus zooms in, 0 zooms out, Enter goes to the event'});
        this.told = h('p', {class: 'told', role: 'status'});
        this.flameTold = h('p', {class: 'told', role: 'status'});
        this.choices = h('div', {class: 'segmented', role: 'group', 'aria-label': 'Flame graph by'}, Object.entries(measures).map(([name, measure]) =>
            button(measure.title, () => this.choose(name), {'data-measure': name, 'aria-pressed': String(name === 'time')})));
        this.scroller = h('div', {class: 'canvas-place', tabindex: '-1'}, this.canvas);
        this.longest = h('ol', {class: 'plain-list'});
        this.element = h('div', {class: 'timeline'},
            h('section', {'aria-labelledby': 'timeline-title'}, h('div', {class: 'bar'}, h('h2', {id: 'timeline-title'}, 'Timeline'),
                button('+', () => this.zoom(0.5), {'aria-label': 'Zoom in'}), button('\u2212', () => this.zoom(2), {'aria-label': 'Zoom out'}), button('All', () => this.all())),
            this.scroller, this.told),
            h('section', {'aria-labelledby': 'flame-title'}, h('div', {class: 'bar'}, h('h2', {id: 'flame-title'}, 'Flame graph'), this.choices, button('Whole', () => this.zoomTo(null))),
                this.flame, this.flameTold),
            h('section', {'aria-labelledby': 'longest-title'}, h('h2', {id: 'longest-title'}, 'Longest calls'), this.longest));
        this.listen();
        new ResizeObserver(() => this.later()).observe(this.element);
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.later());
    }

    reset() {
        this.view = this.zoomed = this.selected = this.selectedFrame = null;
        this.data = null;
    }

    later() {
        if (this.isPlanned) return;
        this.isPlanned = true;
        requestAnimationFrame(() => {
            this.isPlanned = false;
            if (this.element.isConnected) this.draw();
        });
    }

    // New events: what is drawn is made anew, at most once a second, and never for more than a twentieth of the time.
    update() {
        this.timer ??= setTimeout(() => {
            this.timer = null;
            this.data = null;
            this.later();
        }, this.data ? Math.max(1000, 20 * this.loadTime) : 0);
    }

    load() {
        const session = this.context.session();
        if (this.data || !session) return;
        const begin = performance.now();
        const now = this.context.isLive() && session.runs.some(run => !run.outcome) ? this.context.now() : session.end;
        const lanes = lanesOf(session, this.context.directory(), now);
        let from = Infinity, to = -Infinity;
        for (const lane of lanes)
            for (const span of lane.spans) {
                from = Math.min(from, span.from);
                to = Math.max(to, span.to);
            }
        this.data = {lanes, from, to: Math.max(to, from + 1), flame: flameOf(session, this.measure, this.context.directory(), now)};
        this.drawLongest();
        this.loadTime = performance.now() - begin;
    }

    drawLongest() {
        const calls = this.data.lanes.flatMap(lane => lane.spans).filter(span => span.node?.kind === 'call' && span.kind !== 'waits' && span.to - span.from >= 50)
            .sort((a, b) => b.to - b.from - a.to + a.from).slice(0, 10);
        this.longest.parentElement.hidden = calls.length === 0;
        fill(this.longest, calls.map(span => h('li', null, button([duration(span.to - span.from), ' ', quoted(cut(oneLine(span.text()), 160))], () => this.context.goTo(span.node), {class: 'quiet'}))));
    }

    range() {
        return this.view ?? [this.data.from, this.data.to];
    }

    draw() {
        this.load();
        if (!this.data) return;
        this.drawLanes();
        this.drawFlame();
    }

    drawLanes() {
        const {lanes} = this.data, width = this.scroller.clientWidth;
        const height = axisHeight + Math.max(1, lanes.length) * laneHeight + 4;
        const context = context2d(this.canvas, width, height), color = colors();
        const [from, to] = this.range();
        const titles = width > 500 ? titleWidth : narrowTitleWidth;
        const x = time => titles + (time - from) / (to - from) * (width - titles);
        this.geometry = {titles, width, from, to};
        if (!Number.isFinite(this.data.from)) {
            context.fillStyle = color.dim;
            context.fillText('No event tells a time.', 8, 12);
            return;
        }
        const step = stepOf(to - from, width - titles);
        context.fillStyle = color.dim;
        context.strokeStyle = color.line;
        for (let time = Math.ceil((from - this.data.from) / step) * step + this.data.from; time <= to; time += step) {
            const at = Math.round(x(time)) + 0.5;
            context.beginPath();
            context.moveTo(at, axisHeight - 4);
            context.lineTo(at, height);
            context.stroke();
            context.fillText('+' + duration(time - this.data.from), at + 3, axisHeight / 2, 100);
        }
        lanes.forEach((lane, i) => this.drawLane(context, color, lane, axisHeight + i * laneHeight, x));
        this.drawTitles(context, color, lanes, titles);
    }

    drawLane(context, color, lane, y, x) {
        const {titles, width, from, to} = this.geometry;
        let drawn = -1;
        for (const span of lane.spans) {
            if (span.to < from || span.from > to) continue;
            const left = Math.max(titles, x(span.from)), right = Math.max(left + 2, Math.min(width, x(span.to)));
            if (right <= drawn && span !== this.selected) continue; // another pixel's worth was drawn there
            drawn = right;
            context.fillStyle = color[spanColor[span.kind]];
            context.fillRect(left, y + 2, right - left, laneHeight - 4);
            if (span === this.selected || span.node === this.selected?.node) {
                context.strokeStyle = color.text;
                context.lineWidth = 2;
                context.strokeRect(left, y + 2, right - left, laneHeight - 4);
                context.lineWidth = 1;
            }
            context.fillStyle = color['on-fill'];
            if (right - left > 32) textIn(context, span.text(), left + 4, y + laneHeight / 2, right - left - 8);
        }
    }

    drawTitles(context, color, lanes, titles) {
        context.fillStyle = color.bg;
        context.fillRect(0, axisHeight, titles - 4, lanes.length * laneHeight);
        context.fillStyle = color.text;
        lanes.forEach((lane, i) => textIn(context, lane.title, 2, axisHeight + i * laneHeight + laneHeight / 2, titles - 10));
    }

    framesOf() {
        const frames = [];
        const top = this.zoomed ?? this.data.flame;
        const width = this.flame.parentElement.clientWidth;
        const place = (frame, left, right, depth, parent) => {
            const placed = {frame, left, right, depth, parent};
            frames.push(placed);
            let at = left;
            for (const child of frame.children) {
                const end = at + child.value / frame.value * (right - left);
                if (end - at >= 0.5) place(child, at, end, depth + 1, placed);
                at = end;
            }
        };
        if (top.value > 0) place(top, 0, width, 0, null);
        return frames;
    }

    drawFlame() {
        this.frames = this.framesOf();
        const width = this.flame.parentElement.clientWidth, depth = this.frames.reduce((most, each) => Math.max(most, each.depth), 0);
        const context = context2d(this.flame, width, (depth + 1) * frameHeight + 2), color = colors();
        if (!this.frames.length) {
            context.fillStyle = color.dim;
            context.fillText(measures[this.measure].none, 4, frameHeight / 2);
            return;
        }
        const total = this.data.flame.value;
        for (const each of this.frames) {
            const y = each.depth * frameHeight, isSelected = each.frame === this.selectedFrame;
            context.fillStyle = each.frame.isFailed ? color.bad : color['flame-' + each.depth % 4];
            context.fillRect(each.left + 0.5, y + 1, Math.max(1, each.right - each.left - 1), frameHeight - 2);
            if (isSelected) {
                context.strokeStyle = color.text;
                context.lineWidth = 2;
                context.strokeRect(each.left + 1.5, y + 2, Math.max(1, each.right - each.left - 3), frameHeight - 4);
                context.lineWidth = 1;
            }
            context.fillStyle = color['on-fill'];
            if (each.right - each.left > 34) textIn(context, each.frame.name() + '  ' + measures[this.measure].words(each.frame.value) + (each.depth && total ? ' ' + Math.round(each.frame.value / total * 100) + '%' : ''),
                each.left + 5, y + frameHeight / 2, each.right - each.left - 10);
        }
    }

    choose(measure) {
        this.measure = measure;
        for (const each of this.choices.children) each.setAttribute('aria-pressed', String(each.dataset.measure === measure));
        this.zoomed = this.selectedFrame = null;
        setText(this.flameTold, '');
        this.data = null;
        this.later();
    }

    all() {
        this.view = null;
        this.later();
    }

    zoom(factor, center) {
        if (!this.data || !Number.isFinite(this.data.from)) return;
        const [from, to] = this.range();
        const around = center ?? (this.selected ? (this.selected.from + this.selected.to) / 2 : (from + to) / 2);
        const size = Math.min(this.data.to - this.data.from, Math.max(5, (to - from) * factor));
        const begin = Math.min(Math.max(this.data.from, around - size * ((around - from) / (to - from))), this.data.to - size);
        this.view = size >= this.data.to - this.data.from ? null : [begin, begin + size];
        this.later();
    }

    pan(share) {
        if (!this.view) return;
        const [from, to] = this.view, size = to - from;
        const begin = Math.min(Math.max(this.data.from, from + size * share), this.data.to - size);
        this.view = [begin, begin + size];
        this.later();
    }

    zoomTo(frame) {
        this.zoomed = frame && frame.children.length ? frame : null;
        this.later();
    }

    tell(span) {
        this.selected = span;
        fill(this.told, quoted(cut(span.text(), 300)), ' \u2014 ' + duration(span.to - span.from) + ', at ' + clock(span.from) + ' ', button('Go to the event', () => this.context.goTo(span.node), {class: 'quiet'}));
        this.later();
    }

    tellFrame(frame) {
        this.selectedFrame = frame;
        fill(this.flameTold, quoted(cut(frame.name(), 300)), ' \u2014 ' + measures[this.measure].words(frame.value) + ' ',
            frame.children.length > 0 && frame !== this.zoomed && button('Zoom in', () => this.zoomTo(frame), {class: 'quiet'}), (frame.node || frame.n) && button('Go to the event', () => this.goToFrame(frame), {class: 'quiet'}));
        this.later();
    }

    goToFrame(frame) {
        if (frame.n) this.context.goToNumber(frame.n);
        else if (frame.node) this.context.goTo(frame.node);
    }

    spanAt(event) {
        const {titles, width, from, to} = this.geometry ?? {};
        const lane = this.data?.lanes[Math.floor((event.offsetY - axisHeight) / laneHeight)];
        if (!lane || titles === undefined) return null;
        const perPixel = (to - from) / (width - titles), time = from + (event.offsetX - titles) * perPixel;
        let best = null, distance = perPixel * 4;
        for (const span of lane.spans) {
            const away = time < span.from ? span.from - time : time > span.to ? time - span.to : 0;
            if (away <= distance) {
                distance = away;
                best = span;
            }
        }
        return best;
    }

    frameAt(event) {
        const depth = Math.floor(event.offsetY / frameHeight);
        return this.frames?.find(each => each.depth === depth && event.offsetX >= each.left && event.offsetX < each.right)?.frame ?? null;
    }

    listen() {
        this.canvas.addEventListener('click', event => {
            const span = this.spanAt(event);
            if (span) this.tell(span);
        });
        this.canvas.addEventListener('dblclick', event => {
            const span = this.spanAt(event);
            if (span) this.context.goTo(span.node);
        });
        this.canvas.addEventListener('wheel', event => {
            if (!event.ctrlKey && !event.metaKey) return;
            event.preventDefault();
            const {titles, width, from, to} = this.geometry;
            this.zoom(event.deltaY > 0 ? 1.25 : 0.8, from + (event.offsetX - titles) / (width - titles) * (to - from));
        }, {passive: false});
        let drag = null;
        this.canvas.addEventListener('pointerdown', event => drag = event.offsetX);
        this.canvas.addEventListener('pointermove', event => {
            if (drag === null || !this.view || !event.buttons) return;
            this.pan((drag - event.offsetX) / (this.geometry.width - this.geometry.titles));
            drag = event.offsetX;
        });
        this.canvas.addEventListener('pointerup', () => drag = null);
        this.canvas.addEventListener('keydown', event => this.laneKey(event));
        this.flame.addEventListener('click', event => {
            const frame = this.frameAt(event);
            if (frame) this.tellFrame(frame);
        });
        this.flame.addEventListener('dblclick', event => {
            const frame = this.frameAt(event);
            if (frame) this.goToFrame(frame);
        });
        this.flame.addEventListener('keydown', event => this.flameKey(event));
    }

    laneKey(event) {
        if (!this.data || event.ctrlKey || event.metaKey || event.altKey) return;
        const lanes = this.data.lanes, lane = lanes.findIndex(each => each.spans.includes(this.selected));
        const nearest = spans => spans.reduce((best, span) => !best || Math.abs(span.from - this.selected.from) < Math.abs(best.from - this.selected.from) ? span : best, null);
        const move = by => {
            const spans = lane < 0 ? lanes[0]?.spans ?? [] : lanes[lane].spans;
            const next = lane < 0 ? spans[0] : spans[spans.indexOf(this.selected) + by];
            if (next) this.tellAndShow(next);
        };
        const other = by => {
            if (lane < 0) return move(1);
            const next = lanes[lane + by] && nearest(lanes[lane + by].spans);
            if (next) this.tellAndShow(next);
        };
        const actions = {ArrowRight: () => move(1), ArrowLeft: () => move(-1), ArrowDown: () => other(1), ArrowUp: () => other(-1), '+': () => this.zoom(0.5), '=': () => this.zoom(0.5),
            '-': () => this.zoom(2), 0: () => this.all(), Enter: () => this.selected && this.context.goTo(this.selected.node)};
        this.run(event, actions);
    }

    tellAndShow(span) {
        this.tell(span);
        if (this.view && (span.from < this.view[0] || span.from > this.view[1])) {
            const size = this.view[1] - this.view[0];
            this.view = [span.from - size / 4, span.from + size * 3 / 4];
        }
    }

    flameKey(event) {
        if (!this.frames?.length || event.ctrlKey || event.metaKey || event.altKey) return;
        const here = this.frames.find(each => each.frame === this.selectedFrame) ?? null;
        const to = placed => placed && this.tellFrame(placed.frame);
        const sibling = by => {
            if (!here) return to(this.frames[0]);
            const level = this.frames.filter(each => each.depth === here.depth);
            to(level[level.indexOf(here) + by]);
        };
        const actions = {ArrowRight: () => sibling(1), ArrowLeft: () => sibling(-1), ArrowUp: () => to(here?.parent),
            ArrowDown: () => to(here ? this.frames.find(each => each.parent === here) : this.frames[0]),
            '+': () => here && this.zoomTo(here.frame), '=': () => here && this.zoomTo(here.frame), 0: () => this.zoomTo(null), '-': () => this.zoomTo(null),
            Enter: () => here && this.goToFrame(here.frame)};
        this.run(event, actions);
    }

    run(event, actions) {
        if (!Object.hasOwn(actions, event.key)) return;
        event.preventDefault();
        actions[event.key]();
    }
}
