/* Tests of asm_ingest.h: what programs print while they run, one made-up session for each. */
#include "ingest_trace.h"

static const char gemini[] =
    "{\"type\":\"init\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"session_id\":\"g\",\"model\":\"gemini-"
    "x\"}\n"
    "{\"type\":\"message\",\"timestamp\":\"2026-01-01T00:00:01.000Z\",\"role\":\"user\",\"content\":\"go\"}\n"
    "{\"type\":\"message\",\"timestamp\":\"2026-01-01T00:00:02.000Z\",\"role\":\"assistant\",\"content\":\"I "
    "\",\"delta\":true}\n"
    "{\"type\":\"message\",\"timestamp\":\"2026-01-01T00:00:02.000Z\",\"role\":\"assistant\",\"content\":"
    "\"look.\",\"delta\":true}\n"
    "{\"type\":\"tool_use\",\"timestamp\":\"2026-01-01T00:00:03.000Z\",\"tool_name\":\"run_shell_command\","
    "\"tool_id\":\"a\",\"parameters\":{\"command\":\"false\"}}\n"
    "{\"type\":\"tool_use\",\"timestamp\":\"2026-01-01T00:00:03.000Z\",\"tool_name\":\"read_file\",\"tool_"
    "id\":\"b\",\"parameters\":{\"path\":\"x\"}}\n"
    "{\"type\":\"tool_result\",\"timestamp\":\"2026-01-01T00:00:04.000Z\",\"tool_id\":\"b\",\"status\":"
    "\"error\",\"output\":\"no x\",\"error\":{\"type\":\"not_found\",\"message\":\"no x\"}}\n"
    "{\"type\":\"tool_result\",\"timestamp\":\"2026-01-01T00:00:04.000Z\",\"tool_id\":\"a\",\"status\":"
    "\"success\",\"output\":\"Command exited with code: 1\"}\n"
    "{\"type\":\"error\",\"timestamp\":\"2026-01-01T00:00:05.000Z\",\"severity\":\"warning\",\"message\":"
    "\"slow\"}\n"
    "{\"type\":\"message\",\"timestamp\":\"2026-01-01T00:00:06.000Z\",\"role\":\"assistant\",\"content\":"
    "\"Done.\",\"delta\":true}\n"
    "{\"type\":\"result\",\"timestamp\":\"2026-01-01T00:00:07.000Z\",\"status\":\"success\",\"stats\":{"
    "\"total_tokens\":130,\"input_tokens\":100,\"output_tokens\":20,\"cached\":60,\"input\":40,\"duration_"
    "ms\":7000,\"tool_calls\":2,\"models\":{\"gemini-x\":{\"total_tokens\":130,\"input_tokens\":100,\"output_"
    "tokens\":20,\"cached\":60}}}}\n";

