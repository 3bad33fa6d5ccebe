import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import pino from 'pino';
import { Compile } from 'typebox/compile';
import { NodesToolResult } from '../../shared/api/nodes-tool.ts';
import { exchange, requestBytes } from '../support/network/raw-http.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
let nodeId: string;
before(async () => {
  pool = await startPool();
  ({ nodeId } = await pool.addNode({ name: 'attic' }));
});
after(() => pool.close());

const Result = Compile(NodesToolResult);
const ENDPOINT = (): URL => new URL(`${pool.relay.url}/mcp`);
const requestInit = (): RequestInit => ({ headers: { authorization: `Bearer ${pool.relay.apiKey}` } });

/** What both generations of the official client have in common. */
type AnyClient = {
  listTools(): Promise<{ tools: { name: string; outputSchema?: unknown }[] }>;
  /** The first SDK wants a schema before the options. */
  callTool(call: { name: string; arguments: Record<string, unknown> }, ...more: unknown[]): Promise<unknown>;
  close(): Promise<void>;
};
type ToolAnswer = {
  isError?: boolean;
  structuredContent: Omit<NodesToolResult, 'data'> & { data?: Record<string, unknown> };
  content: { text: string }[];
};

const CLIENTS: Record<string, () => Promise<AnyClient>> = {
  '[MC1] the client of the first SDK': async () => {
    const client = new ClientV1({ name: 'test', version: '1' });
    await client.connect(new TransportV1(ENDPOINT(), { requestInit: requestInit() }) as never);
    return client as never;
  },
  '[MC2] the client of the second SDK as it comes': async () => {
    const client = new ClientV2({ name: 'test', version: '1' });
    await client.connect(new TransportV2(ENDPOINT(), { requestInit: requestInit() }));
    return client as never;
  },
  '[MC2] the client of the second SDK that looks for the newest revision': async () => {
    const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new TransportV2(ENDPOINT(), { requestInit: requestInit() }));
    return client as never;
  },
};

async function call(client: AnyClient, args: Record<string, unknown>): Promise<ToolAnswer> {
  const answer = (await client.callTool({ name: 'nodes', arguments: args })) as ToolAnswer;
  if (answer.structuredContent !== undefined) {
    assert.deepEqual(Result.Errors(answer.structuredContent), []);
  }
  return answer;
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  test(`${name} finds the tool and uses its five actions`, async () => {
    const client = await connect();
    try {
      const { tools } = await client.listTools();
      assert.deepEqual(
        tools.map((tool) => tool.name),
        ['nodes'],
      );
      const listed = await call(client, { action: 'list' });
      assert.match(listed.content[0]?.text ?? '', new RegExp(`^${nodeId}  ready  0/8 slots`));
      const health = await call(client, { action: 'health', node_id: 'attic' });
      assert.equal(health.structuredContent.data?.healthy, true);
      const capable = await call(client, { action: 'capabilities', node_id: nodeId });
      const document = capable.structuredContent.data?.document as { node_id: string } | undefined;
      assert.equal(document?.node_id, nodeId);
      const pooled = await call(client, { action: 'capabilities' });
      assert.match(pooled.structuredContent.output, /test\/echo/);
      const sent = await call(client, { action: 'send', node_id: 'attic', model: 'test/echo', task: 'hello' });
      const taskId = sent.structuredContent.data?.id as string;
      assert.match(taskId, /^task_/);
      await until(async () => {
        const { structuredContent } = await call(client, { action: 'result', task_id: taskId });
        return structuredContent.data?.state === 'succeeded';
      });
      const result = await call(client, { action: 'result', task_id: taskId });
      assert.match(result.content[0]?.text ?? '', /hello/);
    } finally {
      await client.close();
    }
  });
}

