// A headless Chromium that is driven over its DevTools protocol, by node alone.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

export class Chromium {
    static async start(program) {
        const browser = new Chromium();
        browser.profile = mkdtempSync(join(tmpdir(), 'asm-page-'));
        const flags = ['--headless=new', '--remote-debugging-pipe', '--no-first-run', '--no-default-browser-check', '--disable-gpu', '--disable-dev-shm-usage',
            '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars=false', '--mute-audio', '--force-color-profile=srgb',
            // Parts of the browser's own window are pages as well, which would be loaded beside ours.
            '--disable-features=PreloadTopChromeWebUI,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup', '--user-data-dir=' + browser.profile];
        if (process.getuid?.() === 0) flags.push('--no-sandbox');
        browser.process = spawn(program, [...flags, 'about:blank'], {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']});
        browser.pending = new Map();
        browser.pages = new Map();
        browser.count = 0;
        let rest = Buffer.alloc(0);
        browser.process.stdio[4].on('data', piece => {
            rest = rest.length ? Buffer.concat([rest, piece]) : piece;
            for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) browser.take(JSON.parse(rest.subarray(0, end).toString()));
        });
        browser.process.on('error', error => browser.fail(error));
        browser.process.on('exit', () => browser.fail(new Error('the browser has ended')));
        await browser.send('Browser.getVersion');
        return browser;
    }

    fail(error) {
        for (const {reject} of this.pending.values()) reject(error);
        this.pending.clear();
        this.isOver = true;
    }

    take(message) {
        if (message.id) {
            const {resolve, reject, method} = this.pending.get(message.id) ?? {};
            this.pending.delete(message.id);
            if (message.error) reject?.(new Error(method + ': ' + message.error.message));
            else resolve?.(message.result);
        } else {
            this.pages.get(message.sessionId)?.take(message.method, message.params);
        }
    }

    send(method, params = {}, sessionId) {
        if (this.isOver) return Promise.reject(new Error('the browser has ended'));
        return new Promise((resolve, reject) => {
            const id = ++this.count;
            this.pending.set(id, {resolve, reject, method});
            this.process.stdio[3].write(JSON.stringify({id, method, params, sessionId}) + '\0');
        });
    }

    // A window of a person of its own: cookies and storage are not those of others.
    async page(width = 1280, height = 800) {
        const {browserContextId} = await this.send('Target.createBrowserContext');
        const {targetId} = await this.send('Target.createTarget', {url: 'about:blank', browserContextId, width, height});
        const {sessionId} = await this.send('Target.attachToTarget', {targetId, flatten: true});
        const page = new Page(this, sessionId, targetId);
        this.pages.set(sessionId, page);
        for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.send(domain + '.enable');
        await page.size(width, height);
        return page;
    }

    async close() {
        this.process.kill('SIGTERM');
        await Promise.race([new Promise(resolve => this.process.on('exit', resolve)), sleep(2000)]);
        this.process.kill('SIGKILL');
        for (let i = 0; i < 20; i++) {
            try {
                rmSync(this.profile, {recursive: true, force: true});
                return;
            } catch {
                await sleep(100);
            }
        }
    }
}

class Page {
    constructor(browser, sessionId, targetId) {
        Object.assign(this, {browser, sessionId, targetId, errors: [], requests: [], dialogs: 0});
    }

    take(method, params) {
        if (method === 'Runtime.exceptionThrown') this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        if (method === 'Runtime.consoleAPICalled' && params.type === 'error') this.errors.push(params.args.map(each => each.value ?? each.description).join(' '));
        if (method === 'Log.entryAdded' && params.entry.level === 'error' && params.entry.source !== 'network') this.errors.push(params.entry.text);
        if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
        if (method === 'Page.javascriptDialogOpening') {
            this.dialogs++;
            this.send('Page.handleJavaScriptDialog', {accept: false});
        }
    }

    send(method, params) {
        return this.browser.send(method, params, this.sessionId);
    }

    size(width, height, scale = 1) {
        return this.send('Emulation.setDeviceMetricsOverride', {width, height, deviceScaleFactor: scale, mobile: false});
    }

    media(features) {
        return this.send('Emulation.setEmulatedMedia', {features: Object.entries(features).map(([name, value]) => ({name, value}))});
    }

    async go(url) {
        await this.send('Page.navigate', {url});
    }

    // The value of an expression, or of what it promises.
    async run(expression) {
        const {result, exceptionDetails} = await this.send('Runtime.evaluate', {expression, awaitPromise: true, returnByValue: true, userGesture: true});
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
    }

    // Waits until an expression is true; returns its value.
    async until(expression, what = expression, limit = 8000) {
        const end = Date.now() + limit;
        for (;;) {
            const value = await this.run('(() => { try { return (' + expression + '); } catch { return false; } })()').catch(error => {
                if (/context|navigat/i.test(error.message)) return false;
                throw error;
            });
            if (value) return value;
            if (Date.now() > end) throw new Error('not so after ' + limit + ' ms: ' + what);
            await sleep(25);
        }
    }

    text(selector = 'body') {
        return this.run('document.querySelector(' + JSON.stringify(selector) + ')?.innerText ?? null');
    }

    async click(selector, words) {
        const find = 'const all = [...document.querySelectorAll(' + JSON.stringify(selector) + ')].filter(e => e.offsetParent !== null && ' +
            (words === undefined ? 'true' : 'e.innerText.includes(' + JSON.stringify(words) + ')') + ');';
        await this.until('(() => {' + find + ' return all.length > 0; })()', 'there is ' + selector + (words ? ' with "' + words + '"' : ''));
        // Where it is, once it stays there: rows that come to be known in height move the others.
        const place = await this.run('(async () => { for (let before = "", tries = 0; ; tries++) {' + find +
            ' all[0]?.scrollIntoView({block: "nearest"}); const r = all[0]?.getBoundingClientRect() ?? {}; const place = [r.x + r.width / 2, r.y + r.height / 2];' +
            ' if (place.join() === before || tries === 50) return place; before = place.join(); await new Promise(done => setTimeout(done, 30)); } })()');
        for (const type of ['mousePressed', 'mouseReleased'])
            await this.send('Input.dispatchMouseEvent', {type, x: place[0], y: place[1], button: 'left', clickCount: 1});
    }

    async press(key, modifiers = 0) {
        const named = {Enter: ['Enter', 13, '\r'], Tab: ['Tab', 9], Escape: ['Escape', 27], End: ['End', 35], Home: ['Home', 36], ArrowDown: ['ArrowDown', 40], ArrowUp: ['ArrowUp', 38],
            ArrowRight: ['ArrowRight', 39], ArrowLeft: ['ArrowLeft', 37], ' ': ['Space', 32, ' ']}[key];
        const event = named ? {key, code: named[0], windowsVirtualKeyCode: named[1], text: named[2]} : {key, text: key, windowsVirtualKeyCode: key.toUpperCase().charCodeAt(0)};
        await this.send('Input.dispatchKeyEvent', {type: event.text ? 'keyDown' : 'rawKeyDown', modifiers, ...event});
        await this.send('Input.dispatchKeyEvent', {type: 'keyUp', modifiers, key: event.key, code: event.code, windowsVirtualKeyCode: event.windowsVirtualKeyCode});
    }

    type(text) {
        return this.send('Input.insertText', {text});
    }

    async picture(file) {
        const {data} = await this.send('Page.captureScreenshot', {format: 'png'});
        writeFileSync(file, Buffer.from(data, 'base64'));
    }

    close() {
        return this.browser.send('Target.closeTarget', {targetId: this.targetId});
    }
}

export {sleep};