static const char cursor[] =
    "{\"type\":\"system\",\"subtype\":\"init\",\"apiKeySource\":\"login\",\"cwd\":\"/"
    "w\",\"session_id\":\"c\",\"model\":\"Auto\",\"permissionMode\":\"default\"}\n"
    "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"go\"}]},"
    "\"session_id\":\"c\"}\n"
    "{\"type\":\"thinking\",\"subtype\":\"delta\",\"text\":\"hm\",\"session_id\":\"c\",\"timestamp_ms\":"
    "1784819288883}\n"
    "{\"type\":\"thinking\",\"subtype\":\"completed\",\"session_id\":\"c\",\"timestamp_ms\":1784819289515}\n"
    "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"I \"}]},\"session_id\":\"c\",\"timestamp_ms\":1784819289520}\n"
    "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"look.\"}]},\"session_id\":\"c\",\"timestamp_ms\":1784819289521}\n"
    "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"I look.\"}]},\"session_id\":\"c\",\"model_call_id\":\"m1\",\"timestamp_ms\":1784819289530}\n"
    "{\"type\":\"tool_call\",\"subtype\":\"started\",\"call_id\":\"k\\n1\",\"tool_call\":{\"shellToolCall\":{"
    "\"args\":{\"command\":\"false\"}}},\"session_id\":\"c\",\"timestamp_ms\":1784819289540}\n"
    "{\"type\":\"tool_call\",\"subtype\":\"completed\",\"call_id\":\"k\\n1\",\"tool_call\":{"
    "\"shellToolCall\":{\"args\":{\"command\":\"false\"},\"result\":{\"success\":{\"exitCode\":1,\"stdout\":"
    "\"out\",\"stderr\":\"\",\"executionTime\":12}}}},\"session_id\":\"c\",\"timestamp_ms\":1784819289550}\n"
    "{\"type\":\"tool_call\",\"subtype\":\"started\",\"call_id\":\"k2\",\"tool_call\":{\"writeToolCall\":{"
    "\"args\":{\"path\":\"a\"}}},\"session_id\":\"c\",\"timestamp_ms\":1784819289560}\n"
    "{\"type\":\"tool_call\",\"subtype\":\"completed\",\"call_id\":\"k2\",\"tool_call\":{\"writeToolCall\":{"
    "\"args\":{\"path\":\"a\"},\"result\":{\"rejected\":{\"reason\":\"not "
    "now\"}}}},\"session_id\":\"c\",\"timestamp_ms\":1784819289570}\n"
    "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"Done.\"}]},\"session_id\":\"c\"}\n"
    "{\"type\":\"result\",\"subtype\":\"success\",\"duration_ms\":7000,\"is_error\":false,\"result\":\"I "
    "look.Done.\",\"session_id\":\"c\",\"usage\":{\"inputTokens\":10,\"outputTokens\":5,\"cacheReadTokens\":"
    "100,\"cacheWriteTokens\":1}}\n";

static const char opencode[] =
    "{\"type\":\"step_start\",\"timestamp\":1767036059338,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p1\","
    "\"messageID\":\"m1\",\"type\":\"step-start\"}}\n"
    "{\"type\":\"text\",\"timestamp\":1767036059400,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p2\","
    "\"messageID\":\"m1\",\"type\":\"text\",\"text\":\"I look.\",\"time\":{\"start\":1,\"end\":2}}}\n"
    "{\"type\":\"tool_use\",\"timestamp\":1767036061199,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p3\","
    "\"messageID\":\"m1\",\"type\":\"tool\",\"callID\":\"k1\",\"tool\":\"bash\",\"state\":{\"status\":"
    "\"completed\",\"input\":{\"command\":\"false\"},\"output\":\"no\",\"title\":\"false\",\"metadata\":{"
    "\"exit\":1},\"time\":{\"start\":1000,\"end\":1200}}}}\n"
    "{\"type\":\"tool_use\",\"timestamp\":1767036061200,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p4\","
    "\"messageID\":\"m1\",\"type\":\"tool\",\"callID\":\"k2\",\"tool\":\"invalid\",\"state\":{\"status\":"
    "\"completed\",\"input\":{\"tool\":\"nope\"},\"output\":\"unknown tool\"}}}\n"
    "{\"type\":\"step_finish\",\"timestamp\":1767036061205,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p5\","
    "\"messageID\":\"m1\",\"type\":\"step-finish\",\"reason\":\"tool-calls\",\"cost\":0.1,\"tokens\":{"
    "\"input\":100,\"output\":10,\"reasoning\":0,\"cache\":{\"read\":5,\"write\":1}}}}\n"
    "{\"type\":\"step_start\",\"timestamp\":1767036063732,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p6\","
    "\"messageID\":\"m2\",\"type\":\"step-start\"}}\n"
    "{\"type\":\"text\",\"timestamp\":1767036064268,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p7\","
    "\"messageID\":\"m2\",\"type\":\"text\",\"text\":\"Done.\",\"time\":{\"start\":1,\"end\":2}}}\n"
    "{\"type\":\"step_finish\",\"timestamp\":1767036064273,\"sessionID\":\"ses_1\",\"part\":{\"id\":\"p8\","
    "\"messageID\":\"m2\",\"type\":\"step-finish\",\"reason\":\"stop\",\"cost\":0.2,\"tokens\":{\"input\":50,"
    "\"output\":8,\"reasoning\":0,\"cache\":{\"read\":106,\"write\":0}}}}\n";

