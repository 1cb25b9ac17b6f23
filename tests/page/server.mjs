// Programs that serve the page, and the logs that they show.
import {spawn} from 'node:child_process';
import {appendFileSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {sleep} from './chromium.mjs';

// A session as a file that a server follows.
export class Log {
    constructor(directory, name, events = []) {
        this.path = join(directory, name + '.jsonl');
        this.session = name;
        this.time = Date.now() - 600000;
        this.write(events);
    }

    line(event) {
        return JSON.stringify({ts: new Date(this.time += 1000).toISOString(), session_id: this.session, provider: 'claude', ...event}) + '\n';
    }

    write(events) {
        writeFileSync(this.path, events.map(event => this.line(event)).join(''));
    }

    append(...events) {
        appendFileSync(this.path, events.map(event => this.line(event)).join(''));
    }
}

// A server that can be killed, and started again where it was.
export class Server {
    constructor(program, directory, parameters = []) {
        Object.assign(this, {program, directory, parameters, port: 0});
        mkdirSync(directory, {recursive: true});
    }

    async start() {
        // The agent of the tests has no options: its port is another each time.
        const port = this.parameters === null ? [] : ['--port=' + this.port, ...this.parameters];
        this.process = spawn(this.program, port, {stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, XDG_STATE_HOME: this.directory}});
        let said = '';
        for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', piece => said += piece);
        this.ended = new Promise(resolve => this.process.on('exit', resolve));
        for (let i = 0; i < 1200 && !/\?token=\w+\s/.test(said); i++) {
            if (this.process.exitCode !== null) throw new Error(this.program + ' has ended: ' + said);
            await sleep(25);
        }
        this.address = /https?:\S+/.exec(said)?.[0];
        if (!this.address) {
            this.process.kill('SIGKILL');
            throw new Error('no address: ' + said);
        }
        this.port = Number(new URL(this.address).port);
        return this;
    }

    async stop(signal = 'SIGTERM') {
        this.process.kill(signal);
        await this.ended;
    }
}
