// The page in a headless browser: node tests/page/page.mjs CHROMIUM ASM-LIVE AGENT
//     AXE       the file of axe-core, if there is one
//     PICTURES  a directory for pictures
//     ONLY      names of tests, separated by blanks
import assert from 'node:assert/strict';
import {mkdirSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {cpus, loadavg, tmpdir} from 'node:os';
import {join} from 'node:path';
import {Chromium, sleep} from './chromium.mjs';
import {Server, Log} from './server.mjs';
import {story, storyEnd, longStory, hostileStory} from './events.mjs';

const [chromium, asmLive, agentProgram] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'asm-page-'));
const pictures = process.env.PICTURES, axe = process.env.AXE ? readFileSync(process.env.AXE, 'utf8') : null;
const count = selector => 'document.querySelectorAll(' + JSON.stringify(selector) + ').length';
const says = (selector, words) => '[...document.querySelectorAll(' + JSON.stringify(selector) + ')].some(e => e.innerText.includes(' + JSON.stringify(words) + '))';
const rows = '[...document.querySelectorAll(".conversation article")]';

let browser, server, logs, agent;

async function open(hash = '#/', width = 1280, height = 800, from = server) {
    const page = await browser.page(width, height);
    await page.go(from.address + hash);
    await page.until('document.querySelector("#connection").className === "open"', 'the page is connected');
    return page;
}

const session = (page, key, words) => page.until(says('.conversation', words), '"' + words + '" stands in ' + key);