static const char amp[] =
    "{\"type\":\"system\",\"subtype\":\"init\",\"cwd\":\"/"
    "w\",\"session_id\":\"T-1\",\"tools\":[\"Bash\"],\"mcp_servers\":[]}\n"
    "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"go\"}]},"
    "\"parent_tool_use_id\":null,\"session_id\":\"T-1\"}\n"
    "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\","
    "\"content\":[{\"type\":\"text\",\"text\":\"I "
    "look.\"},{\"type\":\"tool_use\",\"id\":\"k1\",\"name\":\"Bash\",\"input\":{\"cmd\":\"ls\"}}],\"stop_"
    "reason\":\"tool_use\",\"usage\":{\"input_tokens\":10,\"output_tokens\":5,\"cache_read_input_tokens\":"
    "100,\"cache_creation_input_tokens\":0}},\"parent_tool_use_id\":null,\"session_id\":\"T-1\"}\n"
    "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_"
    "id\":\"k1\",\"content\":\"a.c\",\"is_error\":false}]},\"parent_tool_use_id\":null,\"session_id\":\"T-"
    "1\"}\n"
    "{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"duration_ms\":100,\"is_error\":true,\"num_"
    "turns\":1,\"error\":\"no credit\",\"session_id\":\"T-1\"}\n";

static const char goose[] =
    "{\"type\":\"message\",\"message\":{\"id\":\"m1\",\"role\":\"assistant\",\"created\":1,\"content\":[{"
    "\"type\":\"text\",\"text\":\"I \"}],\"metadata\":{}}}\n"
    "{\"type\":\"message\",\"message\":{\"id\":\"m1\",\"role\":\"assistant\",\"created\":1,\"content\":[{"
    "\"type\":\"text\",\"text\":\"look.\"}],\"metadata\":{}}}\n"
    "{\"type\":\"message\",\"message\":{\"id\":\"m1\",\"role\":\"assistant\",\"created\":1,\"content\":[{"
    "\"type\":\"toolRequest\",\"id\":\"q1\",\"toolCall\":{\"status\":\"success\",\"value\":{\"name\":"
    "\"developer__shell\",\"arguments\":{\"command\":\"ls\"}}}}],\"metadata\":{}}}\n"
    "{\"type\":\"message\",\"message\":{\"id\":\"m2\",\"role\":\"user\",\"created\":1,\"content\":[{\"type\":"
    "\"toolResponse\",\"id\":\"q1\",\"toolResult\":{\"status\":\"success\",\"value\":{\"content\":[{\"type\":"
    "\"text\",\"text\":\"denied\"}],\"isError\":true}}}],\"metadata\":{}}}\n"
    "{\"type\":\"message\",\"message\":{\"id\":\"m3\",\"role\":\"assistant\",\"created\":1,\"content\":[{"
    "\"type\":\"text\",\"text\":\"Done.\"}],\"metadata\":{}}}\n"
    "{\"type\":\"complete\",\"total_tokens\":30,\"input_tokens\":20,\"output_tokens\":10,\"cost_usd\":0.5}\n";

