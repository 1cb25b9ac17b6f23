// SPDX-License-Identifier: MIT OR Unlicense
// Rules of ACP for what an agent sends: the schema of the SDK, and the order that it cannot say.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const Ajv = require('ajv/dist/2020').default;
const schema = require('@agentclientprotocol/sdk/schema/v1/schema.json');

export const must = (condition, text) => { if (!condition) throw new Error(text); };

const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema(schema, 'acp');
const compiled = new Map();
function fits(definition, value) {
  if (!compiled.has(definition)) compiled.set(definition, ajv.compile({ $ref: `acp#/$defs/${definition}` }));
  const check = compiled.get(definition);
  must(check(value), `${definition}: ${ajv.errorsText(check.errors?.slice(0, 2))}`);
}
const kinds = schema.$defs.SessionUpdate.oneOf ? 'oneOf' : 'anyOf';
const updates = new Map(schema.$defs.SessionUpdate[kinds]
  .map((branch, i) => [branch.properties?.sessionUpdate?.const, `SessionUpdate/${kinds}/${i}`]));

/** One session. A call is announced once and does not begin again; no call is open at the end of a prompt. */
export class AcpRules {
  calls = new Map();
  asked = new Set();

  agent(message) {
    must(message.jsonrpc === '2.0', 'no JSON-RPC');
    if (message.method?.startsWith('_')) return;
    if (message.method === 'session/request_permission') {
      fits('RequestPermissionRequest', message.params);
      must(!this.asked.has(message.id), `permission ${message.id} is asked for twice`);
      this.asked.add(message.id);
    } else if (message.method === undefined) {
      if (message.result?.stopReason) this.#answered(message.result);
    } else {
      must(message.method === 'session/update', `method ${message.method}`);
      fits('SessionNotification', message.params);
      this.#update(message.params.update);
    }
  }

  #answered(result) {
    fits('PromptResponse', result);
    this.ended();
  }

  #update(update) {
    const kind = update.sessionUpdate, id = update.toolCallId;
    must(updates.has(kind), `update ${kind}`);
    fits(updates.get(kind), update);
    if (kind === 'tool_call') {
      must(!this.calls.has(id), `call ${id} twice`);
      this.calls.set(id, update.status ?? 'pending');
    }
    if (kind !== 'tool_call_update') return;
    const before = this.calls.get(id);
    must(before, `update of the unknown call ${id}`);
    must(/pending|in_progress/.test(before) || !update.status || update.status === before, `call ${id} from ${before} to ${update.status}`);
    this.calls.set(id, update.status ?? before);
  }

  ended() {
    for (const [id, status] of this.calls) must(/completed|failed/.test(status), `at the end call ${id} is ${status}`);
  }
}
