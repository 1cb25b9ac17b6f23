// The conversation: rows of which only those near the window are on the page.
import {h, announce} from './dom.js';
import {Rope} from './rope.js';
import {rowView, likelyHeight} from './rows.js';

const around = 600;    // pixels above and below the window that are made as well, once the first rows stand
const atEndWithin = 40;

export class Conversation {
    // context: what rows ask for; see live.js
    constructor(context) {
        this.context = {...context, toggle: node => this.toggle(node), fold: node => this.fold(node)};
        this.before = h('div', {class: 'spacer'});
        this.after = h('div', {class: 'spacer'});
        this.list = h('div', {class: 'rows'}, this.before, this.after);
        this.element = h('div', {class: 'conversation', role: 'feed', 'aria-label': 'Conversation', tabindex: '0'}, this.list);
        this.views = new Map();   // node: its row on the page
        this.dirty = new Set();
        this.isAtEnd = true;
        this.selected = null;
        this.anchor = null;       // {node, offset}: what stays where it is
        this.isGoing = false;     // to a place that was asked for: scroll events until then are of the place before
        this.element.addEventListener('scroll', () => this.scrolled(), {passive: true});
        this.element.addEventListener('keydown', event => this.key(event));
        this.element.addEventListener('focusin', event => this.focused(event));
        new ResizeObserver(() => this.later()).observe(this.element);
        this.setSession(null);
    }

    setSession(session) {
        const place = this.session && session && !this.isAtEnd ? this.place() : null;
        const selected = this.selected?.n;
        for (const view of this.views.values()) view.element.remove();
        this.views.clear();
        this.dirty.clear();
        this.rope = new Rope();
        this.session = session;
        this.selected = null;
        if (session) {
            session.listener = this;
            this.rope.fill(this.rowsOf(session.root.children));
            if (place) this.anchor = {node: this.shownNode(session.nodeAt(place.n)), offset: place.offset};
            if (selected !== undefined) this.selected = session.nodeAt(selected);
        }
        this.later();
    }

    // Where the reader is: the number of the first row in the window, and how far it is from its top.
    place() {
        const found = this.rope.at(this.element.scrollTop);
        return found ? {n: found.row.n, offset: found.top - this.element.scrollTop} : null;
    }

    // The rows of the nodes and of what is unfolded below them.
    rowsOf(nodes) {
        const rows = [];
        const collect = list => {
            for (const node of list) {
                node.height = likelyHeight(node);
                node.chunk = null;
                rows.push(node);
                if (node.isOpen && node.children) collect(node.children);
            }
        };
        collect(nodes);
        return rows;
    }

    // The last row that stands below a node, itself if there is none.
    lastRowOf(node) {
        while (node.isOpen && node.children?.length && node.children.at(-1).chunk) node = node.children.at(-1);
        return node;
    }

    isShown(node) {
        for (let parent = node.parent; parent && parent.kind !== 'root'; parent = parent.parent) if (!parent.isOpen) return false;
        return true;
    }

    // The node itself, or what it is folded into.
    shownNode(node) {
        let shown = node;
        for (let parent = node?.parent; parent && parent.kind !== 'root'; parent = parent.parent) if (!parent.isOpen) shown = parent;
        return shown;
    }

    inserted(node) {
        this.context.touched(node);
        if (node.parent.kind !== 'root') this.changed(node.parent);
        if (!this.isShown(node)) return;
        const siblings = node.parent.children;
        const before = siblings.length > 1 ? this.lastRowOf(siblings.at(-2)) : node.parent.kind === 'root' ? null : node.parent;
        node.height = likelyHeight(node);
        node.chunk = null;
        this.rope.insert(before, [node]);
        this.later();
    }

    changed(node) {
        this.context.touched(node);
        this.dirty.add(node);
        if (node.parent && node.parent.kind !== 'root') this.dirty.add(node.parent);
        this.later();
    }