static const char pi[] =
    "{\"type\":\"session\",\"version\":3,\"id\":\"p\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/"
    "w\"}\n"
    "{\"type\":\"agent_start\"}\n"
    "{\"type\":\"turn_start\"}\n"
    "{\"type\":\"message_end\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"go\"}]}}\n"
    "{\"type\":\"message_update\",\"message\":{\"role\":\"assistant\",\"content\":[]},"
    "\"assistantMessageEvent\":{\"type\":\"thinking_delta\",\"contentIndex\":0,\"delta\":\"hm\",\"partial\":{"
    "}}}\n"
    "{\"type\":\"message_update\",\"message\":{\"role\":\"assistant\",\"content\":[]},"
    "\"assistantMessageEvent\":{\"type\":\"text_delta\",\"contentIndex\":1,\"delta\":\"I "
    "look.\",\"partial\":{}}}\n"
    "{\"type\":\"message_end\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
    "\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"I "
    "look.\"},{\"type\":\"toolCall\",\"id\":\"k1\",\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"}}],"
    "\"model\":\"m\",\"usage\":{\"input\":10,\"output\":5,\"cacheRead\":100,\"cacheWrite\":1,\"totalTokens\":"
    "116,\"cost\":{\"total\":0.25}},\"stopReason\":\"toolUse\"}}\n"
    "{\"type\":\"tool_execution_start\",\"toolCallId\":\"k1\",\"toolName\":\"bash\",\"args\":{\"command\":"
    "\"ls\"}}\n"
    "{\"type\":\"tool_execution_update\",\"toolCallId\":\"k1\",\"toolName\":\"bash\",\"args\":{\"command\":"
    "\"ls\"},\"partialResult\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}}\n"
    "{\"type\":\"tool_execution_end\",\"toolCallId\":\"k1\",\"toolName\":\"bash\",\"result\":{\"content\":[{"
    "\"type\":\"text\",\"text\":\"a\\nc\"}],\"details\":{\"exit_code\":3}},\"isError\":false}\n"
    "{\"type\":\"message_end\",\"message\":{\"role\":\"toolResult\",\"toolCallId\":\"k1\",\"toolName\":"
    "\"bash\",\"content\":[{\"type\":\"text\",\"text\":\"a.c\"}],\"isError\":true}}\n"
    "{\"type\":\"message_end\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"Done.\"}],\"model\":\"m\",\"usage\":{\"input\":1,\"output\":2,\"cacheRead\":0,\"cacheWrite\":0,"
    "\"totalTokens\":3,\"cost\":{\"total\":0.5}},\"stopReason\":\"stop\"}}\n"
    "{\"type\":\"agent_end\",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"Done.\"}]}]}\n";

static const char copilot[] =
    "{\"type\":\"session.start\",\"data\":{\"sessionId\":\"s\",\"version\":1,\"producer\":\"copilot-agent\","
    "\"startTime\":\"2026-01-01T00:00:00.000Z\",\"selectedModel\":\"gpt\",\"context\":{\"cwd\":\"/"
    "w\",\"branch\":\"main\"}},\"id\":\"e0\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"parentId\":null}\n"
    "{\"type\":\"user.message\",\"data\":{\"content\":\"go\",\"transformedContent\":\"<x>go\"},\"id\":\"e1\","
    "\"timestamp\":\"2026-01-01T00:00:01.000Z\",\"parentId\":\"e0\"}\n"
    "{\"type\":\"assistant.turn_start\",\"data\":{\"turnId\":\"0\"},\"id\":\"e2\",\"timestamp\":\"2026-01-"
    "01T00:00:02.000Z\",\"parentId\":\"e1\"}\n"
    "{\"type\":\"assistant.message_delta\",\"data\":{\"messageId\":\"m1\",\"deltaContent\":\"I "
    "look.\"},\"id\":\"e3\",\"timestamp\":\"2026-01-01T00:00:02.000Z\",\"parentId\":\"e2\"}\n"
    "{\"type\":\"assistant.message\",\"data\":{\"messageId\":\"m1\",\"content\":\"I "
    "look.\",\"toolRequests\":[{\"toolCallId\":\"k1\",\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"},"
    "\"type\":\"function\"}],\"outputTokens\":7},\"id\":\"e4\",\"timestamp\":\"2026-01-01T00:00:03.000Z\","
    "\"parentId\":\"e2\"}\n"
    "{\"type\":\"permission.requested\",\"data\":{\"requestId\":\"r1\",\"permissionRequest\":{\"kind\":"
    "\"shell\",\"toolCallId\":\"k1\"}},\"id\":\"e5\",\"timestamp\":\"2026-01-01T00:00:03.000Z\",\"parentId\":"
    "\"e4\"}\n"
    "{\"type\":\"permission.completed\",\"data\":{\"requestId\":\"r1\",\"result\":{\"kind\":\"approved-"
    "once\"}},\"id\":\"e6\",\"timestamp\":\"2026-01-01T00:00:03.500Z\",\"parentId\":\"e5\"}\n"
    "{\"type\":\"tool.execution_start\",\"data\":{\"toolCallId\":\"k1\",\"toolName\":\"bash\",\"arguments\":{"
    "\"command\":\"ls\"}},\"id\":\"e7\",\"timestamp\":\"2026-01-01T00:00:04.000Z\",\"parentId\":\"e4\"}\n"
    "{\"type\":\"tool.execution_complete\",\"data\":{\"toolCallId\":\"k1\",\"success\":false,\"error\":{"
    "\"message\":\"no "
    "shell\",\"code\":\"failure\"}},\"id\":\"e8\",\"timestamp\":\"2026-01-01T00:00:05.000Z\",\"parentId\":"
    "\"e7\"}\n"
    "{\"type\":\"assistant.message\",\"data\":{\"messageId\":\"m2\",\"content\":\"Done.\",\"toolRequests\":[]"
    "},\"id\":\"e9\",\"timestamp\":\"2026-01-01T00:00:06.000Z\",\"parentId\":\"e8\"}\n"
    "{\"type\":\"result\",\"sessionId\":\"s\",\"exitCode\":0,\"usage\":{\"premiumRequests\":1,"
    "\"totalApiDurationMs\":10,\"sessionDurationMs\":20,\"codeChanges\":{\"linesAdded\":0,\"linesRemoved\":0,"
    "\"filesModified\":[]}}}\n";

