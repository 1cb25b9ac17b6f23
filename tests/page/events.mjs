// Sessions for the tests.
export const markdown = '# Report\n\nThe parser drops the last field. **Two** places, see `record.c`:\n\n1. `reader_next()` stops at the line feed\n2. the caller\n   - adds nothing\n' +
    '   - [x] done\n\n| case | before | after |\n|---|---|---|\n| `a,b,` | 2 | 3 |\n\n```c\nif (at == end && has_comma)\n    add_field(record, "");\n```\n\n> quoted words\n\n' +
    'See [the RFC](https://www.rfc-editor.org/rfc/rfc4180), https://example.com/x and [paypal.com](https://evil.example/login).';

const picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const cwd = '/home/user/src/csvsum';

// One run with a bit of everything.
export function story(title = 'Keep an empty last field') {
    const run_id = 'run_1', tool = (type, data) => ({type: 'tool_call_' + type, data, run_id});
    return [
        {type: 'run_started', data: {model: 'claude-sonnet-4-6', cwd, git_branch: 'main', title}, run_id},
        {type: 'message_sent', data: {content: 'The last field gets lost when a line ends in a comma.\nPlease find out why, and mend it.', role: 'user'}},
        {type: 'message_streamed', data: {delta: 'I should look at the reader first, then at the tests.', thinking: true, message_id: 'm1'}, run_id},
        {type: 'todos_updated', data: {todos: [{content: 'Find the cause', status: 'completed'}, {content: 'Keep an empty last field', status: 'in_progress'}, {content: 'Add a test', status: 'pending'}]}, run_id},
        {type: 'message_received', data: {content: 'I will look at the reader.', message_id: 'm1', role: 'assistant'}, run_id},
        tool('started', {tool_name: 'Bash', tool_call_id: 'c1', tool_input: {command: 'make test', description: 'Run the tests'}}),
        tool('completed', {tool_name: 'Bash', tool_call_id: 'c1', tool_output: 'cc -o test test.c\n./test\n12 passed, 1 failed\n', exit_code: 0, duration_ms: 4300}),
        tool('started', {tool_name: 'Task', tool_call_id: 'c2', tool_input: {description: 'Look for callers', prompt: 'Find **all callers**.'}, agent_kind: 'Explore', display_text: 'Look for callers'}),
        tool('started', {tool_name: 'Grep', tool_call_id: 'c3', tool_input: {pattern: 'reader_next', path: cwd + '/src'}, parent_tool_call_id: 'c2'}),
        tool('completed', {tool_name: 'Grep', tool_call_id: 'c3', tool_output: 'src/main.c:12\nsrc/record.c:88', parent_tool_call_id: 'c2'}),
        tool('started', {tool_name: 'Read', tool_call_id: 'c4', tool_input: {file_path: cwd + '/src/nope.c'}, parent_tool_call_id: 'c2'}),
        tool('failed', {tool_name: 'Read', tool_call_id: 'c4', error_message: 'File does not exist.', parent_tool_call_id: 'c2'}),
        {type: 'message_received', data: {content: 'Two callers: `main.c` and `record.c`.', role: 'assistant', message_id: 's1', parent_tool_call_id: 'c2'}, run_id},
        {type: 'token_usage_updated', data: {input_tokens: 8100, output_tokens: 410, message_id: 's1', parent_tool_call_id: 'c2', model: 'claude-haiku-4-5'}, run_id},
        tool('completed', {tool_name: 'Task', tool_call_id: 'c2', tool_output: 'Two callers.', duration_ms: 8300, token_usage: {input_tokens: 8100, output_tokens: 410}}),
        {type: 'message_received', data: {content: markdown, role: 'assistant', message_id: 'm2'}, run_id},
        {type: 'token_usage_updated', data: {input_tokens: 48200, output_tokens: 1800, cache_read_tokens: 46000, context_window: 200000, message_id: 'm2', model: 'claude-sonnet-4-6'}, run_id},
        tool('started', {tool_name: 'Edit', tool_call_id: 'c5', tool_input: {file_path: cwd + '/src/record.c',
            old_string: '    if (at == end)\n        return;\n    add_field(record, at);', new_string: '    if (at == end && !has_comma)\n        return;\n    add_field(record, at);\n    record->count++;'}}),
        tool('completed', {tool_name: 'Edit', tool_call_id: 'c5', tool_output: 'ok', changes: [{path: cwd + '/src/record.c', kind: 'update', added: 2, removed: 1}]}),
        tool('started', {tool_name: 'Read', tool_call_id: 'c6', tool_input: {file_path: cwd + '/plot.png'}}),
        tool('completed', {tool_name: 'Read', tool_call_id: 'c6', tool_output: '[image/png]', tool_result: {type: 'image', file: {base64: picture, type: 'image/png'}}}),
        tool('started', {tool_name: 'Bash', tool_call_id: 'c7', tool_input: {command: './run_all --fast'}}),
        tool('failed', {tool_name: 'Bash', tool_call_id: 'c7', tool_output: 'Exit code 2\nrun_all: no such option --fast\nusage: run_all [-v]', exit_code: 2, error_message: 'Exit code 2\nrun_all: no such option --fast'}),
        {type: 'claude.api_retry', data: {level: 'warning', code: '429', attempt: 3, max_attempts: 10, retry_in_ms: 36000}, run_id},
        {type: 'message_received', data: {content: 'Half of an answ', role: 'assistant', message_id: 'm3', incomplete: true}, run_id},
        {type: 'message_retracted', data: {message_id: 'm3', reason: 'retried', replaced_by: 'm4'}, run_id},
        {type: 'middleware_action', data: {middleware: 'summary', action: 'summarization_completed', data: {kept: 12}}, run_id},
        {type: 'agent_state_update', data: {state: {messages: 12, todos: ['a']}}, run_id},
        {type: 'agent_state_update', data: {state: {messages: 13, todos: ['a', 'b']}}, run_id},
        {type: 'message_received', data: {content: 'The last field is **kept** now.', role: 'assistant', message_id: 'm4'}, run_id},
    ];
}

