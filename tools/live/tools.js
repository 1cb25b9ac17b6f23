// Tool calls in words: the rows of asm_render.h's studio, so that page and terminal say the same.
import {cut, oneLine, firstLine, grouped, counted, shortPath, fitPath, linkTarget, withoutSecrets, duration, bytes} from './text.js';
import {isFailed, isEnded} from './model.js';

const paths = ['file_path', 'path', 'absolute_path', 'filePath', 'filename', 'target_file', 'notebook_path', 'file'];

// names, while it runs, when it succeeded, when it failed, members with its subject, kind of subject
const rows = [
    ['Bash bash shell run_shell_command exec_command execute_command local_shell container.exec command_execution run_command ' +
        'run_terminal_cmd run_in_terminal terminal powershell PowerShell execute exec Shell',
    'Running: ', 'Ran: ', 'Bash failed: ', ['command', 'cmd', 'script'], 'command'],
    ['Read read read_file ReadFile readFile view view_file read_text_file open_file NotebookRead', 'Reading ', 'Read ', 'Read failed: ', paths, 'path'],
    ['Write write write_file WriteFile writeFile create_file create', 'Writing ', 'Wrote ', 'Write failed: ', paths, 'path'],
    ['Edit edit MultiEdit multi_edit multiedit replace str_replace edit_file editFile search_replace apply_diff str_replace_editor ' +
        'str_replace_based_edit_tool NotebookEdit',
    'Editing ', 'Edited ', 'Edit failed: ', paths, 'path'],
    ['apply_patch patch file_change ApplyPatch', 'Editing ', 'Edited ', 'Edit failed: ', ['path', 'file_path'], 'patch'],
    ['Glob glob find_files file_search find glob_file_search find_by_name', 'Searching for ', 'Searched for ', 'Glob failed: ',
        ['pattern', 'glob', 'query'], 'text'],
    ['Grep grep grep_search search_file_content search_files rg code_search ripgrep', 'Searching ', 'Searched for ', 'Grep failed: ',
        ['pattern', 'regex', 'query', 'search'], 'quoted'],
    ['LS ls list_directory list_dir ListDir list_files listFiles', 'Listing ', 'Listed ', 'List failed: ',
        ['path', 'dir_path', 'directory', 'target_directory', 'dir'], 'path'],
    ['Task Agent task agent spawn_agent delegate_task dispatch_agent', 'Task: ', 'Task complete: ', 'Task failed: ',
        ['description', 'title', 'name', 'prompt', 'message'], 'agent'],
    ['WebFetch web_fetch webfetch fetch fetch_url read_url_content url_fetch', 'Fetching ', 'Fetched ', 'Fetch failed: ', ['url', 'uri', 'prompt'], 'url'],
    ['WebSearch web_search websearch google_web_search search_web', 'Searching the web for ', 'Searched the web for ', 'Web search failed: ',
        ['query', 'q', 'search_term'], 'quoted'],
    ['TodoWrite todowrite todo_write write_todos update_plan update_todos todo', 'Updating todos', 'Updated todos', 'Todos not updated', [], 'none'],
];

const byName = new Map(rows.flatMap(([names, running, done, failed, members, kind]) =>
    names.split(' ').map(name => [name, {running, done, failed, members, kind}])));

const longest = 400; // characters of a subject on one line

export const kindOf = name => byName.get(name)?.kind;
export const isTask = call => kindOf(call.name) === 'agent' || call.agentKind !== undefined;

// What a command says without the shell around it.
function commandOf(value) {
    let text = Array.isArray(value) ? value.join(' ') : String(value);
    const wrapped = /^(?:\/(?:usr\/)?bin\/)?(?:ba|z|da)?sh\s+-l?c\s+(?:'([^']*)'|"([^"\\]*)")\s*$/.exec(text.slice(0, 8000));
    if (wrapped) text = wrapped[1] ?? wrapped[2];
    return text.trim();
}

// What the call is about, as it was given.
export function subjectOf(call, directory) {
    const input = call.input;
    if (typeof input === 'string') return cut(oneLine(input.slice(0, longest * 2)), longest);
    if (typeof input !== 'object' || input === null) return '';
    const tool = byName.get(call.name);
    let value = tool?.members.map(name => input[name]).find(each => typeof each === 'string' && each !== '' || Array.isArray(each));
    if (tool?.kind === 'command' && Array.isArray(value) && value.length >= 3 && /^(.*\/)?(ba|z|da)?sh$/.test(value[0]) && /^-l?c$/.test(value[1])) value = value[2];
    if (!tool) value = Object.values(input).find(each => typeof each === 'string' && each !== '');
    if (value === undefined) return '';
    if (Array.isArray(value)) value = value.map(String).join(' ');
    switch (tool?.kind) {
    case 'command': return withoutSecrets(cut(oneLine(commandOf(value).slice(0, 4000)), longest));
    case 'path': return fitPath(oneLine(shortPath(value, directory)).slice(0, 2000), 160);
    case 'patch': return fitPath(oneLine(shortPath(value, directory)).slice(0, 2000), 160);
    case 'quoted': return '"' + cut(oneLine(value.slice(0, longest * 2)), longest) + '"';
    case 'url': {
        // The host that a browser would go to stands first.
        const target = linkTarget(value);
        return target && !value.includes('//' + target.host) ? target.host + ' \u2190 ' + cut(oneLine(value), longest) : cut(oneLine(value), longest);
    }
    default: return cut(oneLine(firstLine(value.slice(0, longest * 2))), longest);
    }
}