static const char kimi[] = "{\"role\":\"assistant\",\"content\":\"I "
                           "look.\",\"tool_calls\":[{\"type\":\"function\",\"id\":\"k1\",\"function\":{"
                           "\"name\":\"Shell\",\"arguments\":\"{\\\"command\\\":\\\"ls\\\"}\"}}]}\n"
                           "{\"role\":\"tool\",\"tool_call_id\":\"k1\",\"content\":\"a.c\"}\n"
                           "{\"role\":\"assistant\",\"content\":[{\"type\":\"think\",\"think\":\"hm\"},{"
                           "\"type\":\"text\",\"text\":\"Done.\"}]}\n";

static const char droid[] =
    "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"d\",\"cwd\":\"/"
    "w\",\"tools\":[],\"model\":\"m\",\"reasoning_effort\":\"low\"}\n"
    "{\"type\":\"message\",\"session_id\":\"d\",\"timestamp\":\"2026-01-01T00:00:01.000Z\",\"role\":\"user\","
    "\"text\":\"go\",\"id\":\"m1\"}\n"
    "{\"type\":\"message\",\"session_id\":\"d\",\"timestamp\":\"2026-01-01T00:00:02.000Z\",\"role\":"
    "\"assistant\",\"text\":\"I look.\",\"id\":\"m2\"}\n"
    "{\"type\":\"tool_call\",\"session_id\":\"d\",\"timestamp\":\"2026-01-01T00:00:03.000Z\",\"id\":\"k1\","
    "\"messageId\":\"m2\",\"toolId\":\"Shell\",\"toolName\":\"Shell\",\"parameters\":{\"command\":\"ls\"}}\n"
    "{\"type\":\"tool_result\",\"session_id\":\"d\",\"timestamp\":\"2026-01-01T00:00:04.000Z\",\"id\":\"k1\","
    "\"toolId\":\"Shell\",\"isError\":false,\"value\":{\"stdout\":\"a.c\",\"exitCode\":2}}\n"
    "{\"type\":\"message\",\"session_id\":\"d\",\"timestamp\":\"2026-01-01T00:00:05.000Z\",\"role\":"
    "\"assistant\",\"text\":\"Done.\",\"id\":\"m3\"}\n"
    "{\"type\":\"completion\",\"session_id\":\"d\",\"timestamp\":\"2026-01-01T00:00:06.000Z\",\"finalText\":"
    "\"Done.\",\"numTurns\":2,\"durationMs\":6000}\n";