// axe-core finds nothing serious. `rules`: some of its rules only.
async function accessible(page, what, rules = null) {
    // The page's own policy would not let it in as a script.
    await page.run(axe + '; 0');
    const only = rules ? {type: 'rule', values: rules} : {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']};
    const found = await page.run('axe.run(document, {runOnly: ' + JSON.stringify(only) + '}).then(r => r.violations.filter(v => ["serious", "critical"].includes(v.impact))' +
        '.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + n.failureSummary.slice(0, 200)).join(" | ")))');
    assert.deepEqual(found, [], what);
}

// Nothing is wider than the window.
async function fits(page, what) {
    // What an ancestor clips does not count.
    const wide = await page.run('(() => { const right = e => { let edge = e.getBoundingClientRect().right; for (let p = e.parentElement; p; p = p.parentElement) ' +
        'if (getComputedStyle(p).overflowX !== "visible") edge = Math.min(edge, p.getBoundingClientRect().right); return edge; }; ' +
        'return [document.documentElement.scrollWidth, innerWidth, [...document.querySelectorAll("body *")].filter(e => e.offsetParent && right(e) > innerWidth + 1).slice(0, 5).map(e => e.tagName + "." + e.className)]; })()');
    assert.ok(wide[0] <= wide[1] && wide[2].length === 0, what + ': ' + JSON.stringify(wide));
}

const tests = {
    async list() {
        const page = await open();
        await page.until(count('.session') + ' === 10', 'all sessions are listed');
        assert.match(await page.text('.lane.needs_you'), /Hostile|Needs you 1|Needs you/);
        assert.match(await page.text('.lane.working'), /Keep an empty last field/);
        assert.match(await page.text('.lane.working .session'), /claude/);
        assert.match(await page.run('document.title'), /^\(1\) asm-live/);
        // A run that ends takes its session to another lane, without a word from us.
        logs.moving.append({type: 'run_completed', data: {stop_reason: 'end_turn'}, run_id: 'r'});
        await page.until(says('.lane.done .session', 'Moving'), 'the session is done');
        await page.run('document.querySelector("#search").focus()');
        await page.type('empty last');
        await page.until(count('.session') + ' === 1', 'one session matches');
        assert.match(await page.text('.session'), /Keep an empty last field/);
        assert.deepEqual(page.errors, []);
        await page.close();
    },

    async conversation() {
        const page = await open('#/s/story');
        await session(page, 'story', 'is kept now');
        const text = await page.text('.conversation');
        for (const words of ['Bash failed: ./run_all --fast', 'run_all: no such option --fast', '(exit 2', 'API busy (429): retry 3 of 10 in 36s', 'Edited src/record.c', '+2 \u22121', 'Withdrawn (retried)'])
            assert.ok(text.includes(words), words + ' in ' + text);
        assert.equal(await page.run('getComputedStyle(document.querySelector(".row.call.failed .reason")).color'), 'rgb(179, 33, 27)');
        assert.equal(await page.run(count('.diff .added')), 2);
        assert.equal(await page.run(count('.diff .removed')), 1);
        await page.press('Home');
        await page.run('document.querySelector(".conversation").focus()');
        await page.press('Home');
        await page.until(says('.row.run', 'claude-sonnet-4-6 session started in /home/user/src/csvsum (main): Keep an empty last field'));
        await page.until(says('.md table th', 'before'), 'the table is one');
        assert.equal(await page.run(count('.md ol > li') + ' + ' + count('.md ul > li')), 4);
        assert.ok(await page.run(says('.md .code pre', 'add_field(record, "");')));
        assert.equal(await page.run('[...document.querySelectorAll(".md a")].find(a => a.innerText === "paypal.com").parentElement.innerText'), 'paypal.com (evil.example)');
        assert.equal(await page.run('[...document.querySelectorAll(".md a")].find(a => a.innerText === "https://example.com/x").parentElement.innerText.includes("(example.com)")'), false);
        await page.run('Object.defineProperty(navigator, "clipboard", {value: {writeText: t => { globalThis.copied = t; }}})');
        await page.click('.md .code-bar button');
        await page.until('globalThis.copied === "if (at == end && has_comma)\\n    add_field(record, \\"\\");"');
        // Reasoning is folded, and unfolds.
        assert.ok(await page.run('document.querySelector(".row.thinking .md").hidden'));
        await page.click('.row.thinking button.mark');
        await page.until('!document.querySelector(".row.thinking .md").hidden');
        // The sub-agent is folded with its state; unfolded its rows stand below.
        assert.match(await page.text('.fold button'), /Explore: finished, 2 tools, 1 failure/);
        assert.ok(!(await page.run(says('.row', 'Read failed: src/nope.c'))));
        await page.click('.fold button');
        await page.until(says('.row', 'Read failed: src/nope.c \u2014 File does not exist.'));
        assert.match(await page.text('.session-head .facts'), /5 tools, 2 in sub-agents/);
        assert.match(await page.text('.todo-box'), /Todo 1\/3: Keep an empty last field/);
        // An image is shown when asked for, and only as what it is.
        await page.until(says('.row.call', 'plot.png'));
        await page.run(rows + '.find(e => e.innerText.includes("plot.png")).querySelector(".mark").click()');
        await page.click('button', 'Show the image');
        await page.until('document.querySelector(".row img")?.naturalWidth === 1', 'the image is shown');
        assert.deepEqual(page.errors, []);
        await page.close();
    },

    async jumps() {
        const page = await open('#/s/story');
        await session(page, 'story', 'is kept now');
        await page.click('.jumps button[aria-label="Previous failure"]');
        await page.until('document.querySelector(".row.selected")?.innerText.includes("./run_all --fast")', 'the last failure is marked');
        await page.press('F');
        await page.until('document.querySelector(".row.selected")?.innerText.includes("src/nope.c")', 'the failure in the sub-agent is unfolded and marked');
        await page.press('P');
        await page.until('document.querySelector(".row.selected")?.innerText.includes("please find out why") || document.querySelector(".row.selected")?.innerText.includes("Please find out why")');
        await page.press('r');
        await page.until('document.querySelector("dialog").open && document.querySelector("dialog").innerText.includes("\\"message_sent\\"")', 'the event as it is');
        const link = await page.run('document.querySelector("dialog a").getAttribute("href")');
        assert.equal(link, '#/s/story/e/2');
        await page.press('Escape');
        const other = await open('#/s/story/e/22');
        await other.until('document.querySelector(".row.selected")?.innerText.includes("./run_all --fast")', 'the address names an event');
        await other.close();
        await page.close();
    },

    async stream() {
        const page = await open('#/s/stream');
        await session(page, 'stream', 'Streaming');
        const words = 'One **two** three four `five` six'.split(/(?= )/);
        for (const delta of words) {
            logs.stream.append({type: 'message_streamed', data: {delta, message_id: 's1'}, run_id: 'r'});
            await sleep(20);
        }
        await page.until(says('.row.message.streaming', 'One two three four five six'), 'the text grows');
        logs.stream.append({type: 'message_received', data: {content: words.join(''), message_id: 's1', role: 'assistant'}, run_id: 'r'});
        logs.stream.append({type: 'tool_call_started', data: {tool_name: 'Bash', tool_call_id: 'live', tool_input: {command: 'sleep 9'}}, run_id: 'r'},
            {type: 'tool_output_streamed', data: {tool_call_id: 'live', delta: 'half way\n'}, run_id: 'r'});
        await page.until(says('.row.runs', 'half way'), 'the output so far');
        assert.equal(await page.run(count('.row.streaming')), 0);
        assert.equal(await page.run(rows + '.filter(e => e.innerText.includes("One two")).length'), 1);
        assert.equal(await page.run('document.querySelector(".row.message strong").innerText'), 'two');
        await page.close();
    },

    // Killed, and started again: every event once, in order.
    async restart() {
        const page = await open('#/s/numbers');
        const number = i => ({type: 'message_received', data: {content: 'number ' + i + '.', message_id: 'n' + i, role: 'assistant'}, run_id: 'r'});
        let next = 0;
        for (let round = 0; round < 3; round++) {
            for (let i = 0; i < 20; i++) logs.numbers.append(number(next++));
            await server.stop('SIGKILL');
            for (let i = 0; i < 20; i++) logs.numbers.append(number(next++));
            await page.until('document.querySelector("#connection").className === "waiting"', 'the page says that it is not connected');
            await server.start();
            await page.until(says('.conversation', 'number ' + (next - 1) + '.'), 'all is there after the restart');
        }
        await page.run('document.querySelector(".conversation").focus()');
        const seen = new Set();
        for (let i = 0; i < 40 && seen.size < next; i++) {
            for (const text of await page.run(rows + '.map(e => e.innerText.match(/number (\\d+)\\./)?.[1]).filter(Boolean)')) seen.add(Number(text));
            await page.run('document.querySelector(".conversation").scrollTop -= 500');
            await sleep(30);
        }
        assert.equal(seen.size, next);
        assert.match(await page.text('.session-head .facts'), new RegExp(next + 1 + ' events'));
        await page.close();
    },

    async rewritten() {
        const page = await open('#/s/rewritten');
        await session(page, 'rewritten', 'first version');
        logs.rewritten.write([{type: 'message_received', data: {content: 'second version', role: 'assistant'}}, {type: 'message_received', data: {content: 'and more', role: 'assistant'}}]);
        await page.until(says('.conversation', 'and more') + ' && !' + says('.conversation', 'first version'), 'the page shows the new log only');
        await page.close();
    },

    // A laptop that sleeps: the page stands still, and the line may be dead when it goes on.
    async frozen() {
        const page = await open('#/s/frozen');
        await session(page, 'frozen', 'before');
        await page.send('Page.setWebLifecycleState', {state: 'frozen'});
        logs.frozen.append({type: 'message_received', data: {content: 'while it slept', role: 'assistant', message_id: 'x'}});
        await sleep(300);
        await page.send('Page.setWebLifecycleState', {state: 'active'});
        await page.send('Emulation.setFocusEmulationEnabled', {enabled: true});
        await page.until(says('.conversation', 'while it slept'));
        await page.send('Network.emulateNetworkConditions', {offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0});
        logs.frozen.append({type: 'message_received', data: {content: 'without a line', role: 'assistant', message_id: 'y'}});
        await sleep(200);
        await page.send('Network.emulateNetworkConditions', {offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1});
        await page.until(says('.conversation', 'without a line'));
        assert.equal(await page.run(rows + '.filter(e => e.innerText.includes("while it slept")).length'), 1);
        await page.close();
    },

    async deciding() {
        if (!agentProgram) return 'skipped: deciding: built without libmicrohttpd';
        const [one, two] = [await open('#/s/gardener', 1280, 800, agent), await open('#/s/gardener', 1280, 800, agent)];
        await one.until(says('.viewers', '2 viewers'), 'each sees the other');
        const say = async (page, text) => {
            await page.run('document.querySelector(".say textarea").focus()');
            await page.type(text);
            await page.press('Enter');
        };
        await say(one, 'please delete');
        for (const page of [one, two]) await page.until(says('.ask', 'Approve? Bash'));
        assert.ok((await two.text('.ask')).includes('9007199254740993'), 'the arguments are shown to the last digit');
        await one.until('document.title.startsWith("(1)")', 'the title says that somebody is needed', 4000);
        // At the same moment: one counts, the other is told.
        await Promise.all([one, two].map(page => page.run('[...document.querySelectorAll(".ask button")].find(b => b.innerText === "Approve").click()')));
        for (const page of [one, two]) await page.until(count('.ask') + ' === 0', 'nothing waits any more');
        await one.until(says('.conversation', '\u2713 Approved'));
        const first = /(was first: approved|v\d+ approved|Somebody approved)/.source;
        await Promise.race([one, two].map(page => page.until('/' + first + '/.test(document.querySelector("#toast").innerText)', 'the other is told that it was decided')));
        assert.equal(await one.run(rows + '.filter(e => e.innerText.includes("Ran: rm -rf build")).length'), 1);

        await say(two, 'delete again');
        await one.click('.ask button', 'Reject');
        await one.type('not on Friday');
        await one.click('.reject-part button', 'Reject');
        await two.until(says('.row.failed', 'Not run: rm -rf build \u2014 not on Friday'));

        await say(two, 'delete once more');
        await one.click('.ask button', 'Edit');
        await one.run('document.querySelector(".ask .edit").select()');
        await one.type('{"command": "ls", "n": 90071992547409931}');
        await one.click('.edit-part button', 'Approve as edited');
        await two.until(says('.conversation', 'Approved with other arguments'));
        await two.run(rows + '.findLast(e => e.classList.contains("call")).querySelector(".mark").click()');
        await two.until(says('.row.call .box', '90071992547409931'), 'the tool got the digits that were typed');
        await two.click('.jumps button', 'End');

        await say(one, 'ask me');
        await two.click('.ask .options button', 'reader.c');
        await one.until(says('.conversation', 'The answer was "b"'));
        await say(two, 'a long one');
        await one.until(says('.row.streaming', 'and so on'));
        await one.click('.desk button', 'Cancel run');
        await one.click('.desk button', 'Really cancel?');
        await two.until(says('.row.end', 'Session cancelled'));
        assert.deepEqual([...one.errors, ...two.errors], []);

        await one.run('location.hash = "#/s/gardener/debug"');
        await one.click('.debug button', 'The state as it is now');
        await one.until(says('.debug .code', '"status": "cancelled"'));
        await one.close();
        await two.close();
    },

    // Told to somebody who looks elsewhere, if that was chosen.
    async alerts() {
        if (!agentProgram) return;
        const page = await open('#/', 1280, 800, agent);
        await page.until(count('.session') + ' === 1');
        await page.run('globalThis.told = []; globalThis.Notification = class { static permission = "granted"; static requestPermission = async () => "granted"; constructor(title, more) { told.push(title + " | " + more.body); } }');
        const wait = (action, body) => page.run('fetch("/api/sessions/gardener/' + action + '", {method: "POST", headers: {"Content-Type": "application/json"}, body: ' + JSON.stringify(JSON.stringify(body)) + '}).then(r => r.status)');
        await page.until('!document.querySelector(".lane.needs_you li")');
        await wait('message', {text: 'delete it'});
        await page.until('document.querySelector(".lane.needs_you li") && document.title.startsWith("(1)")', 'the lane and the title tell');
        assert.deepEqual(await page.run('told'), [], 'nobody asked for notifications');
        await wait('cancel', {});
        await page.until('!document.querySelector(".lane.needs_you li") && !document.title.startsWith("(")');
        await page.click('.alerts button', 'Notify');
        await page.until('document.querySelector(".alerts button").getAttribute("aria-pressed") === "true"');
        await wait('message', {text: 'delete it'});
        await page.until('told.length === 1 && told[0].includes("Bash: rm -rf build")', 'a notification');
        await wait('cancel', {});
        await page.close();
    },

    // No text makes the page slow: what would take hours with a careless pattern.
    async patience() {
        const page = await open('#/');
        const pieces = ['*', '_', '**a ', '`', '`` ', '[', '[](', '![a](b', '> ', '- ', '1. ', '|', '| - ', '#', '# ', '~~', '<http://', 'http://', '\\', '\n\n', '* * ', ' ', '\u0301', '\u200B', 'a[b](c "d ', '```\n', '    x\n',
            '- a\n  ', '> - ', 'eyJ-', 'token=', 'a='];
        const slow = await page.run('(async pieces => { const {part_markdown: {markdown}, part_text: {visible, withoutSecrets}} = await import("/live.js"); const slow = []; ' +
            'for (const piece of pieces) for (const [before, after] of [["", ""], ["# ", "x"], ["a|b\\n-|-\\n", "|"], ["[a](", ")"]]) { ' +
            'const text = before + piece.repeat(60000 / piece.length) + after, begin = performance.now(); markdown(text); visible(text); withoutSecrets(text.slice(0, 4000)); ' +
            'const took = performance.now() - begin; if (took > 3000) slow.push([text.slice(0, 20), Math.round(took)]); } return slow; })(' + JSON.stringify(pieces) + ')');
        assert.deepEqual(slow, []);
        await page.close();
    },

    async hostile() {
        const page = await open('#/s/hostile');
        await page.until(says('.desk .ask', 'hacked'), 'it is asked for a decision');
        const look = async what => {
            await sleep(100);
            assert.equal(await page.run('typeof hacked'), 'undefined', what + ': something ran');
            assert.equal(await page.run(count('script') + ' + ' + count('img') + ' + ' + count('svg') + ' + ' + count('iframe') + ' + ' + count('[onerror], [onload], [onmouseover], [style*="url"]')), 2, what + ': only our scripts');
            assert.equal(await page.run('[...document.querySelectorAll("a")].filter(a => !/^(https?|mailto):|^#/.test(a.getAttribute("href"))).length'), 0, what + ': addresses');
            const raw = await page.run('(document.body.textContent + document.title + [...document.querySelectorAll("*")].flatMap(e => [...e.attributes].map(a => a.value)).join("")).match(/[\\u202A-\\u202E\\u2066-\\u2069\\u200B\\u001B\\u0007\\u0085\\u2028\\uFEFF]/g)');
            assert.equal(raw, null, what + ': invisible characters');
            await fits(page, what);
        };
        await look('conversation');
        // Every row, unfolded.
        await page.run('document.querySelector(".conversation").focus()');
        await page.press('Home');
        let last = null;
        for (let i = 0; i < 120; i++) {
            await page.press('j');
            const here = await page.run('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => { const row = document.querySelector(".row.selected"); done(row?.dataset.n ?? null); })))');
            if (here === last) break;
            last = here;
            await page.run('for (const b of document.querySelectorAll(".row.selected button[aria-expanded=false]")) b.click()');
            if (i % 6 === 0) await look('row ' + here);
        }
        assert.equal(Number(last), hostileStory().length, 'all rows were seen');
        for (const [tab, ready] of [['timeline', count('canvas') + ' === 2'], ['events', count('.event-line b') + ' > 3'], ['debug', count('.debug section') + ' === 3']]) {
            await page.run('location.hash = "#/s/hostile/' + tab + '"');
            await page.until(ready, tab);
            await look(tab);
        }
        await page.run('location.hash = "#/"');
        await page.until(count('.session') + ' > 3');
        await look('list');
        assert.ok(await page.run(says('.session', '<U+202E>evil')), 'what cannot be seen is told');
        assert.equal(page.dialogs, 0);
        assert.deepEqual(page.errors, []);
        assert.deepEqual([...new Set(page.requests.map(url => new URL(url).origin))], [new URL(server.address).origin], 'nothing is fetched from elsewhere');
        await page.close();
    },

    async narrow() {
        const page = await open('#/', 360, 740);
        await page.until(count('.session') + ' > 3');
        await fits(page, 'the list');
        await page.click('.session', 'Keep an empty last field');
        await session(page, 'story', 'is kept now');
        assert.equal(await page.run('getComputedStyle(document.querySelector("#list")).display'), 'none');
        await fits(page, 'a session');
        for (const tab of ['timeline', 'events', 'debug', 'e/9']) {
            await page.run('location.hash = "#/s/story/' + tab + '"');
            await sleep(200);
            await fits(page, tab);
        }
        await page.click('.back');
        await page.until('getComputedStyle(document.querySelector("#list")).display !== "none"');
        await page.close();
    },

    async keyboard() {
        const page = await open('#/');
        await page.until(says('.session', 'Keep an empty last field'));
        await page.press('/');
        assert.equal(await page.run('document.activeElement.id'), 'search');
        await page.type('empty last');
        await page.until(count('.session') + ' === 1');
        for (let i = 0; i < 6 && !(await page.run('document.activeElement.classList.contains("session")')); i++) await page.press('Tab');
        await page.press('Enter');
        await session(page, 'story', 'is kept now');
        for (let i = 0; i < 30 && !(await page.run('document.activeElement.classList.contains("conversation")')); i++) await page.press('Tab');
        assert.ok(await page.run('document.activeElement.classList.contains("conversation")'), 'the conversation is reached by Tab');
        await page.press('f', 8);
        await page.press('F', 8);
        await page.until('document.activeElement.innerText?.includes("./run_all --fast")');
        await page.press('Enter');
        await page.until('document.querySelector(".row.selected [aria-expanded=true]") && document.querySelector(".row.selected").innerText.includes("usage: run_all [-v]")', 'it is unfolded');
        await page.press('k');
        await page.until('document.activeElement.innerText?.includes("plot.png")');
        await page.press('?');
        await page.until('document.querySelector("dialog").open');
        await page.press('Escape');
        await page.until('!document.querySelector("dialog").open');
        // The timeline and the flame graph, too.
        await page.run('location.hash = "#/s/story/timeline"');
        await page.until(count('canvas') + ' === 2');
        await sleep(150);
        await page.run('document.querySelector("canvas").focus()');
        for (const key of ['ArrowRight', 'ArrowDown', 'ArrowRight', 'ArrowDown']) await page.press(key);
        await page.until('document.querySelector(".told").innerText.length > 10');
        await page.press('+');
        await page.press('-');
        await page.press('Enter');
        await page.until('/#\\/s\\/story\\/e\\/\\d+/.test(location.hash) && document.querySelector(".row.selected")', 'Enter goes to the event');
        await page.press('Escape');
        await page.until('location.hash === "#/"');
        await page.close();
    },

    async flame() {
        const page = await open('#/s/ended/timeline');
        await page.until(count('canvas') + ' === 2');
        const told = async (measure, expected) => {
            await page.click('.segmented button', measure);
            await sleep(100);
            await page.run('document.querySelectorAll("canvas")[1].focus()');
            for (let i = 0; i < 2; i++) await page.press('ArrowDown');
            await page.until('document.querySelectorAll(".told")[1].innerText.includes(' + JSON.stringify(expected) + ')', measure + ': ' + expected);
        };
        await told('Tokens', 'Run 1 \u2014 234,396 tokens');
        await told('Cost', 'Run 1 \u2014 $0.16');
        await told('Time', 'Run 1 \u2014 1m 12s');
        await page.press('ArrowDown');
        await page.until('document.querySelectorAll(".told")[1].innerText.includes("Sub-agents \u00D71")', 'what took longest stands first');
        await page.press('Enter');
        await page.until('document.querySelector(".row.selected")?.innerText.includes("Look for callers")');
        await page.close();
    },

    async find() {
        const page = await open('#/s/ended');
        await session(page, 'ended', 'Session complete');
        const said = () => page.run('document.querySelector(".find .dim").textContent');
        await page.press('/');
        assert.equal(await page.run('document.activeElement.placeholder'), 'Find in this session');
        await page.type('FIELD');
        await page.until('/^\\d+$/.test(document.querySelector(".find .dim").textContent)', 'how many there are');
        const all = Number(await said());
        assert.ok(all > 1, 'several places: ' + all);
        await page.press('Enter');
        await page.until('document.querySelector(".row.selected")?.textContent.toLowerCase().includes("field")', 'the last one, as the end is read');
        assert.equal(await said(), all + ' of ' + all);
        await page.press('Enter');
        await page.until('document.querySelector(".find .dim").textContent.startsWith("1 of ")', 'on from the beginning');
        await page.run('document.querySelector(".conversation").focus()');
        await page.press('n');
        await page.until('document.querySelector(".find .dim").textContent.startsWith("2 of ")', 'n is the next');
        await page.press('N');
        await page.until('document.querySelector(".find .dim").textContent.startsWith("1 of ")', 'N is the one before');
        assert.ok(await page.run('CSS.highlights.get("found").size') > 0, 'places are marked');
        await page.run('document.querySelector(".find input").value = ""');
        await page.press('/');
        await page.type('(*)[nowhere]');
        await page.press('Enter');
        await page.until(says('#toast', 'Nowhere in this session'), 'a pattern is only a text');
        await page.press('Escape');
        assert.equal(await page.run('document.querySelector(".find input").value'), '');
        assert.equal(await page.run('location.hash'), '#/s/ended', 'Escape takes the text away first');
        await page.close();
    },

    // Each of 100,000 events is looked at, and nothing else waits for it.
    async findInMany() {
        const page = await open('#/s/huge');
        await page.until('document.querySelector(".loading").textContent === "" && ' + says('.session-head .facts', '100,000 events'), 'all is read', 60000);
        await page.run('window.longest = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) longest = Math.max(longest, e.duration); }).observe({type: "longtask"}); 0');
        await page.press('/');
        const begin = Date.now();
        await page.type('src/file12345.c');
        await page.until('document.querySelector(".find .dim").textContent === "1"', 'the one place', 20000);
        const time = Date.now() - begin;
        await page.press('Enter');
        await page.until('document.querySelector(".row.selected")?.textContent.includes("file12345.c")', 'it is gone to');
        await page.run('document.querySelector(".find input").select()');
        await page.type('callers');
        await page.until('/^24,\\d\\d\\d$/.test(document.querySelector(".find .dim").textContent)', 'a word that is everywhere', 20000);
        await page.press('Enter');
        const longest = Math.round(await page.run('longest'));
        console.log('found in 100,000 events: ' + time + ' ms, longest task ' + longest + ' ms');
        assert.ok(longest < 500, 'nothing freezes: ' + longest + ' ms');
        await page.close();
    },

    async debug() {
        const page = await open('#/s/story/debug');
        await page.click('.debug button', 'What changed');
        await page.until(says('.changes', 'messages') + ' && ' + says('.changes .added', '13'), 'the difference of two states');
        assert.ok(await page.run(says('.debug', 'summarization_completed')));
        await page.click('.tree button', 'Look for callers');
        await page.until('document.querySelector(".row.selected")?.innerText.includes("Look for callers")');
        await page.close();
    },

    async accessibility() {
        if (!axe) return 'skipped: accessibility: axe-core could not be had from npm';
        const page = await open('#/');
        await page.until(count('.session') + ' > 3');
        // What is dark differs by its colours only.
        for (const [scheme, rules] of [['light', null], ['dark', ['color-contrast']]]) {
            await page.media({'prefers-color-scheme': scheme, 'prefers-reduced-motion': 'reduce'});
            await page.run('location.hash = "#/"');
            await sleep(100);
            await accessible(page, 'list, ' + scheme, rules);
            for (const [view, ready] of [['ended', says('.conversation', 'Session complete')], ['hostile', count('.ask') + ' > 1'], ['ended/timeline', count('canvas') + ' === 2'], ['ended/events', count('.event-line b') + ' > 3'], ['story/debug', count('.tree') + ' > 0']]) {
                await page.run('location.hash = "#/s/' + view + '"');
                await page.until(ready, view);
                if (view === 'ended') await page.run('for (const b of document.querySelectorAll(".conversation button[aria-expanded=false]")) b.click()');
                await sleep(150);
                await accessible(page, view + ', ' + scheme, rules);
            }
        }
        await page.run('location.hash = "#/s/story"');
        await session(page, 'story', 'is kept now');
        await page.press('/');
        await page.type('field');
        await page.press('Enter');
        await page.until('/^\\d+ of \\d+$/.test(document.querySelector(".find .dim").textContent)', 'something is found');
        await accessible(page, 'find');
        await page.run('document.activeElement.blur()');
        await page.press('?');
        await page.until('document.querySelector("dialog").open');
        await accessible(page, 'dialog');
        await page.close();
    },

    async dark() {
        const page = await open('#/s/story');
        await session(page, 'story', 'is kept now');
        const background = () => page.run('getComputedStyle(document.body).backgroundColor');
        await page.media({'prefers-color-scheme': 'light'});
        assert.equal(await background(), 'rgb(255, 255, 255)');
        await page.media({'prefers-color-scheme': 'dark', 'prefers-reduced-motion': 'reduce'});
        assert.equal(await background(), 'rgb(14, 17, 22)');
        assert.equal(await page.run('document.getAnimations().length'), 0);
        await page.close();
    },

    // 10,000 events: how long until the first rows stand, and that they are not all on the page.
    async paint() {
        const times = [];
        for (let i = 0; i < 5; i++) {
            const page = await open('#/s/long');
            times.push(await page.until('performance.getEntriesByName("conversation")[0]?.startTime'));
            if (i === 4) {
                await page.until('document.querySelector(".loading").textContent === "" && ' + says('.session-head .facts', '10,000 events'), 'all is read', 20000);
                await page.run('location.hash = "#/s/long/e/2345"');
                await page.until('document.querySelector(".row.selected")?.dataset.n <= 2345 && document.querySelector(".row.selected").dataset.n >= 2340', 'an event far away is shown');
                assert.ok(await page.run(count('.conversation article')) < 150, 'only rows near the window are on the page');
                await page.run('document.querySelector(".conversation").scrollTop = 0');
                await page.until(says('.row.run', 'session started'), 'the beginning is shown');
            }
            await page.close();
        }
        const best = Math.round(Math.min(...times));
        console.log('first rows of 10,000 events: ' + times.map(time => Math.round(time)).join(', ') + ' ms');
        // Twice what it takes at the worst; longer by as much as the machine has to do.
        const limit = 400 * Math.max(1, loadavg()[0] / cpus().length);
        assert.ok(best < limit, 'best of five: ' + best + ' ms, not below ' + Math.round(limit));
    },

    async refused() {
        const page = await browser.page();
        await page.go(new URL('/', server.address).href);
        await page.until(says('body', 'open the address that the program printed'), 'without the token the server says what to do');
        await page.go(server.address + '#/s/nobody');
        await page.until(says('#banner', 'There is no session nobody here.'), 'a session that is not there');
        await page.until(count('.session') + ' > 3 && document.querySelector("#connection").className === "open"', 'the list goes on without it');
        assert.equal(await page.run('location.search'), '', 'the token does not stay in the address');
        await page.close();
    },
};

// Sessions as they might be, for pictures of the page.
function scene(directory) {
    const run = (title, agent, cwd, ...events) => [{type: 'run_started', provider: agent, data: {model: 'claude-sonnet-4-6', title, cwd}, run_id: 'r'}, ...events.map(event => ({provider: agent, run_id: 'r', ...event}))];
    const call = (type, tool_name, tool_input, more) => ({type: 'tool_' + type, data: {tool_name, tool_call_id: 'c', tool_input, ...more}});
    const spent = (input_tokens, output_tokens, cost_usd) => ({type: 'run_completed', data: {stop_reason: 'end_turn', token_usage: {input_tokens, output_tokens}, cost_usd}});
    return [
        new Log(directory, 'csvsum', story()), new Log(directory, 'reader', [...story('Read records without copies'), storyEnd]),
        new Log(directory, 'deploy', run('Publish version 1.4', 'codex', '/home/user/src/site', call('approval_requested', 'Bash', {command: 'git push origin v1.4'}))),
        new Log(directory, 'docs', run('Explain the file format', 'gemini', '/home/user/src/csvsum', call('call_started', 'Read', {file_path: 'docs/format.md'}))),
        new Log(directory, 'bench', run('Find what is slow', 'claude', '/home/user/src/csvsum', call('call_started', 'Bash', {command: 'make bench'}))),
        new Log(directory, 'names', run('Name the columns', 'claude', '/home/user/src/csvsum', spent(81200, 2210, 0.09))),
        new Log(directory, 'ports', run('Build on other systems', 'codex', '/home/user/src/csvsum', {type: 'run_failed', data: {error_code: 'rate_limit', error_message: 'Usage limit reached, again at 18:00'}})),
    ];
}

async function takePictures() {
    mkdirSync(join(work, 'scene'));
    const shown = await new Server(asmLive, join(work, 'scene-state'), scene(join(work, 'scene')).map(log => log.path)).start();
    const shots = [['list', '#/', 960, 400, 'light'], ['session', '#/s/csvsum', 960, 600, 'light'], ['timeline', '#/s/reader/timeline', 960, 620, 'light'], ['narrow', '#/s/csvsum', 360, 640, 'dark']];
    const shoot = async (name, page, scheme) => {
        await page.media({'prefers-color-scheme': scheme, 'prefers-reduced-motion': 'reduce'});
        await sleep(1500);
        await page.picture(join(pictures, 'live-' + name + '.png'));
        await page.close();
    };
    for (const [name, hash, width, height, scheme] of shots) await shoot(name, await open(hash, width, height, shown), scheme);
    await shown.stop();
    if (!agent) return;
    const page = await open('#/s/gardener', 960, 600, agent);
    await page.run('document.querySelector(".say textarea").focus()');
    await page.type('Please delete what is not needed.');
    await page.press('Enter');
    await page.until(count('.ask') + ' === 1');
    await shoot('approve', page, 'light');
}

function makeLogs() {
    const directory = join(work, 'logs');
    const one = (name, events) => new Log(directory, name, events);
    const begin = title => [{type: 'run_started', data: {model: 'm', title}, run_id: 'r'}];
    return {
        story: one('story', story()), ended: one('ended', [...story('All went well'), storyEnd]), hostile: one('hostile', hostileStory()), long: one('long', longStory(10000)), huge: one('huge', longStory(100000)),
        moving: one('moving', begin('Moving')),
        stream: one('stream', [...begin('Stream'), {type: 'message_received', data: {content: 'Streaming', role: 'assistant'}, run_id: 'r'}]),
        numbers: one('numbers', begin('Numbers')), rewritten: one('rewritten', [{type: 'message_received', data: {content: 'first version', role: 'assistant'}}]),
        frozen: one('frozen', [{type: 'message_received', data: {content: 'before', role: 'assistant'}}]),
    };
}

let failed = 0;
const begin = Date.now();
try {
    mkdirSync(join(work, 'logs'));
    logs = makeLogs();
    server = await new Server(asmLive, join(work, 'state'), Object.values(logs).map(log => log.path)).start();
    if (agentProgram) agent = await new Server(agentProgram, join(work, 'agent'), null).start();
    browser = await Chromium.start(chromium);
    const only = process.env.ONLY?.split(' ');
    for (const [name, test] of Object.entries(tests)) {
        if (only && !only.includes(name)) continue;
        const from = Date.now();
        try {
            const note = await test();
            if (note) console.log(note);
        } catch (error) {
            failed++;
            console.log('failed: ' + name + ': ' + error.stack);
        }
        if (process.env.TIMES) console.log(name + ': ' + (Date.now() - from) + ' ms');
    }
    if (pictures) await takePictures();
} finally {
    await browser?.close();
    await server?.stop('SIGKILL');
    await agent?.stop('SIGKILL');
    rmSync(work, {recursive: true, force: true});
}
console.log((failed ? failed + ' failed' : 'the page: all as it should be') + ', ' + Math.round((Date.now() - begin) / 100) / 10 + ' s');
process.exit(failed ? 1 : 0);
