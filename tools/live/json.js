// JSON as text: nothing is lost that a parser would lose (digits of large numbers, members that stand twice).

// The end of the value that begins at `at`.
function valueEnd(text, at) {
    let depth = 0;
    for (; at < text.length; at++) {
        const c = text[at];
        if (c === '"') {
            at = stringEnd(text, at) - 1;
            if (depth === 0) return at + 1;
        } else if (c === '{' || c === '[') depth++;
        else if (c === '}' || c === ']') {
            if (--depth === 0) return at + 1;
            if (depth < 0) return at;
        } else if (depth === 0 && (c === ',' || c === ' ' || c === '\n')) return at;
    }
    return at;
}

function stringEnd(text, at) {
    for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
    return at + 1;
}

const skipBlanks = (text, at) => {
    while (/[ \t\r\n]/.test(text[at] ?? '')) at++;
    return at;
};

// The text of a member of an object, the last of that name; undefined if there is none. Of valid JSON.
export function rawMember(text, name) {
    let found, at = skipBlanks(text, 0);
    if (text[at] !== '{') return undefined;
    at = skipBlanks(text, at + 1);
    while (text[at] === '"') {
        const keyEnd = stringEnd(text, at);
        let key;
        try {
            key = JSON.parse(text.slice(at, keyEnd));
        } catch {
            return undefined;
        }
        at = skipBlanks(text, skipBlanks(text, keyEnd) + 1);
        const end = valueEnd(text, at);
        if (key === name) found = text.slice(at, end);
        at = skipBlanks(text, skipBlanks(text, end) + 1);
    }
    return found;
}

export const rawAt = (text, path) => path.reduce((part, name) => part === undefined ? undefined : rawMember(part, name), text);

// Indented, every token as it was.
export function pretty(text) {
    let out = '', depth = 0;
    const newline = () => '\n' + '  '.repeat(Math.min(depth, 40));
    for (let at = 0; at < text.length;) {
        const c = text[at];
        if (c === '"') {
            const end = stringEnd(text, at);
            out += text.slice(at, end);
            at = end;
            continue;
        }
        at++;
        if (c === '{' || c === '[') {
            const next = skipBlanks(text, at);
            if (text[next] === (c === '{' ? '}' : ']')) {
                out += c + text[next];
                at = next + 1;
                continue;
            }
            depth++;
            out += c + newline();
        } else if (c === '}' || c === ']') {
            depth--;
            out += newline() + c;
        } else if (c === ',') out += ',' + newline();
        else if (c === ':') out += ': ';
        else if (!/\s/.test(c)) out += c;
    }
    return out;
}

// What is different between two values: [{path, before, after}], absent where there is nothing.
export function differences(before, after, most = 500) {
    const found = [];
    const isObject = value => typeof value === 'object' && value !== null;
    const look = (a, b, path, depth) => {
        if (found.length >= most || a === b) return;
        if (isObject(a) && isObject(b) && Array.isArray(a) === Array.isArray(b) && depth < 60) {
            const keys = Array.isArray(a) ? [...Array(Math.max(a.length, b.length)).keys()] : [...new Set([...Object.keys(a), ...Object.keys(b)])];
            for (const key of keys) {
                const inA = Object.hasOwn(a, key), inB = Object.hasOwn(b, key);
                const name = path + (Array.isArray(a) ? '[' + key + ']' : (path ? '.' : '') + key);
                if (inA && inB) look(a[key], b[key], name, depth + 1);
                else if (found.length < most) found.push(inA ? {path: name, before: a[key]} : {path: name, after: b[key]});
            }
            return;
        }
        found.push({path, before: a, after: b});
    };
    look(before, after, '', 0);
    return found;
}