export const storyEnd = {type: 'run_completed', run_id: 'run_1', data: {stop_reason: 'end_turn', duration_ms: 72000, cost_usd: 0.16,
    token_usage: {input_tokens: 231000, output_tokens: 3396, cache_read_tokens: 217000}, models: {'claude-sonnet-4-6': {input_tokens: 222900, output_tokens: 2986, cost_usd: 0.15}, 'claude-haiku-4-5': {cost_usd: 0.01}},
    permission_denials: [{tool_name: 'Bash'}, {tool_name: 'Bash'}]}};

// `count` events of a long session.
export function longStory(count) {
    const events = [{type: 'run_started', data: {model: 'claude-sonnet-4-6', cwd: '/w', title: 'A long session'}, run_id: 'r'}];
    for (let i = 0; events.length < count; i++) {
        const call = {tool_name: 'Read', tool_call_id: 'c' + i}, content = 'Looking at **file ' + i + '** and its callers.';
        if (i % 50 === 0) events.push({type: 'message_sent', data: {content: 'Step ' + i + ': please go on.', role: 'user'}});
        events.push({type: 'message_streamed', data: {delta: content, role: 'assistant', message_id: 'm' + i}, run_id: 'r'},
            {type: 'message_received', data: {content, role: 'assistant', message_id: 'm' + i}, run_id: 'r'},
            {type: 'tool_call_started', data: {...call, tool_input: {file_path: '/w/src/file' + i + '.c'}}, run_id: 'r'},
            i % 97 ? {type: 'tool_call_completed', data: {...call, tool_output: 'int f' + i + '(void);\n'}, run_id: 'r'}
                : {type: 'tool_call_failed', data: {...call, error_message: 'no such file ' + i}, run_id: 'r'});
    }
    return events.slice(0, count);
}

// Text that tries to be more than text.
export const hostile = '<img src=x onerror="hacked=1;alert(1)"><script>hacked=1</script>\u202Eevil\u2066\u200B\u001B[2J\u001B]0;x\u0007\u0085\u2028\uFEFF&lt;b&gt;\'"`${hacked=1}`' +
    '[click](javascript:hacked=1) ![i](http://127.0.0.1:9/i.png) <svg/onload=hacked=1> ' + 'W'.repeat(400) + '\u0301'.repeat(40) + '\u0623\u0628\u062C';