static const char antigravity[] =
    "{\"event\":\"init\",\"conversation_id\":\"v\",\"init\":{\"cwd\":\"/"
    "w\",\"tools\":[],\"permission_mode\":\"x\",\"model\":\"m\",\"agent\":\"a\"}}\n"
    "{\"event\":\"step_update\",\"step_update\":{\"conversation_id\":\"v\",\"step_index\":1,\"state\":"
    "\"ACTIVE\",\"step_type\":\"agent_response\",\"text_delta\":\"I \"}}\n"
    "{\"event\":\"step_update\",\"step_update\":{\"conversation_id\":\"v\",\"step_index\":1,\"state\":"
    "\"DONE\",\"step_type\":\"agent_response\",\"text_delta\":\"look.\"}}\n"
    "{\"event\":\"step_update\",\"step_update\":{\"conversation_id\":\"v\",\"step_index\":2,\"state\":"
    "\"DONE\",\"step_type\":\"tool\",\"tool_name\":\"run_command\",\"tool_info\":{\"name\":\"run_command\","
    "\"parameters\":{\"c\":\"ls\"},\"error\":{\"type\":\"exit\",\"message\":\"1\"}}}}\n"
    "{\"event\":\"result\",\"result\":{\"conversation_id\":\"v\",\"status\":\"SUCCESS\",\"response\":\"I "
    "look.\",\"duration_seconds\":2.5,\"num_turns\":1,\"usage\":{\"input\":10,\"output\":5,\"thinking\":2,"
    "\"cache_read\":3,\"total_tokens\":15}}}\n";

static const char grok[] = "{\"type\":\"thought\",\"data\":\"hm\"}\n"
                           "{\"type\":\"text\",\"data\":\"I \"}\n"
                           "{\"type\":\"text\",\"data\":\"look.\"}\n"
                           "{\"type\":\"end\",\"stopReason\":\"EndTurn\",\"sessionId\":\"g\",\"num_turns\":1,"
                           "\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}\n";

