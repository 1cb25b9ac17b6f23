// Elements. Every text goes in as a text node, made visible; there is no other way in.
import {visible} from './text.js';

const attributes = new Set(['id', 'class', 'role', 'type', 'for', 'name', 'value', 'placeholder', 'href', 'target', 'rel', 'tabindex',
    'title', 'rows', 'open', 'disabled', 'checked', 'selected', 'hidden', 'dir', 'lang', 'colspan', 'scope', 'start', 'src', 'alt', 'datetime',
    'width', 'height', 'autocomplete', 'spellcheck', 'loading', 'maxlength', 'multiple']);

// h('a', {class: 'x', href, on: {click}}, 'text', node, [more])
export function h(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name === 'on') for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
        else if (attributes.has(name) || name.startsWith('aria-') || name.startsWith('data-'))
            element.setAttribute(name, value === true ? '' : visible(value));
        else throw new Error('attribute ' + name);
    }
    add(element, children);
    return element;
}

export function add(parent, ...children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false || child === '') continue;
        parent.appendChild(child instanceof Node ? child : document.createTextNode(visible(child)));
    }
    return parent;
}

export function fill(parent, ...children) {
    parent.replaceChildren();
    return add(parent, ...children);
}

// A text of somebody else within a line: its direction does not reach its neighbours.
export function quoted(text, className) {
    return h('bdi', className ? {class: className} : null, text);
}

export function setText(element, text) {
    text = visible(text);
    if (element.textContent !== text) element.textContent = text;
}

export function button(label, action, more) {
    return h('button', {type: 'button', ...more, on: {click: action}}, label);
}

// Says it to screen readers, and in a corner for a while.
export function announce(text, isBad = false) {
    const place = document.getElementById('toast');
    const line = h('p', {class: isBad ? 'bad' : null}, text);
    place.append(line);
    while (place.children.length > 3) place.firstChild.remove();
    setTimeout(() => line.remove(), isBad ? 12000 : 6000);
}

export async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        announce('Copied.');
    } catch {
        announce('The browser did not allow copying.', true);
    }
}
