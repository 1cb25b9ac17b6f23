// The parts of the page that need no browser: node tests/page/units.mjs
import assert from 'node:assert/strict';
import {story, storyEnd, hostileStory, hostile} from './events.mjs';
const load = name => import(new URL('../../tools/live/' + name, import.meta.url));
const [{visible, duration, cost, amount, linkTarget, withoutSecrets, cut}, {lineDiff, fromPatch, editOf}, {rawAt, pretty, differences}, {Rope}, {FrameReader}, {Watch}, {Session}, {callWords}, {lanesOf, flameOf}] =
    await Promise.all(['text.js', 'diff.js', 'json.js', 'rope.js', 'stream.js', 'watch.js', 'model.js', 'tools.js', 'spans.js'].map(load));

let seed = 12345;
const random = n => ((seed = (seed * 1103515245 + 12345) % 2147483648) >>> 8) % n;

const tests = {
    text() {
        assert.equal(visible('a\tb\nc\r\nd\re'), 'a\tb\nc\nd\u240De');
        assert.equal(visible('\u001B[31m\u007F\u0085'), '\u241B[31m\u2421<U+0085>');
        assert.equal(visible('\u202Eabc\u200B\u{E0041}\uFEFF'), '<U+202E>abc<U+200B><U+E0041><U+FEFF>');
        assert.equal(visible('\u2764\uFE0F a\uFE0F 1\uFE0F\u20E3 \u{1F468}\u200D\u{1F469}'), '\u2764\uFE0F a<U+FE0F> 1\uFE0F\u20E3 \u{1F468}\u200D\u{1F469}');
        assert.equal(visible('a' + '\u0301'.repeat(9) + 'b'), 'a' + '\u0301'.repeat(8) + '\u2026b');
        assert.equal(visible('\uD800x'), '\uFFFDx');
        assert.deepEqual([150, 3200, 59960, 72000, 7500000].map(each => duration(each)), ['0.2s', '3.2s', '1m 00s', '1m 12s', '2h 05m']);
        assert.deepEqual([0.16, 0.0034, 1234.5].map(cost), ['$0.16', '$0.0034', '$1,234.50']);
        assert.deepEqual([3396, 48200, 231000, 1.2e6].map(amount), ['3,396', '48.2k', '231k', '1.2M']);
        assert.equal(linkTarget('javascript:alert(1)'), null);
        assert.equal(linkTarget('https://bank.example@evil.example/x').host, 'evil.example');
        assert.equal(linkTarget('https://b\u0430nk.example').host, 'xn--bnk-6cd.example');
        assert.equal(withoutSecrets('curl -H "x" API_KEY=abc sk-abcdefghijklmnopqrst'), 'curl -H "x" API_KEY=\u2022\u2022\u2022\u2022 \u2022\u2022\u2022\u2022');
        assert.equal(cut('ab\u{1F468}cd', 4), 'ab\u2026');
    },

    diffs() {
        for (let round = 0; round < 3000; round++) {
            const make = () => Array.from({length: random(12)}, () => 'abc'[random(3)]);
            const a = make(), b = make(), lines = lineDiff(a, b);
            assert.deepEqual(lines.filter(line => line[0] !== '+').map(line => line[1]), a);
            assert.deepEqual(lines.filter(line => line[0] !== '-').map(line => line[1]), b);
            const common = a.map(() => Array(b.length + 1).fill(0)).concat([Array(b.length + 1).fill(0)]);
            for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
            assert.equal(lines.filter(line => line[0] === ' ').length, common[0][0], 'no shorter way');
        }
        const files = fromPatch('*** Begin Patch\n*** Update File: a.c\n@@\n-x\n+y\n z\n*** Delete File: b.c\n*** Add File: c.c\n+n\n*** End Patch');
        assert.deepEqual(files.map(file => [file.path, file.note, file.hunks.flatMap(hunk => hunk.lines).length]), [['a.c', '', 3], ['b.c', 'deleted', 0], ['c.c', 'new', 1]]);
        assert.deepEqual(fromPatch('--- a/x.c\n+++ b/x.c\n@@ -3,2 +3,2 @@\n-a\n+b\n c')[0].hunks[0], {oldStart: 3, newStart: 3, lines: [['-', 'a'], ['+', 'b'], [' ', 'c']]});
        const begin = Date.now();
        lineDiff(Array.from({length: 20000}, (unused, i) => 'a' + i), Array.from({length: 20000}, (unused, i) => 'b' + i));
        assert.ok(Date.now() - begin < 5000, 'two long texts without a common line');
        assert.equal(editOf({edits: 'no'}, null), null);
    },

    json() {
        const text = '{"a":{"b":[1,{"c":"}\\"]"}],"n":9007199254740993,"n":90071992547409931},"e":{}, "x" : "\\u0061" }';
        assert.equal(rawAt(text, ['a', 'n']), '90071992547409931');
        assert.equal(rawAt(text, ['a', 'b']), '[1,{"c":"}\\"]"}]');
        assert.equal(rawAt(text, ['x']), '"\\u0061"');
        assert.equal(rawAt(text, ['y']), undefined);
        assert.deepEqual(JSON.parse(pretty(text)), JSON.parse(text));
        assert.ok(pretty(text).includes('"n": 9007199254740993,\n'));
        assert.deepEqual(differences({a: 1, b: [1, 2]}, {a: 2, b: [1], c: 3}).map(each => each.path), ['a', 'b[1]', 'c']);
    },

    rope() {
        const rope = new Rope(), model = [];
        for (let round = 0; round < 6000; round++) {
            const at = random(model.length + 1), row = {height: 1 + random(50), chunk: null};
            if (random(10) < 7 || !model.length) {
                rope.insert(at ? model[at - 1] : null, [row]);
                model.splice(at, 0, row);
            } else if (random(2)) {
                rope.remove(model.splice(at % model.length, 1)[0]);
            } else {
                rope.setHeight(model[at % model.length], 1 + random(50));
            }
            if (round % 200) continue;
            let row2 = rope.first(), top = 0;
            for (const [i, each] of model.entries()) {
                assert.equal(row2, each);
                if (i % 50 === 0) {
                    assert.equal(rope.topOf(each), top);
                    assert.equal(rope.at(top).row, each);
                    assert.equal(rope.indexOf(each), i);
                }
                top += each.height;
                row2 = rope.next(each);
            }
            assert.equal(rope.height, top);
        }
    },

    frames() {
        const stream = ': hi\nretry: 1\n\nevent: list\ndata: {"a":1}\n\nid: 7.1\r\ndata: one\r\ndata:two\r\n\r\nid: 7.2\ndata\n\ndata: lost';
        for (let at = 0; at <= stream.length; at++) {
            const got = [], reader = new FrameReader((...frame) => got.push(frame));
            reader.push(stream.slice(0, at));
            reader.push(stream.slice(at));
            assert.deepEqual(got, [['list', '{"a":1}', undefined], ['', 'one\ntwo', '7.1'], ['', '', '7.2']]);
        }
    },

    // Frames come twice, late, or not at all: what is missing is fetched, and each event counts once, in order.
    async watching() {
        const event = i => JSON.stringify({type: 'message_received', data: {content: 'n' + i, message_id: 'm' + i}});
        let last = 60;
        const failed = new Set();
        globalThis.fetch = async path => {
            const query = new URL(path, 'http://x').searchParams, after = Number(query.get('after')), before = Math.min(Number(query.get('before')), last + 1);
            await new Promise(resolve => setTimeout(resolve, random(3)));
            if (random(8) === 0 && !failed.has(path)) {
                failed.add(path);
                throw new Error('the line broke');
            }
            const lines = [];
            for (let i = after + 1; i < before && lines.length < 7; i++) lines.push('{"number":' + i + ',"event":' + event(i) + '}\n');
            return new Response(lines.join(''));
        };
        for (let round = 0; round < 12; round++) {
            last = 60;
            const lost = [], watch = new Watch('k', {changed() {}, replaced() {}, loading() {}, lost: (...what) => lost.push(what)});
            watch.hello({epoch: '5', first: 1, last: 50, next: 41});
            for (let i = 41; i <= 50; i++) watch.event('5.' + i, event(i));
            watch.caughtUp();
            for (let i = 51; i <= last; i++) {
                if (random(3)) watch.event('5.' + i, event(i));
                const old = i - random(5);
                if (random(3) === 0) watch.event('5.' + old, event(old));
                if (random(4) === 0) watch.event('6.' + i, event(999));
                if (random(3) === 0) await new Promise(resolve => setTimeout(resolve, random(4)));
            }
            watch.event('5.' + last, event(last));
            for (let i = 0; i < 400 && !(watch.isWhole && !watch.held); i++) await new Promise(resolve => setTimeout(resolve, 20));
            const numbers = watch.session.root.children.map(node => Number(node.text.slice(1)));
            assert.deepEqual(numbers, Array.from({length: last}, (unused, i) => i + 1), 'each once, in order');
            assert.deepEqual(lost, []);
            assert.equal(watch.lastId(), '5.' + last);
            watch.close();
        }
    },

    // Whatever stands in an event: it becomes a row, or none, and nothing breaks.
    model() {
        const events = [...story(), storyEnd, ...hostileStory()];
        const values = [null, 0, -1, 1e308, '', hostile, [], {}, true, [null], {a: {b: [1]}}, '__proto__', 'x'.repeat(9000)];
        for (let round = 0; round < 300; round++) {
            const session = new Session();
            for (let n = 1; n <= 80; n++) {
                const event = structuredClone(events[random(events.length)]);
                if (event.data && random(2)) {
                    const names = Object.keys(event.data);
                    event.data[names[random(names.length)] ?? 'x'] = values[random(values.length)];
                }
                if (random(10) === 0) event.data = values[random(values.length)];
                if (random(10) === 0) event.type = values[random(values.length)];
                event.ts = random(3) ? new Date(1.7e12 + n * 1000).toISOString() : values[random(values.length)];
                session.apply(n, random(40) ? event : values[random(values.length)], JSON.stringify(event));
            }
            const walk = node => (node.children ?? []).forEach(child => {
                assert.equal(child.parent, node);
                if (child.kind === 'call') callWords(child, '/w');
                walk(child);
            });
            walk(session.root);
            session.usageTotal();
            session.waiting();
            for (const lane of lanesOf(session, '/w', 1.7e12)) for (const span of lane.spans) span.text();
            for (const measure of ['time', 'tokens', 'cost']) {
                const look = frame => {
                    assert.ok(frame.children.reduce((sum, child) => sum + child.value, 0) <= frame.value * 1.000001, 'no frame is wider than its parent');
                    frame.name();
                    frame.children.forEach(look);
                };
                look(flameOf(session, measure, '/w', 1.7e12));
            }
        }
        const session = new Session();
        [...story(), storyEnd].forEach((event, i) => session.apply(i + 1, event, JSON.stringify(event)));
        assert.deepEqual(session.usageTotal(), {input_tokens: 231000, output_tokens: 3396, cache_read_tokens: 217000, cost_usd: 0.16});
        assert.deepEqual(session.failures.map(node => node.error.split('\n').at(-1)), ['File does not exist.', 'run_all: no such option --fast']);
        // Lines of a file that was read: not those that the provider adds.
        const reader = new Session();
        let number = 0;
        const read = (tool_output, tool_result) => {
            reader.apply(++number, {type: 'tool_call_completed', data: {tool_name: 'Read', tool_call_id: 'c' + number, tool_output, tool_result}}, '');
            return reader.nodeAt(number).outputLines;
        };
        assert.deepEqual([read('a\nb\n\n<system-reminder>\nx', {file: {numLines: 2}}), read('a\nb\nc'), read('[image]', {type: 'image', file: {}}), read('')], [2, 3, undefined, undefined]);
        // A cost alone takes no tokens away; an open run costs what its messages say.
        const spender = new Session();
        [{type: 'token_usage_updated', data: {input_tokens: 10, cost_usd: 0.5}}, {type: 'token_usage_updated', data: {cost_usd: 0.5, cumulative: true}}, {type: 'run_completed', data: {cost_usd: 0.5}},
            {type: 'run_started', data: {}}, {type: 'token_usage_updated', data: {input_tokens: 5, cost_usd: 0.25}}].forEach((event, i) => spender.apply(i + 1, event, ''));
        assert.deepEqual(spender.usageTotal(), {input_tokens: 15, cost_usd: 0.75});
        // As asm-cat counts them: the run's own, those of sub-agents apart.
        assert.deepEqual(session.toolCount, {own: 5, ofAgents: 2});
        assert.deepEqual([session.runs[0].endNode.tools, session.runs[0].endNode.failed], [5, 1]);
    },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
    try {
        await test();
    } catch (error) {
        failed++;
        console.log('failed: ' + name + ': ' + error.stack);
    }
}
console.log(failed ? failed + ' parts of the page failed' : 'the parts of the page: all as they should be');
process.exit(failed ? 1 : 0);