static const char acp[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session/new\",\"params\":{\"cwd\":\"/"
    "w\",\"mcpServers\":[]}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"sessionId\":\"s\"}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"session/"
    "prompt\",\"params\":{\"sessionId\":\"s\",\"prompt\":[{\"type\":\"text\",\"text\":\"go\"}]}}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"agent_thought_chunk\","
    "\"content\":{\"type\":\"text\",\"text\":\"hm\"}}}}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"agent_message_chunk\","
    "\"content\":{\"type\":\"text\",\"text\":\"I \"}}}}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"agent_message_chunk\","
    "\"content\":{\"type\":\"text\",\"text\":\"look.\"}}}}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"tool_call\",\"toolCallId\":"
    "\"k1\",\"title\":\"Run "
    "ls\",\"kind\":\"execute\",\"status\":\"pending\",\"rawInput\":{\"command\":\"ls\"}}}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"session/"
    "request_permission\",\"params\":{\"sessionId\":\"s\",\"toolCall\":{\"toolCallId\":\"k1\"},\"options\":[{"
    "\"optionId\":\"y\",\"name\":\"Yes\",\"kind\":\"allow_once\"},{\"optionId\":\"n\",\"name\":\"No\","
    "\"kind\":\"reject_once\"}]}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"outcome\":{\"outcome\":\"selected\",\"optionId\":\"n\"}}}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"tool_call_update\","
    "\"toolCallId\":\"k1\",\"status\":\"failed\"}}}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"tool_call\",\"toolCallId\":"
    "\"k2\",\"title\":\"Read "
    "a.c\",\"name\":\"Read\",\"kind\":\"read\",\"status\":\"in_progress\",\"rawInput\":{\"path\":\"a.c\"}}}}"
    "\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"tool_call_update\","
    "\"toolCallId\":\"k2\",\"status\":\"completed\",\"content\":[{\"type\":\"content\",\"content\":{\"type\":"
    "\"text\",\"text\":\"int a;\"}}]}}}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/"
    "update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"plan\",\"entries\":[{"
    "\"content\":\"look\",\"priority\":\"medium\",\"status\":\"completed\"}]}}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"stopReason\":\"end_turn\"}}\n";

static const sample samples[] = {
    {ASM_FORMAT_GEMINI, gemini,
     "run(gemini-x) sent(go) say(I ) say(look.) got(I look.) start(a run_shell_command {\"comman"
     "d\":\"false\"}) start(b read_file {\"path\":\"x\"}) fail(b failed no x ! no x) fail(a fail"
     "ed Command exited with code: 1) error_occurred say(Done.) got(Done.) end( {\"input_tokens"
     "\":100,\"output_tokens\":30,\"cache_read_tokens\":60,\"reasoning_tokens\":10}) "},
    {ASM_FORMAT_CURSOR, cursor,
     "run(Auto) sent(go) think(hm) say(I ) say(look.) got(I look.) start(k\n1 shell {\"command\""
     ":\"false\"}) fail(k\n1 failed out) start(k2 write {\"path\":\"a\"}) fail(k2 declined  ! no"
     "t now) say(Done.) got(Done.) end(end_turn {\"input_tokens\":111,\"output_tokens\":5,\"cach"
     "e_read_tokens\":100,\"cache_creation_tokens\":1}) "},
    {ASM_FORMAT_OPENCODE, opencode,
     "run() say(I look.) got(I look.) start(k1 bash {\"command\":\"false\"}) fail(k1 failed no) "
     "start(k2 invalid {\"tool\":\"nope\"}) fail(k2 failed unknown tool) say(Done.) got(Done.) e"
     "nd(end_turn {\"input_tokens\":262,\"output_tokens\":18,\"cache_read_tokens\":111,\"cache_c"
     "reation_tokens\":1,\"reasoning_tokens\":0,\"cost_usd\":0.3}) "},
    {ASM_FORMAT_AMP, amp,
     "run() sent(go) say(I look.) start(k1 Bash {\"cmd\":\"ls\"}) got(I look.) done(k1  a.c) err"
     "or_occurred failed(error_during_execution no credit) "},
    {ASM_FORMAT_GOOSE, goose,
     "run() say(I ) say(look.) got(I look.) start(q1 developer__shell {\"command\":\"ls\"}) fail"
     "(q1 failed denied) say(Done.) got(Done.) end( {\"input_tokens\":20,\"output_tokens\":10}) "},
    {ASM_FORMAT_PI, pi,
     "run() sent(go) think(hm) say(I look.) got(I look.) start(k1 bash {\"command\":\"ls\"}) output(k1 a) "
     "fail(k1 failed a\nc) say(Done.) got(Done.) end(end_turn "
     "{\"input_tokens\":112,\"output_tokens\":7,\"cache_read_tokens\":100,\"cache_creation_tokens\":1,\"cost_"
     "usd\":0.75}) "},
    {ASM_FORMAT_COPILOT, copilot,
     "run(gpt) sent(go) say(I look.) got(I look.) tool_approval_requested(r1 k1 ) tool_approval_"
     "granted(r1 k1 approve) start(k1 bash {\"command\":\"ls\"}) fail(k1 failed  ! no shell) say"
     "(Done.) got(Done.) end( {\"output_tokens\":7}) copilot.result "},
    {ASM_FORMAT_KIMI, kimi,
     "run() say(I look.) got(I look.) start(k1 Shell {\"command\":\"ls\"}) done(k1 unknown a.c) "
     "think(hm) say(Done.) got(Done.) end( ) "},
    {ASM_FORMAT_DROID, droid,
     "run(m) sent(go) say(I look.) got(I look.) start(k1 Shell {\"command\":\"ls\"}) fail(k1 fai"
     "led a.c) say(Done.) got(Done.) end(end_turn ) "},
    {ASM_FORMAT_ANTIGRAVITY, antigravity,
     "run(m) say(I ) say(look.) got(I look.) start(2 run_command {\"c\":\"ls\"}) fail(2 failed  "
     "! 1) end(end_turn {\"input_tokens\":10,\"output_tokens\":5,\"cache_read_tokens\":3,\"reaso"
     "ning_tokens\":2}) "},
    {ASM_FORMAT_GROK, grok,
     "run() think(hm) say(I ) say(look.) got(I look.) end(end_turn {\"input_tokens\":10,\"output"
     "_tokens\":5}) "},
    {ASM_FORMAT_ACP, acp,
     "run() sent(go) think(hm) say(I ) say(look.) got(I look.) start(k1 execute {\"command\":\"l"
     "s\"}) tool_approval_requested(7 k1 ) tool_approval_denied(7 k1 reject) fail(k1 declined ) "
     "start(k2 Read {\"path\":\"a.c\"}) done(k2 completed int a;) todos_updated end(end_turn ) "},
};

/* By their marks and by name, whole, byte by byte, in pieces, with CR LF. */
static void test_streams(void **state) {
    asm_buffer out;
    (void)state;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < COUNT(samples); i++) {
        const char *stream = samples[i].stream;
        const asm_str expected = asm_str_from(samples[i].expected);
        trace(&out, stream, strlen(stream), 0, ASM_FORMAT_AUTO);
        if (getenv("SHOW_TRACES"))
            printf("%s\t%.*s\n", asm_format_name(samples[i].format), VIEW(asm_buffer_text(&out)));
        expect_text(asm_buffer_text(&out), expected);
        for (size_t step = 1; step < 60; step += 7) {
            trace(&out, stream, strlen(stream), step, samples[i].format);
            expect_text(asm_buffer_text(&out), expected);
        }
    }
    asm_buffer_close(&out);
    end_of_cases();
}