async function post(body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const response = await pool.request('/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

const MODERN = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const modern = (method: string, params: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  params: { ...params, _meta: META },
});

test('[MC3] a header that contradicts the message, or is missing, is refused in the words of the protocol', async () => {
  const list = modern('tools/list');
  const right = { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list' };
  assert.equal((await post(list, right)).status, 200);
  for (const headers of [
    { ...right, 'mcp-method': 'tools/call' },
    { 'mcp-protocol-version': MODERN },
    { ...right, 'mcp-protocol-version': '1999-01-01' },
  ]) {
    const { status, text } = await post(list, headers as Record<string, string>);
    assert.equal(status, 400, JSON.stringify(headers));
    const { error } = JSON.parse(text) as { error: { code: number; message: string } };
    assert.equal(error.code, -32001, JSON.stringify(headers));
    assert.match(error.message, /^HeaderMismatch: /);
  }
});

test('[MC3] the client of the second SDK that sends a wrong header is told of the mismatch', async () => {
  const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const spoiled: typeof fetch = (url, init) => {
    const headers = new Headers(init?.headers);
    if (headers.get('mcp-method') === 'tools/list') headers.set('mcp-method', 'tools/call');
    return fetch(url, { ...init, headers });
  };
  await client.connect(new TransportV2(ENDPOINT(), { requestInit: requestInit(), fetch: spoiled }));
  try {
    await assert.rejects(client.listTools(), /HeaderMismatch/);
  } finally {
    await client.close();
  }
});

test('[MC3] a revision that nobody knows is refused, with those that are known', async () => {
  const params = { _meta: { ...META, 'io.modelcontextprotocol/protocolVersion': '2199-01-01' } };
  const agreed = await post(
    { jsonrpc: '2.0', id: 1, method: 'tools/list', params },
    { 'mcp-protocol-version': '2199-01-01', 'mcp-method': 'tools/list' },
  );
  assert.equal(agreed.status, 400);
  // Header and message agree: clients choose another revision by this number and what comes with it.
  const { error } = JSON.parse(agreed.text) as { error: { code: number; data: { supported: string[] } } };
  assert.equal(error.code, -32022);
  assert.ok(error.data.supported.includes(MODERN));
  const older = await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'mcp-protocol-version': '1999-01-01' });
  assert.equal(older.status, 400);
  assert.match(older.text, /"error":\{"code":-32\d{3}/);
});

test('[MC4] an unknown method is not found, other verbs are not allowed, and old headers change nothing', async () => {
  const { status, text } = await post(modern('tools/frobnicate'), {
    'mcp-protocol-version': MODERN,
    'mcp-method': 'tools/frobnicate',
  });
  assert.deepEqual([status, (JSON.parse(text) as { error: { code: number } }).error.code], [404, -32601]);
  for (const method of ['GET', 'DELETE']) {
    const response = await pool.request('/mcp', { method });
    assert.equal(response.status, 405);
    assert.match(response.headers.get('allow') ?? '', /POST/);
  }
  const old = {
    'mcp-session-id': 'x',
    'last-event-id': '7',
    'mcp-protocol-version': MODERN,
    'mcp-method': 'tools/list',
  };
  assert.equal((await post(modern('tools/list'), old)).status, 200);
});

test('[MC5] a page of somebody else is refused before its message is read, and so is who has no key', async () => {
  for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
    const response = await pool.request('/mcp', {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body: 'not even JSON',
    });
    assert.equal(response.status, 403, origin);
    assert.equal(((await response.json()) as { code: string }).code, 'origin_refused');
  }
  const own = { origin: 'http://localhost:3000', 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list' };
  assert.equal((await post(modern('tools/list'), own)).status, 200);
  assert.equal((await post(modern('tools/list'), { authorization: 'Bearer wrong' })).status, 401);
});

test('[MC5] a page counts as the relay’s own at an address that nobody else can make theirs', async () => {
  for (const host of ['192.168.1.5:8484', '[fd00::5]:8484', 'attic:8484', 'attic.local', 'relay.internal']) {
    assert.equal(await postAs(host, `http://${host}`), 200, host);
    assert.equal(await postAs(host, 'http://192.168.1.6'), 403, host);
  }
  for (const origin of ['http://rebound.example', 'http://localhost']) {
    assert.equal(await postAs('rebound.example', origin), 403, origin);
  }
  assert.equal(await postAs('not a host', 'http://localhost'), 403);
  // A program says no origin, and may come through a proxy under any name.
  for (const host of ['gpu.club.example', 'not a host']) assert.equal(await postAs(host), 200, host);
});

/** The status of a right request under this Host, which `fetch` would set itself. */
async function postAs(host: string, origin?: string): Promise<number> {
  const headers = [
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `MCP-Protocol-Version: ${MODERN}`,
    'Mcp-Method: tools/list',
    ...(origin === undefined ? [] : [`Origin: ${origin}`]),
  ];
  const bytes = requestBytes(pool, {
    method: 'POST',
    path: '/mcp',
    headers,
    body: JSON.stringify(modern('tools/list')),
  });
  return (await exchange(pool, bytes.replace('Host: relay', `Host: ${host}`))).status;
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  test(`[MC6] wrong arguments, refusals and an unknown tool are results that say what to do: ${name}`, async () => {
    const client = await connect();
    try {
      for (const [args, sentence] of [
        [{ action: 'dance' }, /action|dance/i],
        [{ action: 'list', colour: 'red' }, /colour|additional/i],
        [{ action: 'health' }, /needs node_id/],
        [{ action: 'health', node_id: 'attik' }, /Did you mean attic/],
        [{ action: 'send', node_id: 'attic' }, /needs task/],
        [{ action: 'result', task_id: 'task_none' }, /no task/],
      ] as const) {
        const answer = await call(client, args);
        assert.equal(answer.isError, true, JSON.stringify(args));
        assert.match(answer.content[0]?.text ?? '', sentence);
      }
      for (const tool of ['weather', 'toString', '__proto__']) {
        const unknown = (await client.callTool({ name: tool, arguments: {} })) as ToolAnswer;
        assert.equal(unknown.isError, true, tool);
        assert.match(unknown.content[0]?.text ?? '', /no tool .* The only one is nodes/);
      }
    } finally {
      await client.close();
    }
  });
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  test(`[MC7] a slow task tells its progress, and closing the stream cancels it: ${name}`, async () => {
    const client = await connect();
    const heard: string[] = [];
    const gone = new AbortController();
    const args = { action: 'send', node_id: 'attic', model: 'test/stuck', task: 'x', wait: true };
    const listen = { onprogress: (at: { message?: string }) => heard.push(at.message ?? ''), signal: gone.signal };
    const call = { name: 'nodes', arguments: args };
    const ended = assert.rejects(
      name.startsWith('[MC1]') ? client.callTool(call, undefined, listen) : client.callTool(call, listen),
    );
    await until(() => heard.length > 0);
    assert.match(heard[0] ?? '', /^Task task_\w+ runs on attic/);
    const taskId = /task_\w+/.exec(heard[0] ?? '')?.[0] ?? '';
    gone.abort();
    await ended;
    await client.close();
    await until(async () => {
      const task = (await (await pool.request(`/v1/tasks/${taskId}`)).json()) as { state: string };
      return task.state === 'cancelled';
    });
  });
}

test('[MC8] a client that does not accept both forms of an answer is told so', async () => {
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  };
  assert.equal((await post(initialize, { accept: 'application/json' })).status, 406);
  assert.equal((await post(initialize)).status, 200);
});

test('a tool call leaves no prompt in the log, neither one that is served nor one that is refused', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const logged = await startPool({ log });
  t.after(() => logged.close());
  await logged.addNode({ name: 'attic' });
  const right = { action: 'send', node_id: 'attic', model: 'test/echo', task: 'a SECRET', wait: true };
  for (const args of [right, { ...right, type: 'SECRET' }, { ...right, node_id: 'SECRET' }, { ...right, SECRET: 1 }]) {
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'nodes', arguments: args } };
    const response = await logged.request('/mcp', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(message),
    });
    assert.equal(response.status, 200);
    await response.text();
  }
  assert.ok(lines.length > 0);
  assert.ok(!lines.some((line) => line.includes('SECRET')));
});
