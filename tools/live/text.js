// Text that comes from models, tools and files, made visible; numbers, times and places in words.

// Characters that nobody sees, or that change how others are seen: the list of asm_text_append().
const deceptive = new RegExp('[\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5' +
    '\\u180B-\\u180F\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\uFFF0-\\uFFFB' +
    '\\u{1BCA0}-\\u{1BCA3}\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E0FFF}\\uD800-\\uDFFF]', 'gu');
const symbol = /[\u00A9\u00AE\u203C-\u3299\u{1F000}-\u{1FAFF}]$/u;
const manyMarks = /(\p{M}{8})\p{M}+/gu;
const mayDeceive = /[^\t\n\x20-\x7E]/;

function shown(character, at, text) {
    const code = character.codePointAt(0);
    if (code === 0x0D && text[at + 1] === '\n') return '';
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7F) return '\u2421';
    if (code >= 0xD800 && code <= 0xDFFF) return '\uFFFD';
    if (code >= 0xFE00 && code <= 0xFE0F && (symbol.test(text.slice(Math.max(0, at - 2), at)) || text[at + 1] === '\u20E3'))
        return character;
    return '<U+' + code.toString(16).toUpperCase().padStart(4, '0') + '>';
}

// The text with controls as pictures, and what cannot be seen by its number.
export function visible(text) {
    text = String(text);
    if (!mayDeceive.test(text)) return text;
    return text.replace(deceptive, shown).replace(manyMarks, '$1\u2026');
}

export function oneLine(text) {
    return String(text).replace(/\r\n?|\n/g, '\u240A').replace(/\t/g, ' ');
}

// At most so many characters, with … in place of the rest. Never half of a pair.
export function cut(text, limit) {
    text = String(text);
    if (text.length <= limit) return text;
    const end = limit - 1;
    const code = text.charCodeAt(end - 1);
    return text.slice(0, code >= 0xD800 && code <= 0xDBFF ? end - 1 : end) + '\u2026';
}

// The beginning of a Markdown text as words: without marks before, and around them.
export function unmarked(text) {
    const words = text.replace(/^[\s#>*+-]+/, '').replace(/`+|\*\*+/g, '').trim();
    return words === '' ? text : words;
}

export function firstLine(text) {
    const line = /\S[^\n]*/.exec(String(text));
    return line ? line[0].trimEnd() : '';
}

export function grouped(number) {
    return Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

export function counted(count, one, several) {
    return grouped(count) + ' ' + (count === 1 ? one : several);
}

// 3,396; 48.2k; 231k; 1.2M
export function amount(number) {
    if (number < 10000) return grouped(number);
    if (number < 99950) return (number / 1000).toFixed(1) + 'k';
    if (number < 999500) return Math.round(number / 1000) + 'k';
    if (number < 99.95e6) return (number / 1e6).toFixed(1) + 'M';
    return grouped(number / 1e6) + 'M';
}

const units = [[86400, 'd', 'h', 3600], [3600, 'h', 'm', 60], [60, 'm', 's', 1]];

// 3.2s, 41s, 1m 12s, 2h 05m, 3d 04h
export function duration(milliseconds, whole = false) {
    if (milliseconds >= 30 * 864e5) return counted(Math.floor(milliseconds / 864e5), 'day', 'days');
    const tenths = Math.max(0, Math.round(milliseconds / 100));
    if (tenths < 600) return (whole ? Math.floor(tenths / 10) : tenths % 10 ? (tenths / 10).toFixed(1) : tenths / 10) + 's';
    const seconds = whole ? Math.floor(tenths / 10) : Math.round(tenths / 10);
    for (const [size, large, small, step] of units)
        if (seconds >= size)
            return grouped(Math.floor(seconds / size)) + large + ' ' +
                String(Math.floor(seconds % size / step)).padStart(2, '0') + small;
    return '1m 00s';
}

export function cost(dollars) {
    if (dollars > 0 && dollars < 0.01) return '$' + Number(dollars.toFixed(4));
    return '$' + Math.max(0, dollars).toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ',');
}

export function bytes(size) {
    return size < 10000 ? counted(size, 'character', 'characters') : amount(size) + ' characters';
}

// Milliseconds since 1970, or NaN.
export function timeOf(text) {
    return typeof text === 'string' ? Date.parse(text) : NaN;
}

const two = number => String(number).padStart(2, '0');

// 14:05:09, local; with the day if that is not today.
export function clock(time, now = Date.now()) {
    if (!Number.isFinite(time)) return '';
    const date = new Date(time);
    const hours = two(date.getHours()) + ':' + two(date.getMinutes()) + ':' + two(date.getSeconds());
    if (date.toDateString() === new Date(now).toDateString()) return hours;
    return date.getFullYear() + '-' + two(date.getMonth() + 1) + '-' + two(date.getDate()) + ' ' + hours;
}

// A path as people say it: below the working directory without it.
export function shortPath(path, directory) {
    path = String(path);
    if (directory && path.startsWith(directory.replace(/\/*$/, '/'))) return path.slice(directory.replace(/\/*$/, '/').length) || path;
    return path;
}

// The middle of a path that is too wide becomes …; its last two parts stay.
export function fitPath(path, limit) {
    if (path.length <= limit) return path;
    const parts = path.split('/');
    const tail = parts.slice(-2).join('/');
    const room = limit - tail.length - 2;
    return room > 0 ? path.slice(0, room) + '\u2026/' + tail : '\u2026/' + tail;
}

// A link that may be followed: where a browser goes. Else null.
export function linkTarget(address) {
    let url;
    try {
        url = new URL(address);
    } catch {
        return null;
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:' && url.protocol !== 'mailto:') return null;
    return {href: url.href, host: url.protocol === 'mailto:' ? url.pathname : url.host};
}

const secretName = /(pass(word|wd)?|secret|token|api[_-]?key|authorization|credential)/i;
const secretValue = /\b(sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abps]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})/g;

// What looks like a secret is dots, in lines that sum up; the whole stands where a person asks for it.
export function withoutSecrets(text) {
    return text.replace(secretValue, '\u2022\u2022\u2022\u2022')
        .replace(/\b([A-Za-z_]*)([=:]\s?)("[^"]*"|'[^']*'|[^\s"';&|]+)/g,
            (all, name, between, value) => secretName.test(name) && !/^\$/.test(value) ? name + between + '\u2022\u2022\u2022\u2022' : all);
}