/* Cut after any line, a run has one end, and no text is lost that was said. */
static void test_cuts(void **state) {
    asm_buffer out;
    (void)state;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < COUNT(samples); i++)
        for (const char *cut = strchr(samples[i].stream, '\n'); cut; cut = strchr(cut + 1, '\n')) {
            size_t runs = 0, ends = 0;
            trace(&out, samples[i].stream, (size_t)(cut - samples[i].stream), 0, samples[i].format);
            asm_buffer_append_byte(&out, 0);
            for (const char *at = out.data; (at = strstr(at, "run(")) != NULL; at++)
                runs++;
            for (const char *at = out.data; *at; at++)
                ends +=
                    (at == out.data || at[-1] == ' ') &&
                    (!strncmp(at, "end(", 4) || !strncmp(at, "failed(", 7) || !strncmp(at, "cancelled(", 10));
            expect(runs == ends, "%s: %s", asm_format_name(samples[i].format), out.data);
        }
    asm_buffer_close(&out);
    end_of_cases();
}

static void ignore(void *user, const asm_event *event) {
    (void)user, (void)event;
}

static void test_failing_allocations(void **state) {
    const size_t alive = allocations_alive;
    (void)state;
    for_each_way_to_fail for (size_t i = 0; i < COUNT(samples); i++) for (size_t failing = 1; failing < 50;
                                                                          failing++) {
        asm_ingest ingest;
        asm_ingest_options options;
        memset(&options, 0, sizeof options);
        options.format = samples[i].format;
        options.on_event = ignore;
        fail_allocations_from(failing);
        if (asm_ingest_init(&ingest, &options) == ASM_OK) {
            asm_ingest_feed(&ingest, samples[i].stream, strlen(samples[i].stream), 1);
            asm_ingest_end(&ingest, 1);
        }
        asm_ingest_close(&ingest);
        fail_allocations_from(0);
        expect(allocations_alive == alive, "%s leaks when %zu fails", asm_format_name(samples[i].format),
               failing);
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
