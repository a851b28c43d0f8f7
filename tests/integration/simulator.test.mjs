// SPDX-License-Identifier: Apache-2.0
// The simulator itself: what it says of itself must be true before anything is measured by it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { answersIn, basePath, hi, post, raw, readStream, say, Sim, words } from './harness.mjs';

let sim;
before(async () => (sim = await Sim.start()));
after(() => sim.stop());

const key = { authorization: 'Bearer sk-test-1234' };

function call(dialect, body, what = 'chat/completions', headers = key) {
  return fetch(`${sim.url}${basePath(dialect)}/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', ...body }),
  });
}

const rawCall = (dialect, body, options) =>
  raw(sim.port, post(`${basePath(dialect)}/chat/completions`, JSON.stringify({ model: 'm', messages: hi, ...body }), 'Authorization: Bearer k\r\n'), { ms: 400, ...options });

test('an answer is a function of the request', async () => {
  const one = await (await call('openai', { messages: hi })).json();
  assert.equal(one.choices[0].message.content, words(20));
  assert.equal(one.usage.completion_tokens, 20);
  const said = await (await call('openai', { messages: say('so be it') })).json();
  assert.equal(said.choices[0].message.content, 'so be it');
  const short = await (await call('openai', { messages: hi, max_tokens: 3 })).json();
  assert.equal(short.choices[0].finish_reason, 'length');
});

test('a stream gives the same text and usage as one body', async () => {
  for (const dialect of ['openai', 'azure', 'deepseek', 'groq', 'mistral', 'vllm', 'ollama', 'openrouter']) {
    const whole = await (await call(dialect, { messages: say('one two thrée') })).json();
    const options = dialect === 'mistral' ? {} : { stream_options: { include_usage: true } };
    const stream = await readStream(await call(dialect, { messages: say('one two thrée'), stream: true, ...options }));
    assert.equal(stream.text, 'one two thrée', dialect);
    assert.ok(stream.done, dialect);
    const usage = stream.usage ?? stream.events.at(-1).x_groq?.usage;
    assert.deepEqual(usage, whole.usage, dialect);
  }
});

test('tools are called with arguments that fit their schema', async () => {
  const tools = [
    {
      type: 'function',
      function: {
        name: 'weather',
        parameters: {
          type: 'object',
          properties: {
            city: { type: 'string' },
            unit: { enum: ['c', 'f'] },
            days: { type: 'array', items: { $ref: '#/$defs/day' }, minItems: 2 },
            never: { type: 'string' },
          },
          required: ['city', 'unit', 'days'],
          $defs: { day: { type: 'object', properties: { n: { type: 'integer', minimum: 3 } } } },
        },
      },
    },
  ];
  const answer = await (await call('openai', { messages: hi, tools })).json();
  const [{ function: made }] = answer.choices[0].message.tool_calls;
  assert.equal(made.name, 'weather');
  assert.deepEqual(JSON.parse(made.arguments), { city: 'lorem', unit: 'c', days: [{ n: 3 }, { n: 3 }] });
  const stream = await readStream(await call('openai', { messages: hi, tools, stream: true }));
  const pieces = stream.events.flatMap(event => event.choices[0]?.delta.tool_calls ?? []);
  assert.equal(pieces.map(piece => piece.function.arguments).join(''), made.arguments);
  assert.equal(stream.finish, 'tool_calls');
});

test('embeddings come as asked, but for providers that only know floats', async () => {
  const input = 'text';
  const floats = (await (await call('openai', { input }, 'embeddings')).json()).data[0].embedding;
  const base64 = (await (await call('openai', { input, encoding_format: 'base64' }, 'embeddings')).json()).data[0].embedding;
  const bytes = Buffer.from(base64, 'base64');
  assert.deepEqual(floats, Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i)));
  const mistral = (await (await call('mistral', { input, encoding_format: 'base64' }, 'embeddings')).json()).data[0].embedding;
  assert.ok(Array.isArray(mistral));
});

test('each dialect words its errors in its own way', async () => {
  const shapes = {
    openai: body => body.error.message && 'param' in body.error,
    xai: body => typeof body.error === 'string' && body.code,
    mistral: body => body.object === 'error' && body.message,
    vllm: body => body.error.code === 503,
    llamacpp: body => body.error.code === 503 && body.error.type === 'unavailable_error',
    moonshotai: body => body.error.type && !('code' in body.error),
    azure: body => body.error.code && !('param' in body.error),
    alibaba: body => body.request_id && body.error.message,
    openrouter: body => body.error.code === 503 && body.error.metadata,
  };
  await sim.script([{ fault: { kind: 'status', status: 503 } }]);
  for (const [dialect, fits] of Object.entries(shapes)) {
    const response = await call(dialect, { messages: hi });
    assert.equal(response.status, 503);
    const body = await response.json();
    assert.ok(fits(body), `${dialect}: ${JSON.stringify(body)}`);
  }
  await sim.reset();
});

test('providers refuse what they do not know, and who they do not know', async () => {
  assert.equal((await call('openai', { messages: hi, provider: {} })).status, 400);
  assert.equal((await call('mistral', { messages: hi, seed: 1 })).status, 422);
  assert.equal((await call('groq', { messages: hi, logprobs: true })).status, 400);
  assert.equal((await call('openai', { messages: hi }, 'chat/completions', {})).status, 401);
  assert.equal((await call('xai', { messages: hi }, 'chat/completions', {})).status, 400);
  assert.equal((await call('vllm', { messages: hi }, 'chat/completions', {})).status, 200);
  assert.equal((await call('openai', { model: 'gpt-missing', messages: hi })).status, 404);
});

test('rules match by their terms, and as often as they say', async () => {
  await sim.script([
    { match: { dialect: 'openai~1', nth: 2 }, fault: { kind: 'status', status: 500 } },
    { match: { dialect: 'openai~2', model: 'a*' }, fault: { kind: 'status', status: 429, retry_after: '7' }, times: 1 },
  ]);
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await call('openai~1', { messages: hi })).status);
  assert.deepEqual(statuses, [200, 500, 200]);
  const limited = await call('openai~2', { model: 'abc', messages: hi });
  assert.equal(limited.headers.get('retry-after'), '7');
  assert.equal((await call('openai~2', { model: 'abc', messages: hi })).status, 200);
  assert.equal((await call('openai~2', { model: 'xyz', messages: hi })).status, 200);
  const refused = await fetch(`${sim.url}/_sim/script`, { method: 'PUT', body: '[{"fault":{"kind":"no such"}}]' });
  assert.equal(refused.status, 400);
  await sim.reset();
});

test('faults before the head look as they are named', async () => {
  const checks = {
    cut_head: result => result.text === '' && result.closed,
    reset_head: result => result.text === '' && result.reset,
    half_head: result => result.text.startsWith('HTTP/1.1 200 OK') && !result.text.includes('\r\n\r\n') && result.closed,
    garbage: result => result.text.startsWith('\x16\x03') && result.closed,
    not_http: result => result.text.startsWith('SSH-2.0') && result.closed,
    stall_head: result => result.text === '' && !result.closed,
    interim: result => /^HTTP\/1.1 100 .*HTTP\/1.1 103 .*HTTP\/1.1 200 /s.test(result.text),
    stall_body: result => result.text.endsWith('\r\n\r\n') && !result.closed,
    close: result => /connection: close/i.test(result.text) && result.closed,
  };
  for (const [kind, fits] of Object.entries(checks)) {
    await sim.script([{ fault: { kind } }]);
    const result = await rawCall('openai', {});
    assert.ok(fits(result), `${kind}: ${JSON.stringify(result)}`);
  }
  await sim.reset();
});

test('faults inside a stream come after as many events as they say', async () => {
  const content = text => (text.match(/"content":"[a-z]/g) ?? []).length;
  const checks = {
    cut: result => result.closed && !result.text.includes('\r\n0\r\n'),
    stall: result => !result.closed,
    error_mid: result => result.text.includes('"error":') && result.text.includes('\r\n0\r\n'),
    bad_chunk: result => result.text.includes('\r\nxyz\r\n') && result.closed,
  };
  for (const [kind, fits] of Object.entries(checks)) {
    await sim.script([{ fault: { kind, after: 4 } }]);
    const result = await rawCall('openai', { stream: true });
    assert.equal(content(result.text), 4, kind);
    assert.ok(fits(result), `${kind}: ${JSON.stringify(result)}`);
  }
  await sim.script([{ fault: { kind: 'reset', after: 4 } }]);
  assert.ok((await rawCall('openai', { stream: true })).reset);
  await sim.reset();
});

test('faults of form change the stream and nothing else', async () => {
  const text = 'one two three';
  const body = { messages: say(text), stream: true, stream_options: { include_usage: true } };
  const has = {
    no_done: raw => !raw.includes('[DONE]'),
    no_finish: raw => !raw.includes('"finish_reason":"'),
    usage_absent: raw => !raw.includes('"usage"'),
    usage_every: raw => raw.match(/"usage"/g).length > 3,
    usage_choice: raw => raw.includes('"finish_reason":"stop","usage"'),
    usage_x_groq: raw => raw.includes('"x_groq"'),
    usage_null: raw => raw.includes('"usage":null'),
    role_repeated: raw => raw.match(/"role"/g).length > 3,
    null_members: raw => raw.includes('"tool_calls":null'),
    comments: raw => raw.match(/\n: keep-alive/g).length > 3,
    bom: raw => raw.includes('\xef\xbb\xbf'),
    crlf: raw => raw.includes('}\r\n\r\n'),
    no_space: raw => raw.includes('data:{'),
    after_done: raw => /\[DONE\].*"more"/s.test(raw),
    split: raw => raw.includes('[DONE]'),
    finish: raw => raw.includes('"finish_reason":"content_filter"'),
  };
  for (const [kind, fits] of Object.entries(has)) {
    await sim.script([{ fault: { kind, reason: 'content_filter' } }]);
    const result = await rawCall('vllm', body, { ms: 150 });
    assert.ok(fits(result.text), `${kind}: ${result.text}`);
    const said = [...result.text.matchAll(/"content":"([^"]*)"/g)].map(match => match[1]).join('');
    assert.equal(said, text, kind);
  }
  await sim.reset();
});

test('a wrong length is wrong by what was said', async () => {
  for (const delta of [-10, 10]) {
    await sim.script([{ fault: { kind: 'wrong_length', delta } }]);
    const { text } = await rawCall('openai', {});
    const [head, body] = text.split('\r\n\r\n');
    assert.equal(Number(/content-length: (\d+)/i.exec(head)[1]) - body.length, delta);
  }
  await sim.reset();
});

test('the account holds what was served and how it ended', async () => {
  await sim.reset();
  const whole = await (await call('openai~acc', { messages: hi })).json();
  const record = await sim.record(whole.id);
  assert.equal(record.outcome, 'complete');
  assert.equal(record.key, '1234');
  assert.equal(record.prompt_tokens, whole.usage.prompt_tokens);
  assert.equal(record.completion_tokens, whole.usage.completion_tokens);

  await sim.script([{ fault: { kind: 'cut', after: 2 } }]);
  await readStream(await call('openai~acc', { messages: hi, stream: true }));
  await sim.script([{ fault: { kind: 'slow_tokens', ms: 50 } }]);
  const abort = new AbortController();
  const response = await fetch(`${sim.url}/openai~acc/v1/chat/completions`, {
    method: 'POST',
    headers: key,
    body: JSON.stringify({ model: 'm', stream: true, messages: hi }),
    signal: abort.signal,
  });
  await response.body.getReader().read();
  abort.abort();
  await new Promise(resolve => setTimeout(resolve, 200));
  const [, cut, gone] = await sim.records();
  assert.equal(cut.outcome, 'fault');
  assert.equal(cut.tokens_sent, 2);
  assert.equal(gone.outcome, 'client_closed');
  const totals = (await sim.totals())['openai~acc/m'];
  assert.equal(totals.requests, 3);
  assert.equal(totals.completion_tokens, 20);
  await sim.reset();
});

test('the same seed gives the same random faults', async () => {
  const draw = async () => {
    await sim.random({ rate: 0.5, seed: 7, kinds: ['status'] });
    const statuses = [];
    for (let i = 0; i < 20; i++) statuses.push((await call('openai', { messages: hi })).status);
    return statuses.join(' ');
  };
  const first = await draw();
  assert.equal(await draw(), first);
  assert.match(first, /200/);
  assert.match(first, /503/);
  await sim.reset();
});

test('a reader that takes nothing holds the stream back', async () => {
  const before = Number(/VmRSS:\s+(\d+)/.exec(await readStatus(sim.pid))[1]);
  const body = JSON.stringify({ model: 'bench-stream-10000000', stream: true, messages: hi });
  await new Promise((resolve, reject) => {
    import('node:net').then(({ default: net }) => {
      const socket = net.connect(sim.port, '127.0.0.1', () => {
        socket.pause();
        socket.write(post('/vllm/v1/chat/completions', body));
        setTimeout(() => (socket.destroy(), resolve()), 700);
      });
      socket.on('error', reject);
    });
  });
  const after = Number(/VmRSS:\s+(\d+)/.exec(await readStatus(sim.pid))[1]);
  assert.ok(after - before < 8192, `${after - before} KiB more`);
});

test('requests on one connection are answered in order', async () => {
  const one = n => post('/vllm/v1/chat/completions', JSON.stringify({ model: 'm', messages: say(`n${n}`) }));
  const { text } = await raw(sim.port, one(1) + one(2) + one(3), { ms: 400 });
  const said = answersIn(text).map(answer => JSON.parse(answer.body).choices[0].message.content);
  assert.deepEqual(said, ['n1', 'n2', 'n3']);
});

async function readStatus(pid) {
  const { readFile } = await import('node:fs/promises');
  return readFile(`/proc/${pid}/status`, 'utf8');
}