export function reasonOf(call) {
    const text = call.error ?? call.output ?? '';
    const line = firstLine(text.slice(0, 4000).replace(/^Exit code -?\d+\s*\n/, '').replace(/<\/?tool_use_error>/g, ''));
    return cut(line, longest);
}

function changesOf(call) {
    if (!Array.isArray(call.changes)) return '';
    let added = 0, removed = 0, known = false;
    for (const change of call.changes) {
        if (typeof change?.added === 'number') added += change.added, known = true;
        if (typeof change?.removed === 'number') removed += change.removed, known = true;
    }
    return known ? '+' + grouped(added) + ' \u2212' + grouped(removed) : '';
}

// What is known of its end: "exit 0, 156 characters, 3.2s". Only what the event states.
export function factsOf(call) {
    const facts = [], tool = byName.get(call.name);
    const changed = changesOf(call);
    if (changed) facts.push(changed);
    if (call.exitCode !== undefined) facts.push('exit ' + call.exitCode);
    if (call.outputSize && !isFailed(call)) {
        if (tool?.done === 'Read ') facts.push(call.outputLines !== undefined && counted(call.outputLines, 'line', 'lines'));
        else if (!tool || tool.kind === 'command' || tool.kind === 'url') facts.push(bytes(call.outputSize));
    }
    if (call.duration !== undefined) facts.push(duration(call.duration));
    return facts.filter(Boolean).join(', ');
}

// Milliseconds, or undefined. Where the event does not tell, from when its two events came: for drawing, not for saying.
export function durationOf(call) {
    if (call.duration !== undefined) return call.duration;
    const between = call.ended - call.started;
    return between > 0 ? between : undefined;
}

const patchFiles = call => Array.isArray(call.changes) ? call.changes.map(change => change?.path).filter(path => typeof path === 'string') : [];

// {mark, state, words, subject, reason, facts} of a call.
export function callWords(call, directory) {
    const told = wordsOf(call, directory);
    if (!told.subject) told.words = told.words.replace(/(:| for)? $/, '');
    return told;
}

function wordsOf(call, directory) {
    const tool = byName.get(call.name) ?? null;
    const name = call.name ?? 'A tool that was not named';
    let subject = call.display !== undefined && (!tool || tool.kind === 'agent') ? cut(oneLine(firstLine(call.display)), longest) : subjectOf(call, directory);
    if (!subject && tool?.kind !== 'none') {
        const files = patchFiles(call);
        if (files.length) subject = cut(files.slice(0, 4).map(path => shortPath(path, directory)).join(', '), longest) + (files.length > 4 ? ' and ' + (files.length - 4) + ' more' : '');
    }
    const ownWords = oneLine(cut(name, 200)).replace(/^mcp__(.+?)__(.+)$/, '$1:$2');
    const of = words => tool ? words : ownWords + (subject ? ': ' : '');
    const approval = call.approval;
    if (approval && !approval.decision && !approval.isWithdrawn && !isEnded(call))
        return {mark: '\u25CF', state: 'waits', words: 'Approve? ' + (call.name ?? '') + (subject ? ': ' : ''), subject, facts: ''};
    if (isFailed(call)) {
        const isDenied = call.status === 'declined';
        const reason = isDenied && approval?.decision && !approval.decision.isGranted ? approval.decision.reason ?? reasonOf(call) : reasonOf(call);
        const words = isDenied ? 'Not run: ' : call.status === 'cancelled' ? 'Cancelled: ' : call.status === 'timeout' ? 'Timed out: ' : null;
        const named = words ? words + (tool?.kind === 'command' || !call.name ? '' : call.name + (subject ? ': ' : ''))
            : tool ? tool.failed : ownWords + ' failed' + (subject ? ': ' : '');
        return {mark: '\u2717', state: 'failed', words: named, subject, reason, facts: factsOf(call)};
    }
    if (call.status === 'completed') return {mark: '\u2713', state: 'done', words: of(tool?.done), subject, facts: factsOf(call)};
    if (call.status === 'unknown') return {mark: '\u25CF', state: 'open', words: of(tool?.running), subject, facts: 'ended, how was not told'};
    if (call.statedStatus && isEnded(call)) return {mark: '\u25CF', state: 'open', words: of(tool?.running), subject, facts: call.statedStatus};
    if (call.isLost) return {mark: '\u25CF', state: 'open', words: of(tool?.running), subject, facts: 'its end was not told'};
    if (call.status === 'running_in_background') return {mark: '\u25D0', state: 'runs', words: of(tool?.running), subject, facts: 'in the background'};
    if (call.status === 'identified') return {mark: '\u25D0', state: 'runs', words: of(tool?.running), subject, facts: 'being written'};
    return {mark: '\u25D0', state: 'runs', words: of(tool?.running), subject, facts: ''};
}

export function plainWords(call, directory) {
    const {words, subject, reason} = callWords(call, directory);
    return words + subject + (reason ? ' \u2014 ' + reason : '');
}

// What a sub-agent did so far.
export function taskFacts(call) {
    let tools = 0, failures = 0, last = null;
    for (const child of call.children ?? []) {
        if (child.kind !== 'call') continue;
        tools++;
        last = child;
        if (isFailed(child)) failures++;
    }
    const facts = [];
    if (tools) facts.push(counted(tools, 'tool', 'tools'));
    if (failures) facts.push(counted(failures, 'failure', 'failures'));
    return {facts: facts.join(', '), last};
}