    fold(node, isOpen = !node.isOpen) {
        if (node.isOpen === isOpen) return;
        this.keepPlace(node);
        if (isOpen) {
            node.isOpen = true;
            if (node.chunk) this.rope.insert(node, this.rowsOf(node.children ?? []));
        } else {
            const remove = list => {
                for (const child of list) {
                    if (child.isOpen && child.children) remove(child.children);
                    if (child.chunk) this.rope.remove(child);
                    this.views.get(child)?.element.remove();
                    this.views.delete(child);
                }
            };
            if (node.chunk) remove(node.children ?? []);
            node.isOpen = false;
        }
        this.changed(node);
    }

    toggle(node) {
        node.isExpanded = !node.isExpanded;
        this.keepPlace(node);
        this.changed(node);
    }

    // What the reader looks at stays where it is while rows above it change.
    keepPlace(node) {
        if (!node.chunk) return;
        this.isAtEnd = false;
        this.anchor = {node, offset: this.rope.topOf(node) - this.element.scrollTop};
    }

    later() {
        if (this.isPlanned) return;
        this.isPlanned = true;
        requestAnimationFrame(() => {
            this.isPlanned = false;
            this.flush();
        });
    }

    scrolled() {
        if (this.isGoing) return;
        const {scrollTop, scrollHeight, clientHeight} = this.element;
        if (this.ownScroll !== undefined && Math.abs(scrollTop - this.ownScroll) < 1) {
            this.ownScroll = undefined;
        } else {
            this.isAtEnd = scrollHeight - scrollTop - clientHeight < atEndWithin;
            this.anchor = null;
        }
        this.later();
    }

    scrollTo(top) {
        if (Math.abs(this.element.scrollTop - top) < 0.5) return;
        this.element.scrollTop = top;
        this.ownScroll = this.element.scrollTop;
    }

    flush() {
        if (!this.session || !this.element.isConnected || !this.element.clientHeight) return;
        const height = this.element.clientHeight;
        let anchor = this.anchor;
        if (!anchor && !this.isAtEnd) {
            const found = this.rope.at(this.element.scrollTop);
            if (found) anchor = {node: found.row, offset: found.top - this.element.scrollTop};
        }
        for (const node of this.dirty) this.views.get(node)?.update();
        this.dirty.clear();
        // Heights are known only once rows are on the page, and move the window: a few rounds settle it.
        for (let round = 0; round < 4; round++) {
            const top = this.isAtEnd ? this.rope.height - height : anchor?.node.chunk ? this.rope.topOf(anchor.node) - anchor.offset : this.element.scrollTop;
            if (!this.show(Math.max(0, top), height)) break;
        }
        const top = this.isAtEnd ? this.rope.height - height : anchor?.node.chunk ? this.rope.topOf(anchor.node) - anchor.offset : this.element.scrollTop;
        this.scrollTo(Math.max(0, top));
        this.isGoing = false;
        this.context.scrolled?.(this);
        if (!this.isMarked && this.rope.size) {
            this.isMarked = true;
            performance.mark('conversation'); // the first rows stand: what tests measure
            this.later();
        }
    }

    // Puts the rows around the window on the page. Returns whether a height was another than thought.
    show(top, height) {
        const margin = this.isMarked ? around : 0;
        const begin = this.rope.at(top - margin);
        const wanted = new Set();
        let row = begin?.row ?? null, at = begin?.top ?? 0, previous = this.before;
        this.before.style.height = Math.max(0, at) + 'px';
        for (; row && at < top + height + margin; at += row.height, row = this.rope.next(row)) wanted.add(row);
        const focused = document.activeElement?.closest?.('article');
        for (const [node, view] of this.views) {
            if (wanted.has(node)) continue;
            if (view.element === focused) this.element.focus({preventScroll: true});
            view.element.remove();
            this.views.delete(node);
        }
        for (const node of wanted) {
            let view = this.views.get(node);
            if (!view) {
                view = rowView(node, this.context);
                this.views.set(node, view);
                view.element.classList.toggle('selected', node === this.selected);
            }
            if (previous.nextSibling !== view.element) previous.after(view.element);
            previous = view.element;
        }
        let isOther = false;
        const measured = [...wanted].map(node => [node, this.views.get(node).element.getBoundingClientRect().height]);
        for (const [node, pixels] of measured)
            if (Math.abs(pixels - node.height) > 0.25) {
                this.rope.setHeight(node, pixels);
                isOther = true;
            }
        const last = measured.at(-1)?.[0];
        this.after.style.height = Math.max(0, last ? this.rope.height - this.rope.topOf(last) - last.height : 0) + 'px';
        if (begin) this.before.style.height = Math.max(0, this.rope.topOf(begin.row)) + 'px';
        return isOther;
    }

