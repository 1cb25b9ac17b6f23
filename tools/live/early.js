// What does not wait for the other modules: what the page's address asks for, and the stream of it, which is under way while they
// are still read. The first script of the page; it imports nothing.

export const tailSize = 250; // events that the view of a session begins with

// A choice that stays in this browser.
export function kept(name) {
    try {
        return localStorage.getItem('asm-live.' + name) ?? '';
    } catch {
        return '';
    }
}

export function routeIn(hash) {
    const parts = hash.replace(/^#\/?/, '').split('/');
    if (parts[0] !== 's' || !parts[1]) return {view: 'list'};
    let key;
    try {
        key = decodeURIComponent(parts[1]);
    } catch {
        return {view: 'list'};
    }
    const number = parts[2] === 'e' ? Number(parts[3]) : null;
    return {view: 'session', key, tab: ['timeline', 'events', 'debug'].includes(parts[2]) ? parts[2] : '', event: Number.isSafeInteger(number) && number > 0 ? number : null};
}

// The list, and the session with that key, if there is one: its last events unless they are asked for by Last-Event-ID.
export function streamAddress(key, isBegun) {
    const query = new URLSearchParams({list: '1'});
    if (key !== undefined) query.set('session', key);
    if (key !== undefined && !isBegun) query.set('last', String(tailSize));
    const name = kept('name');
    if (name) query.set('name', name);
    return '/api/events?' + query;
}

let early = null;

// The answer, its body's reader, and the first piece of that: what has come is there as soon as somebody asks for it.
export async function begun(request) {
    const response = await request, reader = response.ok ? response.body.getReader() : null, first = reader?.read();
    first?.catch(() => {}); // whoever reads sees that
    return {response, reader, first};
}

export function askEarly() {
    const abort = new AbortController(), address = streamAddress(routeIn(location.hash).key, false);
    early = {address, abort, begun: begun(fetch(address, {cache: 'no-store', credentials: 'same-origin', signal: abort.signal}))};
    early.begun.catch(() => {}); // whoever takes it sees that
}

// What was asked for early, and how to end it, if it is that address; once.
export function takeEarly(address) {
    const taken = early;
    early = null;
    if (taken === null || taken.address === address) return taken;
    taken.abort.abort();
    return null;
}

if (globalThis.document) askEarly();