// Each type of event, hostile text in each of its members.
export function hostileStory() {
    const t = hostile, usage = {input_tokens: -1, output_tokens: 1e308, cost_usd: -5, model: t, models: {[t]: {cost_usd: 1, input_tokens: 5}}};
    const call = {tool_name: t, tool_call_id: t, display_text: t, agent_kind: t};
    const object = {[t]: t, command: t, file_path: t, url: 'javascript:hacked=1//' + t, questions: [{question: t, options: [{label: t}]}]};
    const both = types => data => types.map(type => ({type, data, run_id: t, provider: t, agent_id: t}));
    return [
        ...both(['session_started', 'run_started', 'session_updated'])({model: t, cwd: t, title: t, git_branch: t, agent_version: t}),
        ...both(['message_sent', 'message_streamed', 'message_received'])({content: t, role: t, phase: t, origin: t, message_id: t}),
        ...both(['message_sent'])({content: t, synthetic: true, origin: t}),
        ...both(['message_streamed'])({delta: t, thinking: true}),
        ...both(['message_received'])({content: '[' + t + '](http://evil.example/"onmouseover=alert(1))\n\n```' + t + '\n' + t + '\n```\n\n|a|\n|-|\n|' + t.replace(/\n|\|/g, '') + '|\n\n# ' + t + '\n\n> ' + t + '\n\n- ' + t, message_id: 'z'}),
        ...both(['message_retracted'])({message_id: 'z', reason: t, replaced_by: t}),
        ...both(['tool_call_identified', 'tool_call_started', 'tool_call_updated'])({...call, tool_input: object, status: t}),
        ...both(['tool_output_streamed'])({...call, delta: t}),
        ...both(['tool_call_completed'])({...call, tool_output: t, status: t, tool_result: {structuredPatch: [{lines: ['+' + t, '-' + t]}]}, changes: [{path: t, kind: t}], token_usage: usage}),
        ...both(['tool_call_failed'])({...call, tool_call_id: 'b', error_message: t, tool_output: t, status: 'failed', exit_code: 1e9}),
        ...both(['tool_call_started'])({tool_name: 'Edit', tool_call_id: 'e', tool_input: {file_path: t, old_string: t, new_string: t + '\n' + t}}),
        ...both(['tool_call_completed'])({tool_name: 'Edit', tool_call_id: 'e', tool_result: {type: t, content: [{type: 'image', source: {media_type: 'image/svg+xml', data: 'PHN2Zy8+'}}, {type: 'image', mimeType: t, data: t}]}}),
        ...both(['tool_call_started'])({tool_name: 'Task', tool_call_id: 'p', tool_input: {description: t, prompt: t}, agent_kind: t}),
        ...both(['tool_call_started'])({tool_name: 'Bash', tool_call_id: 'q', parent_tool_call_id: 'p', tool_input: {command: t}}),
        ...both(['tool_approval_denied'])({tool_call_id: 'b', reason: t, decision: t, policy_name: t}),
        ...both(['token_usage_updated', 'turn_completed'])({...usage, message_id: t}),
        ...both(['error_occurred', 'error_recovered', 'policy_violation'])({error_code: t, error_message: t, policy: t, kind: t, message: t}),
        ...both(['status_changed'])({status: 'error', error_message: t, last_response: t}),
        ...both(['todos_updated'])({todos: [{id: t, content: t, status: t, active_form: t}]}),
        ...both(['agent_shutdown', 'node_transferring', 'node_transferred'])({reason: t, agent_id: t, from_node: t, to_node: t}),
        ...both(['middleware_action', 'agent_state_update', 'state_restored'])({middleware: t, action: t, data: object, state: object}),
        ...both(['display_message_saved', 'step_started', 'step_completed', 'continuation_evaluated'])({display_message: object, finish_reason: t, stop_reason: t, resolved_by: t}),
        ...both([t, 'claude.notice', '__proto__', 'constructor', 'toString'])({text: t, level: 'error', code: t, resets_at: t, attempt: 1}),
        ...both(['constructor', 'hasOwnProperty'])({other: t}),
        ...both(['run_failed'])({error_code: t, error_message: t, stop_reason: t, permission_denials: [{tool_name: t}], token_usage: usage, models: usage.models, num_turns: t}),
        ...both(['tool_approval_requested'])({tool_name: t, tool_call_id: 'y', tool_input: object, reason: t, policy_name: t, request_id: t, kind: t, options: [{id: t, label: t, description: t}]}),
        ...both(['tool_approval_requested'])({kind: 'question', tool_input: {question: t}, request_id: 'qq', options: [{id: t, label: t, description: t}]}),
    ];
}