    // Makes for a place, null for where the window is, or for the end.
    go(anchor, isAtEnd = false) {
        this.isAtEnd = isAtEnd;
        if (anchor || isAtEnd) {
            this.anchor = anchor;
            this.isGoing = true;
        }
        this.later();
    }

    toEnd() {
        this.go(null, true);
    }

    toStart() {
        const first = this.rope.first();
        this.go(first && {node: first, offset: 0});
        this.select(first, false);
    }

    // Goes to a node, unfolds what hides it, and marks it.
    goTo(node, focuses = true) {
        if (!node) return;
        const hiding = [];
        for (let parent = node.parent; parent && parent.kind !== 'root'; parent = parent.parent) hiding.push(parent);
        for (const parent of hiding.reverse()) this.fold(parent, true);
        this.go({node, offset: Math.min(120, this.element.clientHeight / 4)});
        this.select(node, focuses);
    }

    select(node, focuses) {
        this.views.get(this.selected)?.element.classList.remove('selected');
        this.selected = node;
        this.later();
        requestAnimationFrame(() => {
            if (this.selected !== node) return; // another was, meanwhile
            const view = this.views.get(node);
            view?.element.classList.add('selected');
            if (focuses) view?.element.focus({preventScroll: true});
        });
    }

    focused(event) {
        const element = event.target.closest('article');
        if (!element) return;
        for (const [node, view] of this.views)
            if (view.element === element && node !== this.selected) {
                this.views.get(this.selected)?.element.classList.remove('selected');
                this.selected = node;
                element.classList.add('selected');
            }
    }

    // The next or previous node of a list that is in the order of numbers.
    jump(nodes, step, what) {
        const here = this.selected?.n ?? (this.isAtEnd ? Infinity : this.place()?.n ?? 0);
        const found = step > 0 ? nodes.find(node => node.n > here) : nodes.findLast(node => node.n < here);
        if (found) this.goTo(found);
        else announce(nodes.length ? 'No ' + (step > 0 ? 'later' : 'earlier') + ' ' + what + '.' : 'No ' + what + '.');
    }

    step(by) {
        let node = this.selected?.chunk ? this.selected : null;
        if (!node) node = this.rope.at(this.element.scrollTop + (by > 0 ? 0 : this.element.clientHeight - 1))?.row;
        else node = by > 0 ? this.rope.next(node) : this.rope.previous(node);
        if (!node) return;
        const top = this.rope.topOf(node), view = this.element.scrollTop, height = this.element.clientHeight;
        this.go(top < view ? {node, offset: 8} :
            top + node.height > view + height ? {node, offset: Math.max(8, height - node.height - 8)} : null);
        this.select(node, true);
    }

    key(event) {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select, pre, .wide')) return;
        const node = this.selected;
        const onRow = event.target === this.element || event.target.tagName === 'ARTICLE';
        const actions = {
            j: () => this.step(1), k: () => this.step(-1),
            ArrowDown: onRow && (() => this.step(1)), ArrowUp: onRow && (() => this.step(-1)),
            End: () => this.toEnd(), Home: () => this.toStart(), e: () => this.toEnd(),
            f: () => this.jump(this.session.failures, 1, 'failure'), F: () => this.jump(this.session.failures, -1, 'failure'),
            p: () => this.jump(this.session.persons, 1, 'words of the person'), P: () => this.jump(this.session.persons, -1, 'words of the person'),
            n: () => this.context.find(1), N: () => this.context.find(-1),
            r: node && (() => this.context.showEvent(node)),
            Enter: onRow && node && (() => this.toggle(node)),
            o: node?.children && (() => this.fold(node)),
        };
        const action = Object.hasOwn(actions, event.key) ? actions[event.key] : null;
        if (!action) return;
        event.preventDefault();
        action();
    }
}
